"""What a coordinator decides by its log, and what it commands."""

from dataclasses import replace

import pytest

from saga import saga_log
from saga.definitions import DEFINITIONS
from saga.messages import Action, Outcome
from saga.routing import End
from tests.support.sagas.factories import RESULTS, command, reply
from tests.support.sagas.office import Office, commands, lines, names, roll_back, start, worked


class TestInOrder:
    def test_a_saga_begins_with_its_first_step(self) -> None:
        office = Office()
        assert lines(office.hear(start())) == ["start saga", "start step car"]
        [(topic, message)] = saga_log.commands(office.state, start())
        assert (topic, message) == ("car", command("car", hop=1))

    def test_a_step_that_is_done_starts_the_next_one_with_its_result(self) -> None:
        office = Office()
        office.hear(start())
        done = reply(command("car", hop=1), Outcome.DONE)
        assert lines(office.hear(done)) == ["end step car", "start step hotel"]
        assert commands(saga_log.commands(office.state, done)) == [command("hotel", hop=3)]

    def test_when_the_last_step_is_done_the_saga_is_completed(self) -> None:
        assert lines(worked().log) == [
            "start saga",
            *("start step car", "end step car", "start step hotel", "end step hotel"),
            *("start step flight", "end step flight", "end saga"),
        ]
        assert worked().state.done == {name: RESULTS[name] for name in ("car", "hotel", "flight")}

    def test_what_was_done_before_a_failure_is_undone_in_reverse_order(self) -> None:
        office = worked(failing=["flight"])
        assert lines(office.log)[6:] == [
            *("end step flight", "abort"),
            *("start compensation hotel", "end compensation hotel"),
            *("start compensation car", "end compensation car", "end saga"),
        ]
        assert office.state.end
        assert (office.state.end.end, office.state.end.reason) == (End.COMPENSATED, "no room")

    def test_where_the_first_step_fails_there_is_nothing_to_undo(self) -> None:
        assert lines(worked(failing=["car"]).log) == [
            *("start saga", "start step car", "end step car", "abort", "end saga")
        ]

    def test_a_command_to_undo_tells_why_and_what_was_done(self) -> None:
        office = Office(failing=["flight"])
        office.hear(start())
        while office.on_the_way[0].action is Action.DO:
            office.hear(office.answer(office.on_the_way.pop(0)))
        [message] = office.on_the_way
        assert (message.step, message.reason) == ("hotel", "no room")
        assert message.results == {"car": RESULTS["car"], "hotel": RESULTS["hotel"]}


class TestAtTheSameTime:
    def test_all_steps_of_a_stage_start_at_once(self) -> None:
        office = Office()
        office.hear(start("package"))
        assert names(office.on_the_way) == [("do", "hotel"), ("do", "plane"), ("do", "tickets")]

    def test_after_a_failure_all_answers_are_waited_for(self) -> None:
        office = Office(failing=["hotel"])
        office.hear(start("package"))
        hotel, plane, tickets = (office.answer(asked) for asked in office.on_the_way)
        assert lines(office.hear(hotel)) == ["end step hotel", "abort"]
        assert lines(office.hear(plane)) == ["end step plane"]
        assert lines(office.hear(tickets)) == [
            *("end step tickets", "start compensation plane", "start compensation tickets")
        ]

    def test_the_reason_is_that_of_the_first_failure(self) -> None:
        office = Office()
        office.hear(start("package"))
        hotel, plane, tickets = office.on_the_way
        office.hear(reply(plane, Outcome.FAILED, reason="fog"))
        office.hear(reply(hotel, Outcome.FAILED, reason="full"))
        office.hear(reply(tickets, Outcome.FAILED, reason="sold out"))
        assert (office.state.aborted, office.state.end and office.state.end.reason) == ("fog", "fog")
        assert lines(office.log).count("abort") == 1

    def test_what_succeeded_is_undone_at_once_and_what_failed_is_not(self) -> None:
        office = worked("package", failing=["hotel"])
        assert [line for line in lines(office.log) if line.startswith("start comp")] == [
            *("start compensation plane", "start compensation tickets")
        ]


class TestPolicyOfTheDefinition:
    def test_by_default_the_failed_step_is_not_compensated(self) -> None:
        assert "start compensation hotel" not in lines(worked(failing=["hotel"]).log)

    def test_where_the_definition_says_so_it_is_compensated_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(DEFINITIONS, "trip", replace(DEFINITIONS["trip"], compensates_failed_step=True))
        assert lines(worked(failing=["hotel"]).log)[4:] == [
            *("end step hotel", "abort"),
            *("start compensation hotel", "end compensation hotel"),
            *("start compensation car", "end compensation car", "end saga"),
        ]


