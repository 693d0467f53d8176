"""Whether somebody would take e-mails is asked at the door that e-mails go in by."""

import smtplib
from types import SimpleNamespace
from typing import Any

import pytest

from workshop import mail_probe
from workshop.mail_probe import MailProbe


@pytest.fixture
def went_in(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done at the door, so far."""
    done: list[str] = []
    connection = SimpleNamespace(open=lambda: done.append("open"), close=lambda: done.append("close"))
    monkeypatch.setattr(mail_probe, "get_connection", lambda: connection)
    return done


def test_whoever_went_in_goes_out_again(went_in: list[str]) -> None:
    assert MailProbe().run_once() is False
    assert went_in == ["open", "close"]


REFUSALS = [ConnectionRefusedError("nobody is there"), smtplib.SMTPAuthenticationError(535, b"who are you?")]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
def test_whoever_is_not_let_in_says_where_and_leaves(
    monkeypatch: pytest.MonkeyPatch, settings: Any, refusal: OSError
) -> None:
    def refuse() -> None:
        raise refusal

    left: list[bool] = []
    connection = SimpleNamespace(open=refuse, close=lambda: left.append(True))
    monkeypatch.setattr(mail_probe, "get_connection", lambda: connection)
    settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp.example.com", 587
    with pytest.raises(OSError, match=r"no e-mail can be sent through smtp\.example\.com:587: .*(nobody|who are you)"):
        MailProbe().run_once()
    assert left == [True]
