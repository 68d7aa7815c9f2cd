"""Uids and what callers pass: taken as it is meant, or refused with a name, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_facade.errors import InvalidInput
from dhis2_facade.inputs import (
    base_url,
    fields_of,
    filters_of,
    page_of,
    recipients_of,
    seconds_of,
    several,
    subject_of,
    text_of,
    uid_of,
    uids_of,
)
from dhis2_facade.models import Found, MessageConversation, OrganisationUnit, User, UserGroup
from dhis2_facade.uid import derive, is_uid

ONE, TWO, THREE = "yKLCFDYCzPy", "aBcDeFgHiJk", "Zz012345678"
uids = st.from_regex(r"[A-Za-z][A-Za-z0-9]{10}", fullmatch=True)
whole_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


# -- uids -----------------------------------------------------------------------------------------------------------


@given(st.binary(min_size=11, max_size=40))
def test_every_seed_gives_a_uid_and_always_the_same(seed: bytes) -> None:
    assert is_uid(derive(seed))
    assert derive(seed) == derive(seed[:11] + b"more")


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "0KLCFDYCzPy",
        "yKLCFDYCzP",
        "yKLCFDYCzPyy",
        "yKLCFDYCzP\n",
        "yKLCFDYCz-y",
        "yKLCFDYCzPé",
        "yKLCFDYCzP٣",
        None,
        b"yKLCFDYCzPy",
        7,
    ],
)
def test_what_only_looks_like_a_uid_is_none(odd: object) -> None:
    assert not is_uid(odd)
    with pytest.raises(InvalidInput, match=r"^user: expected a uid .* or a User, got"):
        uid_of("user", odd, User)


@given(uids)
def test_a_uid_and_the_object_that_has_it_are_the_same_to_a_call(uid: str) -> None:
    assert uid_of("user", uid, User) == uid_of("user", User(id=uid), User) == uid


def test_an_object_of_another_kind_or_without_its_id_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^conversation: .* or a MessageConversation, got User$"):
        uid_of("conversation", User(id=ONE), MessageConversation)
    with pytest.raises(InvalidInput, match=r"^user: this User came without its id; ask for the field id$"):
        uid_of("user", User(username="nurse"), User)


def test_many_uids_come_once_and_in_order_and_one_alone_is_not_taken_letter_by_letter() -> None:
    assert uids_of("users", [TWO, User(id=ONE), TWO, ONE], User) == [TWO, ONE]
    assert uids_of("users", ONE, User) == [ONE]
    assert uids_of("users", None, User) == uids_of("users", (), User) == []
    assert uids_of("users", (one for one in (ONE, TWO)), User) == [ONE, TWO]
    assert list(several(7)) == [7]


# -- recipients -----------------------------------------------------------------------------------------------------


def test_mixed_recipients_are_sorted_by_their_kind() -> None:
    mixed = [UserGroup(id=TWO), User(id=ONE), OrganisationUnit(id=THREE), User(id=ONE)]
    found = recipients_of(ONE, None, None, mixed)
    assert (found.users, found.user_groups, found.organisation_units) == ([ONE], [TWO], [THREE])


@given(st.lists(uids, min_size=1), st.lists(uids), st.randoms())
def test_the_content_of_recipients_does_not_depend_on_their_order(
    users: list[str], groups: list[str], chance: Any
) -> None:
    shuffled = chance.sample(users, len(users))
    assert recipients_of(users, groups, (), ()).content() == recipients_of(shuffled, groups, (), ()).content()


def test_no_recipient_and_one_of_no_known_kind_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^no recipients: pass users=, "):
        recipients_of((), [], None, ())
    with pytest.raises(InvalidInput, match=r"^to: expected users, groups and units .* got str; pass uids as users="):
        recipients_of((), (), (), ONE)
    with pytest.raises(InvalidInput, match=r"^to: .* got Found"):
        recipients_of((), (), (), Found(users=(), user_groups=(), organisation_units=()))
    with pytest.raises(InvalidInput, match=r"^user_groups: .* or a UserGroup, got User$"):
        recipients_of((), User(id=ONE), (), ())


# -- texts ----------------------------------------------------------------------------------------------------------


@given(whole_texts)
def test_a_text_is_taken_as_it_is(text: str) -> None:
    assert text_of("text", text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "empty"), ("a\0b", "NUL"), ("a\ud800", "surrogate"), (b"a", "expected text, got bytes"), (None, "NoneType")],
)
def test_what_the_server_cannot_store_is_refused(text: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=f"^text: .*{said}"):
        text_of("text", text)


def test_a_subject_has_255_characters_however_many_bytes() -> None:
    assert subject_of("\U0001f4e6" * 255) == "\U0001f4e6" * 255
    with pytest.raises(InvalidInput, match=r"^subject: 256 characters, the server takes at most 255$"):
        subject_of("a" * 256)


# -- fields and filters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        (None, "usual"),
        ("subject", "id,subject"),
        ("id,subject", "id,subject"),
        (["subject", " id "], "subject,id"),
        ("messages[id,text]", "id,messages[id,text]"),
        ("*", "*"),
        (":all", ":all"),
        (":identifiable,messages[text]", ":identifiable,messages[text]"),
        ("subject~rename(id)", "id,subject~rename(id)"),
        ("messages[sender[id]],id", "messages[sender[id]],id"),
    ],
)
def test_the_uid_is_asked_for_once(fields: object, sent: str) -> None:
    assert fields_of(fields, "usual") == sent


@pytest.mark.parametrize("fields", ["messages[id", "id]", "a]b[", "messages[(id])", "f(", "a)b(", "[[id]"])
def test_a_bracket_that_is_not_closed_is_refused_for_the_server_ignores_it(fields: str) -> None:
    with pytest.raises(InvalidInput, match=r"^fields: a bracket is not closed .*quirk 31"):
        fields_of(fields, "usual")


@pytest.mark.parametrize("fields", ["", [], " ", [" "]])
def test_empty_fields_are_refused(fields: object) -> None:
    with pytest.raises(InvalidInput, match=r"^fields: it is empty"):
        fields_of(fields, "usual")


nested = st.recursive(
    st.just("text"), lambda inner: st.lists(inner, min_size=1).map(lambda parts: f"many[{','.join(parts)}]")
)


@given(st.lists(nested, min_size=1))
def test_fields_of_any_depth_are_sent_as_they_are_behind_the_uid(fields: list[str]) -> None:
    assert fields_of(fields, "usual") == f"id,{','.join(fields)}"


@pytest.mark.parametrize("text", ["read:eq:false", "subject:like:a:b", "assignee:null", "id:in:[a,b]"])
def test_filters_are_taken_as_they_are(text: str) -> None:
    assert filters_of(text) == filters_of([text]) == [text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("read", "expected 'property"),
        (":eq:a", "expected 'property"),
        ("a::b", "expected 'property"),
        ("", "empty"),
        ("subject:like:a,b", "quirk 24"),
        ("id:in:[a,b", "quirk 24"),
        ("subject:eq:\x00", "NUL"),
    ],
)
def test_filters_that_the_server_takes_for_others_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=f"^filters: .*{said}"):
        filters_of([text])


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1"])
def test_pages_are_counted_from_one(number: object) -> None:
    page_of(1, 50)
    page_of(None, 1)
    with pytest.raises(InvalidInput, match=r"^page: expected a whole number from 1, got"):
        page_of(number, 50)
    with pytest.raises(InvalidInput, match=r"^page_size: "):
        page_of(1, number)


# -- times ----------------------------------------------------------------------------------------------------------


@given(st.floats(min_value=1e-9, max_value=1e9) | st.integers(1, 10**9))
def test_seconds_are_taken_whole_or_broken(value: float) -> None:
    assert seconds_of("timeout", value) == value


@pytest.mark.parametrize(
    "value",
    [0, -1, float("nan"), float("inf"), 10**400, 1e10, True, "5", None, -float("inf")],
    ids=lambda v: repr(v)[:9],
)
def test_seconds_that_no_clock_counts_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"^timeout: expected seconds, above 0, got"):
        seconds_of("timeout", value)


def test_no_seconds_at_all_are_some_where_that_is_said() -> None:
    assert seconds_of("settle", 0, zero=True) == 0
    with pytest.raises(InvalidInput, match=r"^settle: expected seconds, 0 or more, got -1$"):
        seconds_of("settle", -1, zero=True)


# -- urls -----------------------------------------------------------------------------------------------------------


def urls() -> Iterator[tuple[str, str]]:
    for path in ("", "/dhis", "/a/b"):
        for end in ("", "/", "/api", "/api/", "/api/42", "/api/42/", "//"):
            yield f"https://dhis2.test{path}{end}", f"https://dhis2.test{path}"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        *urls(),
        ("https://dhis2.test:8443/api", "https://dhis2.test:8443"),
        (" https://dhis2.test ", "https://dhis2.test"),
        ("https://dhis2.test/rapi", "https://dhis2.test/rapi"),
        ("https://dhis2.test/api/x", "https://dhis2.test/api/x"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://127.0.0.1:8080/dhis", "http://127.0.0.1:8080/dhis"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_address_of_the_server_is_found_in_what_people_copy(url: str, base: str) -> None:
    assert base_url(url, allow_http=False) == base


@pytest.mark.parametrize(
    "url",
    [
        "http://dhis2.test",
        "http://localhost.evil.test",
        "http://127.0.0.1.evil.test",
        "http://127.evil.test",
        "http://[::2]",
        "http://203.0.113.7",
    ],
)
def test_http_to_another_machine_needs_to_be_allowed(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"allow_http=True"):
        base_url(url, allow_http=False)
    assert base_url(url, allow_http=True) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dhis2.test",
        "ftp://dhis2.test",
        "https://",
        "https:///api",
        "https://a b",
        "https://dhis2.test:port",
        "https://[",
        "https://dhis2.test:99999",
        "https://dhis2.test/?a=b",
        "https://dhis2.test/#a",
        "https://ü.test",
        None,
        5,
        b"https://a",
        "https://dhis2.test\r\nHost: evil",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_is_refused(url: object) -> None:
    with pytest.raises(InvalidInput, match=r"^url: "):
        base_url(url, allow_http=False)


@pytest.mark.parametrize(
    "url",
    ["https://clerk:hidden@dhis2.example.test", "https://clerk:hidden@dhis2.example.test:99999", "https://hidden@[::1"],
)
def test_credentials_in_an_address_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        base_url(url, allow_http=False)
    assert "hidden" not in str(refused.value)


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda text: "https://" + text))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        base = base_url(text, allow_http=True)
    except InvalidInput:
        return
    assert re.match(r"https?://[^/@]+", base)
    assert base_url(base, allow_http=True) == base or "/api" in base


@pytest.mark.parametrize(
    "fields", ["*,!id", ":all,!id", "subject,!id", ["subject", "!id"], "id~rename(uid),subject", "id|x"]
)
def test_fields_without_the_uid_are_refused_for_lists_know_rows_by_it(fields: object) -> None:
    with pytest.raises(InvalidInput, match="drops the id, which is needed"):
        fields_of(fields, "")


@pytest.mark.parametrize("fields", ["!idle", "lastSender[!id]", "messages[id~rename(uid)]", "code~rename(id)"])
def test_other_fields_may_be_left_out_or_renamed(fields: str) -> None:
    assert fields_of(fields, "") == f"id,{fields}"


def test_a_page_has_a_size() -> None:
    with pytest.raises(InvalidInput, match=r"^page_size: expected a whole number"):
        page_of(None, None)