class TestByHand:
    def test_a_roll_back_waits_for_nobody(self) -> None:
        office = Office()
        office.hear(start("package"))
        entries = office.hear(roll_back("package"))
        assert lines(entries) == ["abort", *(f"start compensation {name}" for name in ("plane", "hotel", "tickets"))]
        assert office.state.aborted == "nobody wants it any more"

    def test_a_roll_back_asks_nobody_again_to_do_what_it_takes_back(self) -> None:
        office = Office()
        office.hear(start())
        assert names(commands(saga_log.commands(office.state, roll_back()))) == [("do", "car")]
        office.on_the_way.clear()
        office.hear(roll_back())
        assert names(office.on_the_way) == [("undo", "car")]

    def test_an_answer_that_comes_after_the_roll_back_changes_nothing_of_it(self) -> None:
        office = Office()
        office.hear(start())
        late = office.answer(office.on_the_way.pop())
        office.hear(roll_back())
        assert lines(office.hear(late)) == ["end step car"]
        office.run()
        assert office.state.end
        assert (office.state.end.end, office.standing) == (End.COMPENSATED, set())

    def test_an_answer_that_comes_after_the_end_adds_nothing(self) -> None:
        office = Office()
        office.hear(start())
        late = office.answer(office.on_the_way.pop())
        office.hear(roll_back())
        office.run()
        assert office.state.end
        assert office.hear(late) == []

    def test_a_roll_back_of_a_saga_that_waits_for_an_answer_which_never_comes_ends_it(self) -> None:
        office = Office(failing=["hotel"])
        office.hear(start("package"))
        office.on_the_way = [asked for asked in office.on_the_way if asked.step != "plane"]
        office.run()
        assert office.state.end is None
        office.hear(roll_back("package"))
        office.run()
        assert office.state.end
        assert (office.state.end.end, office.state.end.reason) == (End.COMPENSATED, "no room")

    def test_a_roll_back_that_overtakes_the_start_leaves_nothing_to_do(self) -> None:
        office = Office()
        assert lines(office.hear(roll_back())) == ["start saga", "abort", "end saga"]
        assert lines(office.hear(start())) == []
        assert office.on_the_way == []

    def test_a_roll_back_needs_no_reason(self) -> None:
        office = Office()
        office.hear(start())
        office.hear(replace(roll_back(), reason=None))
        assert names(office.on_the_way) == [("do", "car"), ("undo", "car")]

    def test_a_second_roll_back_adds_nothing(self) -> None:
        office = Office()
        office.hear(start())
        office.hear(roll_back())
        assert office.hear(roll_back()) == []

    @pytest.mark.parametrize("failing", [[], ["hotel"]], ids=["completed", "compensated"])
    def test_what_has_ended_stays_so(self, failing: list[str]) -> None:
        office = worked(failing=failing)
        before = office.state
        assert office.hear(roll_back()) == []
        office.run()
        assert office.state == before


class TestRepeats:
    @pytest.mark.parametrize("scenario", DEFINITIONS)
    def test_a_message_that_comes_again_adds_nothing(self, scenario: str) -> None:
        office = worked(scenario, failing=[DEFINITIONS[scenario].steps[-1].name])
        for _, message in list(office.heard):
            assert office.hear(message) == []

    def test_a_reply_that_comes_again_gives_the_commands_that_it_caused(self) -> None:
        office = Office()
        office.hear(start())
        car = office.answer(office.on_the_way.pop())
        office.hear(car)
        [caused] = office.on_the_way
        office.hear(car)
        assert office.on_the_way == [caused, caused]

    def test_a_reply_that_comes_again_gives_no_command_that_was_answered(self) -> None:
        office = Office()
        office.hear(start())
        car = office.answer(office.on_the_way.pop())
        office.hear(car)
        hotel = office.answer(office.on_the_way.pop())
        office.hear(hotel)
        office.on_the_way.clear()
        office.hear(car)
        assert office.on_the_way == []

    def test_a_saga_that_is_driven_on_is_given_all_its_commands_in_the_new_round_answered_or_not(self) -> None:
        office = Office()
        office.hear(start("package"))
        office.hear(office.answer(office.on_the_way.pop(0)))
        office.on_the_way.clear()
        assert office.hear(start("package", round=2)) == []
        steps = ["hotel", "plane", "tickets"]
        assert [(asked.step, asked.round) for asked in office.on_the_way] == [(step, 2) for step in steps]

    def test_what_is_about_to_be_undone_is_not_asked_for_again(self) -> None:
        office = Office()
        office.hear(start())
        office.hear(office.answer(office.on_the_way.pop()))
        assert names(office.on_the_way) == [("do", "hotel")]
        office.on_the_way.clear()
        office.hear(roll_back())
        assert names(office.on_the_way) == [("undo", "hotel")]

    def test_a_saga_that_is_driven_on_takes_back_what_it_took_back_and_does_not_ask_for_it_again(self) -> None:
        office = worked(failing=["flight"])
        assert office.hear(start(round=2)) == []
        assert names(office.on_the_way) == [("do", "flight"), ("undo", "hotel"), ("undo", "car")]

    def test_a_reply_to_a_command_that_was_never_given_is_ignored(self) -> None:
        office = Office()
        assert office.hear(reply(command("hotel"), Outcome.DONE)) == []
        office.hear(start())
        assert office.hear(reply(command("flight"), Outcome.DONE)) == []
        assert office.hear(reply(command("car", action=Action.UNDO), Outcome.UNDONE)) == []
