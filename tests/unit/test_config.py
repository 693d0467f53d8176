"""Environment variables are read strictly, and every mistake is named."""

import re
import stat
from pathlib import Path

import pytest

from workshop import config, machine, secret_files
from workshop.config import Config, ConfigError


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Config.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)


def test_nothing_needs_to_be_set() -> None:
    loaded = config.load()
    assert (loaded.url(), loaded.is_embedded, loaded.state_dir) == (
        "http://127.0.0.1:8000/",
        True,
        config.ROOT / "var",
    )


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "")
    assert config.load().is_embedded


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("DEBUG", "maybe"),
        ("TOPIC_PARTITIONS", "0"),
        ("IN_FLIGHT_LIMIT", "-1"),
        ("WORK_LIMIT", "1.5"),
        ("SAGA_DEADLINE_S", "0"),
        ("LAG_MS", "400"),
        ("LAG_MS", "3000,400"),
        ("LAG_MS", "-1,5"),
        ("LAG_MS", "1,2,3"),
        ("LAG_MS", "0,600001"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092,"),
        ("KAFKA_BOOTSTRAP_SERVERS", "http://kafka:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092/topic"),
        ("EMAIL_USE_TLS", "si"),
        ("BACKSTAGE", "elsewhere"),
        ("HTTPS", "maybe"),
        ("COMMANDS_PER_MINUTE", "-1"),
        ("SAGAS_PER_MINUTE", "many"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("KAFKA_SASL_MECHANISM", "plain"),
    ],
    ids="=".join,
)
def test_a_mistake_is_one_line_that_names_the_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert [line.startswith(f"{name}={value}: ") for line in str(caught.value).splitlines()] == [True]
    assert "Value error" not in str(caught.value)


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("DEBUG", "maybe")
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert len(caught.value.mistakes) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "hunter2"),
        ("INSTRUCTOR_PASSWORD", "hunter2"),
        ("DATABASE_URL", "mysql://me:hunter2@db/workshop"),
        ("DATABASE_URL", "postgresql://me:hunter2@db"),
        ("DATABASE_URL", "postgresql://me:hunter2@db/workshop?colour=red"),
        ("DATABASE_URL", "postgresql://me:hunter2@[db/workshop"),
        ("DATABASE_URL", "dbname=workshop password=hunter2"),
        ("LEDGER_DATABASE_URL", "postgresql://me:hunter2@db/ledger"),
        ("LEDGER_DATABASE_URL", "postgresql://{service}:hunter2@db/ledger"),
        ("LEDGER_DATABASE_URLS", "hunter2"),
        ("LEDGER_DATABASE_URLS", '{"car": "mysql://me:hunter2@db/car"}'),
        ("LEDGER_DATABASE_URLS", '{"cart": "postgresql://me:hunter2@db/cart"}'),
        ("LEDGER_DATABASE_URLS", '["hunter2"]'),
        ("REDIS_URL", "http://me:hunter2@redis"),
        ("REDIS_URL", "redis://me:hunter2@redis:port/0"),
        ("REDIS_URL", "redis://me:hunter2/@redis:6379/0"),
        ("REDIS_URL", "redis://"),
    ],
    ids="=".join,
)
def test_a_secret_is_not_repeated_on_the_screen(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"^{name}: ") as caught:
        config.load()
    assert "hunter2" not in str(caught.value)


def test_no_secret_is_shown_with_the_settings() -> None:
    names = [name for name in Config.model_fields if re.search("password|secret_key|_url$", name)]
    assert {name for name in names if Config.model_fields[name].repr} == set()


def test_a_secret_may_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "database_password").write_text("open sesame\n")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    assert config.load().database_password == "open sesame"


def test_addresses_of_ledgers_are_variables_each_or_one_of_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger_database_urls").write_text('{"car": "postgresql://db/cars", "hotel": "postgresql://db/hotels"}')
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("LEDGER_DATABASE_URLS__CAR", "postgresql://garage/cars")
    ledgers = {service: config.load().ledger(service) for service in ("car", "hotel", "flight")}
    assert ledgers == {"car": "postgresql://garage/cars", "hotel": "postgresql://db/hotels", "flight": None}


def test_a_variable_counts_more_than_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "port").write_text("9000")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("PORT", "9001")
    assert config.load().port == 9001


def test_secrets_are_not_looked_for_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"^SECRETS_DIR=.*no such directory"):
        config.load()


@pytest.mark.parametrize(
    "servers", ["localhost:9092", "127.0.0.1:9092,kafka-2:9092", "a:1, b:2", "[::1]:9092"], ids=str
)
def test_a_cluster_is_named_by_host_and_port(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    assert not config.load().is_embedded


@pytest.mark.parametrize("url", ["redis://redis", "rediss://me:secret@redis:6380/1", "unix:///run/redis.sock"])
def test_redis_is_named_by_its_host_or_by_its_socket(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert config.load().redis_url == url


def test_lag_is_a_shortest_and_a_longest_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAG_MS", "0, 50")
    assert config.load().lag_ms == (0, 50)


def test_the_page_answers_to_loopback_and_to_the_names_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "workshop.example.com, .example.org,")
    assert config.load().hosts() == [*config.LOOPBACK, "workshop.example.com", ".example.org"]


def test_the_page_answers_to_the_address_that_it_listens_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "2001:db8::7")
    assert config.load().hosts() == [*config.LOOPBACK, "[2001:db8::7]"]


@pytest.mark.parametrize("address", ["192.0.2.7", None], ids=["in a network", "in none"])
def test_who_listens_everywhere_tells_an_address_that_can_be_opened(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setattr(machine, "address", lambda: address)
    assert config.load().url() == f"http://{address or '127.0.0.1'}:8000/"


def test_listening_everywhere_lets_the_class_in_by_the_names_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert set(machine.names()) <= set(config.load().hosts())


def test_an_ipv6_address_stands_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "::1")
    assert config.load().url() == "http://[::1]:8000/"


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    first, second = config.load().key(), config.load().key()
    assert first == second
    assert [stat.filemode(entry.stat().st_mode) for entry in tmp_path.iterdir()] == ["-rw-------"]


def test_of_two_that_make_the_key_at_once_both_use_the_first_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(size: int) -> str:
        (tmp_path / "secret_key").write_text("the first one's")
        return "the second one's"

    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setattr(secret_files.secrets, "token_urlsafe", make)
    assert config.load().key() == "the first one's"


def test_a_given_key_is_used_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "a key that is long enough")
    assert config.load().key() == "a key that is long enough"
    assert not list(tmp_path.iterdir())


def test_a_state_directory_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "file" / "var"))
    with pytest.raises(ConfigError, match=r"VAR_DIR=.*file/var"):
        config.load().key()


def test_who_waits_for_a_mail_server_performs_several_at_once() -> None:
    assert Config(email_host="smtp.example.com").perform_threads > Config().perform_threads == 1


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Config.model_fields.items() if not field.description] == []
