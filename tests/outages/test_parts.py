"""Kafka, Redis and PostgreSQL go away in the middle of a lesson, and come back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.eventually import eventually
from tests.outages.lesson import Lesson
from tests.outages.witness import Witness
from tests.support.brokers.kinds import KafkaServer
from tests.support.system.live import PATIENCE_S
from tests.support.system.stack import PostgresServer, RedisServer


@contextmanager
def away(end: Callable[[], None], server: KafkaServer | PostgresServer | RedisServer) -> Iterator[None]:
    """Be without a part; whatever happens meanwhile, the next test has it again."""
    end()
    try:
        yield
    finally:
        server.start()


def goes_on_well(lesson: Lesson) -> None:
    lesson.goes_on_ending()
    lesson.says_that_all_is_well()
    lesson.must_end_well()


def test_while_kafka_is_stopped_sagas_are_accepted_and_wait(lesson: Lesson, kafka: KafkaServer) -> None:
    with away(kafka.stop, kafka):
        lesson.says_what_is_wrong("broker")
        lesson.goes_on_accepting()
        eventually(lambda: lesson.workshop.service("authorizer")["state"] == "gone", within_s=PATIENCE_S)
        lesson.says_so_for(20, "broker")
    goes_on_well(lesson)


def test_kafka_that_was_killed_takes_up_where_it_was(lesson: Lesson, kafka: KafkaServer) -> None:
    with away(kafka.kill, kafka):
        lesson.says_what_is_wrong("broker")
    goes_on_well(lesson)


def test_without_redis_pages_look_for_news_by_themselves(lesson: Lesson, redis: RedisServer) -> None:
    with away(redis.kill, redis):
        lesson.says_what_is_wrong("redis")
        lesson.goes_on_accepting()
        lesson.goes_on_ending()
        eventually(lambda: lesson.witness.troubles.keys() == {"redis"}, within_s=PATIENCE_S)
    goes_on_well(lesson)


def test_without_postgresql_nothing_is_accepted_and_the_page_says_why(lesson: Lesson, postgres: PostgresServer) -> None:
    with away(postgres.stop_at_once, postgres):
        lesson.says_what_is_wrong("database")
        reason = lesson.refusal()
        assert reason
        assert "nothing was started" in reason
        opened_meanwhile = Witness(lesson.workshop.url)
        eventually(lambda: "database" in opened_meanwhile.troubles, within_s=PATIENCE_S)
        assert "database" in lesson.witness.troubles
    goes_on_well(lesson)
    assert lesson.accepted() <= opened_meanwhile.rows.keys()
    opened_meanwhile.close()


def test_postgresql_that_is_restarted_at_once_loses_nothing(lesson: Lesson, postgres: PostgresServer) -> None:
    with away(postgres.stop_at_once, postgres):
        pass
    lesson.goes_on_accepting()
    goes_on_well(lesson)
