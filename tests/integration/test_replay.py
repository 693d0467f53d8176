"""A dead letter is replayed once, as it was or corrected, and only if it would be understood now."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from dashboard.errors import Conflict
from dashboard.models import DeadLetter
from dashboard.readmodel import rescue
from saga import routing, wire
from saga.definitions import ONBOARDING
from saga.messages import Action, Outcome, Reply
from tests.support.dashboard.api import post
from tests.support.dashboard.factories import ADA, accept, at, letter, say
from tests.support.dashboard.race import together
from tests.support.dashboard.refusals import JSON, reason_of

pytestmark = pytest.mark.django_db


def opening(saga_id: str, **changes: Any) -> str:
    message = routing.opening(ONBOARDING, saga_id=saga_id, style="choreography", user=ADA, **changes)
    return wire.encode(message, topic="new-user", source="tests", at=at(0)).value.decode()


def reply(saga_id: str) -> str:
    about = {"scenario": "onboarding", "step": "provision", "action": Action.DO, "outcome": Outcome.DONE, "hop": 1}
    message = Reply(saga_id=saga_id, **about)
    return wire.encode(message, topic="replies", source="tests", at=at(0)).value.decode()


def dead_letters(*letters: Any) -> list[int]:
    say(letters=letters)
    return list(DeadLetter.objects.order_by("id").values_list("id", flat=True))


REPLAYS: dict[str, tuple[str, str | None, str | None]] = {
    "as it was": ("new-user", opening("s"), None),
    "corrected": ("new-user", "garbage", opening("s")),
    "as long as can be": ("new-user", "garbage", opening("s").ljust(rescue.MAX_VALUE)),
    "a reply": ("replies", "garbage", reply("s")),
}


@pytest.mark.parametrize(("topic", "value", "correction"), REPLAYS.values(), ids=REPLAYS)
def test_a_message_that_can_be_understood_now_is_replayed(
    client: Client, topic: str, value: str | None, correction: str | None
) -> None:
    [letter_id] = dead_letters(letter(topic=topic, key="s", value=value))
    answer = post(client, f"/api/dead-letters/{letter_id}/replay", {"value": correction} if correction else {})
    assert answer.status_code == 202, answer.content
    assert (answer.json()["replay_asked"], answer.json()["replayed_at"]) == (True, None)
    assert DeadLetter.objects.get().replay == (correction or value)


def test_of_many_messages_the_one_that_was_asked_for_is_replayed(client: Client) -> None:
    letters = [letter(topic="new-user", key=key, value=opening(key), offset=place) for place, key in enumerate("rst")]
    first, second, third = dead_letters(*letters)
    assert post(client, f"/api/dead-letters/{second}/replay").status_code == 202
    asked = DeadLetter.objects.in_bulk()
    assert [asked[one].replay for one in (first, second, third)] == [None, opening("s"), None]


def test_a_message_is_replayed_once(client: Client) -> None:
    [letter_id] = dead_letters(letter(topic="new-user", key="s", value=opening("s")))
    assert post(client, f"/api/dead-letters/{letter_id}/replay").status_code == 202
    assert "replayed already" in reason_of(post(client, f"/api/dead-letters/{letter_id}/replay"), 409)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_replay_the_same_message_one_is_refused() -> None:
    [letter_id] = dead_letters(letter(topic="new-user", key="s", value=opening("s")))
    refusals = together(*[lambda: rescue.replay(letter_id, None)] * 2)
    assert [type(refusal) for refusal in refusals] == [Conflict]


def test_a_dead_letter_that_does_not_exist_cannot_be_replayed(client: Client) -> None:
    assert "no dead letter 77" in reason_of(post(client, "/api/dead-letters/77/replay"), 404)


BAD_REPLAYS: dict[str, tuple[dict[str, Any], Any, str]] = {
    "as it was, still garbage": ({}, {}, "refused again"),
    "as it was, without a value": ({"value": None}, {}, "refused again.*empty"),
    "nothing": ({}, {"value": ""}, "refused again.*empty"),
    "no JSON": ({}, {"value": "Hello"}, "refused again"),
    "a number": ({}, {"value": 7}, "value"),
    "an unknown field": ({}, {"value": opening("s"), "force": True}, "force"),
    "another kind of message": ({}, {"value": reply("s")}, "refused again"),
    "another saga's": ({}, {"value": opening("t")}, "key"),
    "another topic's": ({"topic": "authorize"}, {"value": opening("s")}, "belongs on topic 'new-user'"),
    "another saga's reply": ({"topic": "replies"}, {"value": reply("t")}, "refused again.*key is not its saga id"),
    "a reply about an unknown step": (
        {"topic": "replies"},
        {"value": reply("s").replace('"provision"', '"teleport"')},
        "refused again.*teleport",
    ),
    "too long": ({}, {"value": opening("s").ljust(rescue.MAX_VALUE + 1)}, "characters"),
    "half a character": ({}, {"value": "\ud800"}, "UTF-8"),
    "a topic that no service reads": ({"topic": "trace"}, {"value": opening("s")}, "'trace' carries none"),
    "a message without a key": ({"key": None}, {"value": opening("s")}, "key"),
}


@pytest.mark.parametrize(("about", "body", "reason"), BAD_REPLAYS.values(), ids=BAD_REPLAYS)
def test_a_correction_that_would_be_refused_again_is_refused_now(
    client: Client, about: dict[str, Any], body: Any, reason: str
) -> None:
    [letter_id] = dead_letters(letter(**{"topic": "new-user", "key": "s", "value": "garbage", **about}))
    answer = client.post(f"/api/dead-letters/{letter_id}/replay", json.dumps(body), content_type=JSON)
    found = reason_of(answer, 422)
    assert re.search(reason, found), found
    assert DeadLetter.objects.get().replay is None


def test_a_dead_letter_is_told_with_its_saga(client: Client) -> None:
    [saga_id] = accept()
    say(letters=[letter(key=saga_id)])
    [told] = client.get("/api/dead-letters").json()["dead_letters"]
    assert (told["saga_id"], told["replay_asked"], told["replayed_at"]) == (saga_id, False, None)
    assert client.get(f"/api/sagas/{saga_id}").json()["status"] == "stuck"
