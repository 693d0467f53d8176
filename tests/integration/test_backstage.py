"""What keeps the read model true, all parts of it at once, on the embedded broker."""

import threading
from pathlib import Path

import pytest

from dashboard.backstage.health import Health
from saga.topics import partitions_by_topic
from tests.eventually import eventually
from tests.support.brokers.kinds import broker_process
from workshop import backstage
from workshop.backstage import Backstage
from workshop.config import Config

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_its_parts_all_work_and_have_ended_when_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health()
    monkeypatch.setattr(backstage, "HEALTH", health)
    monkeypatch.setattr(backstage, "LAST_CYCLE_S", 60.0)  # the machine may be busy
    config = Config(var_dir=tmp_path)
    others = set(threading.enumerate())
    config.run_dir.mkdir(parents=True)
    with broker_process(config.broker_file, partitions_by_topic(config.topic_partitions)):
        parts = Backstage(config, board_changed=lambda: None)
        parts.start()
        try:
            eventually(lambda: {said["name"] for said in health.report() if not said["ok"]} <= {"broker"})
        finally:
            parts.stop()
        assert set(threading.enumerate()) <= others
