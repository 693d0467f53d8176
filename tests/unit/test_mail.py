"""On a laptop an e-mail is a file."""

from email import message_from_bytes
from pathlib import Path

import pytest
from django.core.mail import EmailMessage
from pytest_django import Settings

from consumers.mail import OneFilePerMessageBackend


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.EMAIL_FILE_PATH = tmp_path / "not there yet" / "mail"
    return settings.EMAIL_FILE_PATH


def email(message_id: str = "<saga-1@example.com>") -> EmailMessage:
    return EmailMessage("Hello", "Dear Zoë, …", to=["zoe@example.com"], headers={"Message-ID": message_id})


def test_each_email_is_one_file_named_by_its_message_id(folder: Path) -> None:
    OneFilePerMessageBackend().send_messages([email("<saga-1@example.com>"), email("<saga-2@example.com>")])
    assert sorted(path.name for path in folder.iterdir()) == ["saga-1@example.com.eml", "saga-2@example.com.eml"]


def test_an_email_sent_twice_is_one_file(folder: Path) -> None:
    for _ in range(2):
        OneFilePerMessageBackend().send_messages([email()])
    assert len(list(folder.iterdir())) == 1


def test_the_file_is_the_whole_email(folder: Path) -> None:
    OneFilePerMessageBackend().send_messages([email()])
    found = message_from_bytes((folder / "saga-1@example.com.eml").read_bytes())
    assert (found["To"], found["Subject"]) == ("zoe@example.com", "Hello")
    assert found.get_payload(decode=True).decode() == "Dear Zoë, …"


def test_it_says_how_many_it_sent(folder: Path) -> None:
    assert OneFilePerMessageBackend().send_messages([email("<a@b>"), email("<c@d>")]) == 2


def test_no_message_id_leads_out_of_the_folder(folder: Path) -> None:
    OneFilePerMessageBackend().send_messages([email("<../../etc/passwd@example.com>")])
    assert [path.name for path in folder.iterdir()] == ["....etcpasswd@example.com.eml"]
    assert [path.name for path in folder.parent.iterdir()] == ["mail"]


def test_a_folder_that_cannot_be_written_is_an_error(folder: Path) -> None:
    folder.parent.write_text("a file stands where the folder should be")
    with pytest.raises(OSError, match="not there yet"):
        OneFilePerMessageBackend().send_messages([email()])
