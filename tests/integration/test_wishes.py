"""What somebody wants wakes the one who carries it out, in whatever process that is, and nobody else."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, channel_layers
from django.test import Client

from dashboard.live import nudge
from dashboard.models import Service
from dashboard.readmodel import outbox, services
from tests.eventually import DEADLINE_S
from workshop.backstage import hear_wishes

GROUPS = {nudge.BOARD, nudge.SAGA_WISHES, nudge.SERVICE_WISHES}
NEWS = {nudge.SAGA_WISHES: outbox.news, nudge.SERVICE_WISHES: services.news}


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> InMemoryChannelLayer:
    """A layer that nobody else speaks on."""
    layer = InMemoryChannelLayer()
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    return layer


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "wishes"),
    [
        pytest.param("/api/sagas", nudge.SAGA_WISHES, id="to start a saga"),
        pytest.param("/api/sagas/retry", nudge.SAGA_WISHES, id="to drive sagas on"),
        pytest.param("/api/services/notifier/kill", nudge.SERVICE_WISHES, id="to kill a service"),
    ],
)
def test_a_wish_is_told_to_the_pages_and_to_whom_it_concerns(
    client: Client, layer: InMemoryChannelLayer, path: str, wishes: str
) -> None:
    services.ensure_rows((0, 0))
    Service.objects.filter(name="notifier").update(view={"instances": [{"instance": "n-1"}]})
    for group in GROUPS:
        async_to_sync(layer.group_add)(group, f"ear-of-{group}")
    assert client.post(path, {}, content_type="application/json").status_code == 202
    assert {group for group in GROUPS if f"ear-of-{group}" in layer.channels} == {nudge.BOARD, wishes}


@pytest.mark.parametrize("wishes", NEWS)
async def test_a_wish_wakes_whom_it_concerns(layer: InMemoryChannelLayer, wishes: str) -> None:
    for news in NEWS.values():
        news.clear()
    await hear_wishes()
    await layer.group_send(wishes, nudge.WANTED)
    assert await asyncio.to_thread(NEWS[wishes].wait, DEADLINE_S)
    assert [group for group in NEWS if NEWS[group].is_set()] == [wishes]
