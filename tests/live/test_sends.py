"""What is promised about sends, on a server of one's own: stored once, and said truthfully."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from dhis2_facade.errors import Ambiguous, KeyReused
from tests.live.conftest import Losing
from tests.support.cast import Cast

TEXT = "Is the fridge cold?"


@pytest.fixture
def subject() -> str:
    return f"Cold chain {secrets.token_hex(4)}"


@pytest.fixture
def send(people: Cast, subject: str) -> Callable[..., Any]:
    def send(dhis2: Any, text: str = TEXT, **given: Any) -> Any:
        return dhis2.messaging.send(subject, text, users=people.ids["nurse"], **given)

    return send


def stored(dhis2: Any, subject: str) -> list[str]:
    """The uids of the conversations that have this subject."""
    return [one.id for one in dhis2.messaging.list(filters=f"subject:eq:{subject}")]


def test_a_send_is_read_back(clerk: Any, send: Callable[..., Any], subject: str) -> None:
    sent = send(clerk, attachments=("count.csv", b"item,count\n"))
    assert (sent.conversation.subject, sent.message.text) == (subject, TEXT)
    assert [one.name for one in sent.message.attachments] == ["count.csv"]
    assert (sent.read_error, sent.copies) == (None, 1)


def test_a_send_whose_answer_is_lost_is_stored_once(
    clerk: Any, losing: Losing, send: Callable[..., Any], subject: str
) -> None:
    losing.lost = 1
    sent = send(clerk)
    assert stored(clerk, subject) == [sent.id]
    assert losing.written == 1


def test_a_reply_whose_answer_is_lost_is_stored_once(clerk: Any, losing: Losing, send: Callable[..., Any]) -> None:
    uid = send(clerk).id
    losing.lost = 1
    clerk.messaging.reply(uid, "Once.")
    texts = [one.text for one in clerk.messaging.get(uid).messages]
    assert texts == [TEXT, "Once."]


def test_feedback_whose_answer_is_lost_is_stored_once(clerk: Any, losing: Losing, subject: str) -> None:
    losing.lost = 1
    sent = clerk.messaging.feedback(subject, TEXT)
    assert stored(clerk, subject) == [sent.id]
    assert losing.written == 1


def test_a_send_that_never_arrives_is_ambiguous_and_its_key_goes_on(
    clerk: Any, losing: Losing, send: Callable[..., Any], subject: str
) -> None:
    losing.lost, losing.arriving = 1, False
    with pytest.raises(Ambiguous) as unknown:
        send(clerk)
    assert stored(clerk, subject) == []
    sent = send(clerk, key=unknown.value.key)
    assert stored(clerk, subject) == [sent.id]


def test_a_key_stores_once_whoever_uses_it(clerk: Any, again: Any, send: Callable[..., Any], subject: str) -> None:
    key = secrets.token_hex(8)
    first, second = send(clerk, key=key), send(again, key=key)
    assert first.id == second.id
    assert (first.found, second.found) == (False, True)
    assert stored(clerk, subject) == [first.id]


def test_a_key_is_of_one_content(clerk: Any, again: Any, send: Callable[..., Any], subject: str) -> None:
    key = secrets.token_hex(8)
    sent = send(clerk, key=key)
    with pytest.raises(KeyReused):
        send(again, "Is it warm?", key=key)
    assert stored(clerk, subject) == [sent.id]
