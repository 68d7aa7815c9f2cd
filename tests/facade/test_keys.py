"""Keys: what a write is known by, how it is found again, and what others cannot do with it."""

from __future__ import annotations

import importlib.metadata
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_facade.errors import InvalidInput
from dhis2_facade.keys import AGENT, LONGEST_AGENT, VERSION, Token, agent_of, file_uid, hits
from dhis2_facade.models import Message, User
from dhis2_facade.uid import is_uid

ME, OTHER = "yKLCFDYCzPy", "aBcDeFgHiJk"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOKEN = Token.of("order 7", "send", None, ["subject", "text", []])
prefixes = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=100)
texts = st.text(max_size=20)


def message(
    agent: str | None, sender: str | None = ME, uid: str = "m0000000001", created: datetime | None = NOON
) -> Message:
    return Message(
        id=uid, created=created, meta_data=agent and f"User-agent: {agent}", sender=User(id=sender) if sender else None
    )


def test_the_agent_names_the_version_that_is_installed() -> None:
    assert importlib.metadata.version("dhis2-facade") == VERSION
    assert agent_of(None) == agent_of("") == AGENT


@given(prefixes)
def test_an_agent_with_its_token_is_short_enough_for_the_server_or_refused(prefix: str) -> None:
    agent = agent_of(prefix)
    assert agent == f"{prefix} {AGENT}".strip()
    assert len(TOKEN.in_agent(agent)) <= LONGEST_AGENT


@pytest.mark.parametrize("prefix", ["a" * 201, "ä", "a\nb", "a\tb", " a", "a ", " ", "\x7f"])
def test_an_agent_that_the_server_would_not_keep_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidInput, match=r"^user_agent: at most \d+ printable ASCII"):
        agent_of(prefix)


def test_the_longest_agent_uses_all_the_room_that_there_is() -> None:
    room = LONGEST_AGENT - len(TOKEN.in_agent(AGENT)) - 1
    assert len(TOKEN.in_agent(agent_of("a" * room))) == LONGEST_AGENT
    with pytest.raises(InvalidInput, match=f"at most {room} "):
        agent_of("a" * (room + 1))


@given(
    st.tuples(texts, texts, st.none() | texts, st.lists(texts)),
    st.tuples(texts, texts, st.none() | texts, st.lists(texts)),
)
def test_a_token_is_the_same_for_the_same_write_alone(
    one: tuple[str, str, str | None, list[str]], other: tuple[str, str, str | None, list[str]]
) -> None:
    first, again, second = Token.of(*one), Token.of(*one), Token.of(*other)
    assert first == again
    assert (first.hash == second.hash) == (one[:3] == other[:3])
    assert (first.digest == second.digest) == (one[3] == other[3])


def test_a_token_shows_neither_key_nor_content() -> None:
    token = Token.of("order 7 of clerk", "send", None, ["Stock count", "the text"])
    assert re.fullmatch(r"dhis2-facade/[\d.]+ key=[0-9a-f]{32}\.[0-9a-f]{16}", token.in_agent(AGENT))


def test_a_key_with_half_a_surrogate_pair_has_a_token_too() -> None:
    assert Token.of("\ud800", "send", None, []) != Token.of("\ud801", "send", None, [])


def test_ones_own_message_is_found_by_its_token_with_its_digest() -> None:
    changed = Token(TOKEN.hash, "0" * 16)
    sent = [message(TOKEN.in_agent(AGENT)), message(changed.in_agent("my app")), message("Mozilla/5.0"), message(None)]
    assert hits(sent, TOKEN, ME) == [(TOKEN, sent[0]), (changed, sent[1])]
    assert hits(None, TOKEN, ME) == []


@pytest.mark.parametrize("sender", [OTHER, None])
def test_a_copy_of_a_token_by_somebody_else_proves_nothing(sender: str | None) -> None:
    copy = message(TOKEN.in_agent(AGENT), sender)
    assert hits([copy], TOKEN, ME) == []
    assert hits([copy], TOKEN) == [(TOKEN, copy)]


@pytest.mark.parametrize(
    "agent",
    [
        f"key={TOKEN.hash}",
        f"key={TOKEN.hash}.{TOKEN.digest[:-1]}",
        f"key={TOKEN.hash}.{TOKEN.digest}0",
        f"key={TOKEN.hash[:-1]}.{TOKEN.digest}",
        f"key=0{TOKEN.hash}.{TOKEN.digest}",
        f"key={TOKEN.hash.upper()}.{TOKEN.digest}",
    ],
)
def test_what_only_looks_like_the_token_is_none(agent: str) -> None:
    assert hits([message(agent)], TOKEN, ME) == []


@given(st.lists(texts, min_size=1), st.integers(0, 50), texts, st.integers(0, 2))
def test_the_uid_of_an_attachment_depends_on_the_write_its_place_content_and_round(
    write: list[str], place: int, md5: str, round_: int
) -> None:
    uid = file_uid(write, place, md5, round_)
    assert is_uid(uid)
    assert uid == file_uid(write, place, md5, round_)
    for other in ([*write[:-1], write[-1] + "x"], [write[0] + "x", *write[1:]], [*write, "x"]):
        assert file_uid(other, place, md5, round_) != uid
    assert len({uid, file_uid(write, place + 1, md5, round_)}) == 2
    assert len({uid, file_uid(write, place, md5 + "0", round_), file_uid(write, place, md5, round_ + 1)}) == 3
