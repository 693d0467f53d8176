"""E-mails by SMTP, as containers send them: what a mail server took, and what it takes again after a crash."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes
from email.message import Message
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from tests.eventually import eventually
from tests.support.system.live import PATIENCE_S, LiveWorkshop

END = b".\r\n"
NEVER = 10**9


class Conversation(StreamRequestHandler):
    """As much of SMTP as it takes to be handed an e-mail: whatever else is said to it, it agrees."""

    server: "MailServer"

    def handle(self) -> None:
        with suppress(ConnectionError):
            if self.server.closes:
                return
            self._say("220 listening")
            for line in self.rfile:
                self._answer(line.strip().upper())

    def _answer(self, command: bytes) -> None:
        if command == b"DATA":
            self._say("354 go on")
            self._say(self.server.take(self._read_email()))
        else:
            self._say("221 goodbye" if command == b"QUIT" else "250 well")

    def _read_email(self) -> Message:
        lines = []
        for line in self.rfile:
            if line == END:
                return message_from_bytes(b"".join(lines))
            lines.append(line)
        raise ConnectionAbortedError("half an e-mail is none")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class MailServer(ThreadingTCPServer):
    """Remembers by Message-ID and recipient what it `took`, however often that was the same.

    `refusals` are its answers when an e-mail is offered for the first time, for the second, ... When it took
    `silent_after` e-mails it does not say so of any other before `answers` is set. If it `closes`, it talks to nobody.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.took: list[tuple[str, str]] = []
        self.refusals: tuple[str, ...] = ()
        self.silent_after = NEVER
        self.closes = False
        self.answers = threading.Event()
        self._offered: Counter[str] = Counter()

    def take(self, email: Message) -> str:
        """Return the answer to an e-mail."""
        message_id = email["Message-ID"]
        self._offered[message_id] += 1
        if self._offered[message_id] <= len(self.refusals):
            return self.refusals[self._offered[message_id] - 1]
        self.took.append((message_id, email["To"]))
        if len(self.took) > self.silent_after:
            self.answers.wait(PATIENCE_S)
        return "250 taken"

    def message_ids(self) -> list[str]:
        return sorted(message_id for message_id, _ in self.took)


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        listening = threading.Thread(target=server.serve_forever)
        listening.start()
        yield server
        server.shutdown()
        listening.join()


@pytest.fixture(scope="module")
def workshop(mail_server: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkshop]:
    host, port = mail_server.server_address
    settings = {"EMAIL_HOST": str(host), "EMAIL_PORT": str(port), "LAG_MS": "0,50"}
    run = LiveWorkshop(tmp_path_factory.mktemp("mail") / "var", **settings).start()
    with run.ended_at_last() as workshop:
        yield workshop


@pytest.fixture(autouse=True)
def _like_new(mail_server: MailServer) -> Iterator[None]:
    """Each test leaves a server that takes everything, and has taken nothing."""
    yield
    mail_server.took.clear()
    mail_server.refusals, mail_server.silent_after = (), NEVER


def message_ids_of(saga_ids: list[str]) -> list[str]:
    return sorted(f"<{saga_id}@saga-workshop.example.com>" for saga_id in saga_ids)


def notified(workshop: LiveWorkshop, saga_id: str) -> Any:
    """Return the saga's last step, once it is done: that the saga has ended may be told before."""
    workshop.wait_for_steps(saga_id, {"provision": "done", "authorize": "done", "notify": "done"})
    return workshop.saga(saga_id)["steps"][-1]


def test_each_saga_sends_one_email_to_whom_its_step_names(workshop: LiveWorkshop, mail_server: MailServer) -> None:
    saga_ids = workshop.onboard(20)
    results = [notified(workshop, saga_id)["result"] for saga_id in saga_ids]
    assert sorted(mail_server.took) == sorted((result["message_id"], result["email"]) for result in results)
    assert mail_server.message_ids() == message_ids_of(saga_ids)


def test_an_email_that_the_server_cannot_take_yet_is_offered_again_and_taken_once(
    workshop: LiveWorkshop, mail_server: MailServer
) -> None:
    mail_server.refusals = ("421 not now", "451 not yet")
    saga_ids = workshop.onboard(5)
    assert [notified(workshop, saga_id)["attempts"] for saga_id in saga_ids] == [3] * 5
    assert mail_server.message_ids() == message_ids_of(saga_ids)


def test_while_no_mail_server_answers_the_notifier_says_so(workshop: LiveWorkshop, mail_server: MailServer) -> None:
    def trouble() -> str:
        return str(workshop.service("notifier")["detail"])

    mail_server.closes = True
    eventually(lambda: "no e-mail can be sent through" in trouble(), within_s=PATIENCE_S)
    assert workshop.service("notifier")["state"] == "failing"
    mail_server.closes = False
    eventually(lambda: workshop.service("notifier")["state"] == "running", within_s=PATIENCE_S)
    assert trouble() == ""


def test_a_notifier_killed_before_it_heard_what_was_taken_sends_the_same_again_and_nothing_else(
    workshop: LiveWorkshop, mail_server: MailServer
) -> None:
    mail_server.silent_after = 10
    saga_ids = workshop.onboard(30)
    eventually(lambda: len(mail_server.took) > mail_server.silent_after, within_s=PATIENCE_S)
    workshop.kill_process("notifier")
    mail_server.answers.set()
    workshop.wait_until_all_ended(saga_ids)
    assert set(saga_ids) <= workshop.sagas(status="completed").keys()
    assert sorted(set(mail_server.message_ids())) == message_ids_of(saga_ids)
    assert len(mail_server.took) > len(saga_ids)
