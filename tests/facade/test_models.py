"""The server's objects as the facade reads them: the same from every version, with their places where they are wrong."""

from __future__ import annotations

import contextlib
import json
import pickle
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import fields_dict
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from dhis2_facade.errors import InvalidInput, NotFetched, UnreadableAnswer
from dhis2_facade.models import (
    WIRE,
    FileResource,
    Found,
    Message,
    MessageConversation,
    OrganisationUnit,
    Sent,
    SystemInfo,
    User,
    UserGroup,
    UserMessage,
    read_list,
    read_object,
    read_uids,
    zone_of,
)

UID = "yKLCFDYCzPy"
READ = (User, UserGroup, OrganisationUnit, FileResource, Message, UserMessage, MessageConversation, SystemInfo)
BERLIN = ZoneInfo("Europe/Berlin")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def conversation(**given_: Any) -> MessageConversation:
    return read_object(MessageConversation, given_, UTC)


# -- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", READ, ids=lambda cls: cls.__name__)
def test_an_empty_object_has_nothing_and_nulls_are_like_what_is_left_out(cls: Any) -> None:
    empty = read_object(cls, {}, UTC)
    wired = {a.metadata[WIRE][0] for a in fields_dict(cls).values() if a.metadata}
    assert empty == cls() == read_object(cls, dict.fromkeys(wired), UTC)
    assert all(getattr(empty, name) is None for name in fields_dict(cls) if name != "extra")
    assert empty.extra == {}


def test_what_is_not_known_is_kept_as_it_came() -> None:
    found = conversation(
        id=UID, href="https://a", new={"deep": [1, None]}, extra={"a": 1}, messages=[{"id": "m", "x": 1}]
    )
    assert found.extra == {"href": "https://a", "new": {"deep": [1, None]}, "extra": {"a": 1}}
    assert found.messages == (Message(id="m", extra={"x": 1}),)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([], "the answer: expected an object, got []"),
        (None, "the answer: expected an object, got None"),
        ({"id": 5}, "id: expected text, got 5"),
        ({"read": "true"}, "read: expected true or false, got 'true'"),
        ({"read": 1}, "read: expected true or false, got 1"),
        ({"messageCount": True}, "messageCount: expected a whole number, got True"),
        ({"messageCount": 1.0}, "messageCount: expected a whole number, got 1.0"),
        ({"created": "yesterday"}, "created: expected a date and time, got 'yesterday'"),
        ({"created": 1764000000000}, "created: expected a date and time, got 1764000000000"),
        ({"lastSender": UID}, f"lastSender: expected an object, got '{UID}'"),
        ({"messages": {}}, "messages: expected a list, got {}"),
        ({"messages": [{}, {"sender": {"id": []}}]}, "messages[1].sender.id: expected text, got []"),
        ({"messages": [{}, None]}, "messages[1]: expected an object, got None"),
        (
            {"messages": [{"attachments": [{"contentLength": "5"}]}]},
            "messages[0].attachments[0].contentLength: expected a",
        ),
        (
            {"userMessages": [{"user": {"authorities": "ALL"}}]},
            "userMessages[0].user.authorities: expected a list, got 'ALL'",
        ),
    ],
)
def test_what_cannot_be_right_names_its_place(answer: object, said: str) -> None:
    with pytest.raises(UnreadableAnswer) as refused:
        read_object(MessageConversation, answer, UTC)
    assert str(refused.value).startswith(said)


def test_a_place_in_a_list_begins_with_its_key() -> None:
    assert read_list(User, {"users": [{"id": UID}]}, "users", UTC) == (User(id=UID),)
    assert read_uids({"removed": [UID]}, "removed") == (UID,)
    with pytest.raises(UnreadableAnswer, match=r"^users\[0\]\.id: expected text, got 1$"):
        read_list(User, {"users": [{"id": 1}]}, "users", UTC)
    with pytest.raises(UnreadableAnswer, match=r"^users: expected a list, got None$"):
        read_list(User, {}, "users", UTC)
    with pytest.raises(UnreadableAnswer, match=r"^removed\[1\]: expected text, got None$"):
        read_uids({"removed": [UID, None]}, "removed")


@pytest.mark.parametrize("depth", [10, 500, 900])
def test_a_wrong_value_is_shown_in_short_however_deep_or_long_it_is(depth: int) -> None:
    deep = json.loads('[{"a":' * depth + "1" + "}]" * depth) if depth < 400 else json.loads("[" * depth + "]" * depth)
    for wrong in (deep, "long" * 10_000, {str(n): "x" * 100 for n in range(1000)}):
        with pytest.raises(UnreadableAnswer, match=r"^read: expected true or false, got ") as refused:
            conversation(read=wrong)
        assert len(str(refused.value)) < 1000


@given(st.sampled_from(READ), values)
def test_any_json_is_read_or_its_place_is_named(cls: Any, value: Any) -> None:
    wired = [a.metadata[WIRE][0] for a in fields_dict(cls).values() if a.metadata]
    for given_ in (value, dict.fromkeys(wired[:1], value), dict.fromkeys(wired[-1:], value), {"unknown": value}):
        with contextlib.suppress(UnreadableAnswer):
            assert isinstance(read_object(cls, given_, UTC), cls)


def test_models_are_frozen_can_be_hashed_and_survive_pickle() -> None:
    found = conversation(
        id=UID,
        created="2026-11-23T10:00:00.000",
        messages=[{"sender": {"id": "u"}, "attachments": [{"id": "f"}]}],
        x={},
    )
    assert pickle.loads(pickle.dumps(found)) == found
    assert len({found, pickle.loads(pickle.dumps(found))}) == 1
    with pytest.raises(FrozenInstanceError):
        found.id = "other"  # type: ignore[misc] # is what is tried


# -- what was not fetched -------------------------------------------------------------------------------------------


def test_what_was_not_fetched_is_said_and_never_taken_for_empty() -> None:
    with pytest.raises(NotFetched, match=rf"^the participants of {UID} were not fetched; messaging\.get\('{UID}'\)"):
        _ = conversation(id=UID).participants
    with pytest.raises(NotFetched, match=r"people\.me\(\) fetches one's own"):
        _ = User(id=UID).is_superuser
    with pytest.raises(NotFetched, match=r"fetch=True finds it by its key") as unknown:
        _ = Sent(key="mine").id
    assert unknown.value.key == "mine"
    with pytest.raises(NotFetched, match=r"^the network broke; "):
        _ = Sent(key="mine", read_error="the network broke").id
    assert conversation().unread is None


def test_what_was_fetched_is_given() -> None:
    found = conversation(read=False, userMessages=[{"user": {"id": UID}}, {"read": True}])
    assert (found.unread, found.participants) == (True, (User(id=UID),))
    assert User(authorities=("ALL",)).is_superuser
    assert not User(authorities=()).is_superuser
    everyone = Found(
        users=(User(id=UID),), user_groups=(UserGroup(),), organisation_units=(OrganisationUnit(),)
    ).everyone
    assert [type(one) for one in everyone] == [User, UserGroup, OrganisationUnit]


# -- times ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "zone", "moment"),
    [
        ("2026-11-23T10:00:00.000", UTC, datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00", BERLIN, datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("2026-07-23T10:00:00.123", BERLIN, datetime(2026, 7, 23, 8, 0, 0, 123000, UTC)),
        ("2026-11-23T10:00:00Z", BERLIN, datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00.000+0100", UTC, datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("2026-11-23", BERLIN, datetime(2026, 11, 22, 23, tzinfo=UTC)),
        ("2026-10-25T02:30:00.000", BERLIN, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice: the first one
        ("2026-10-25T03:30:00.000", BERLIN, datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),
        (
            "2026-03-29T02:30:00.000",
            BERLIN,
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        ),  # never: as if it were not set on
    ],
)
def test_times_are_those_of_the_server(written: str, zone: tzinfo, moment: datetime) -> None:
    found = read_object(Message, {"created": written}, zone).created
    assert found is not None
    assert found.astimezone(UTC) == moment
    assert found.utcoffset() is not None


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from([UTC, BERLIN, timezone(timedelta(hours=-3))]),
)
def test_every_time_is_aware(moment: datetime, zone: tzinfo) -> None:
    read = read_object(Message, {"created": moment.isoformat()}, zone).created
    assert read is not None
    assert (read.replace(tzinfo=None), read.tzinfo) == (moment, zone)


# -- time zones -----------------------------------------------------------------------------------------------------


@pytest.fixture
def no_time_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without time zones, as Windows without the package tzdata."""
    monkeypatch.setitem(sys.modules, "tzdata", None)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(())
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(before)
    ZoneInfo.clear_cache()


ZONES = [
    (None, 0),
    ("", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("Etc/UTC", 0),
    ("Z", 0),
    ("GMT+02:00", 120),
    ("GMT-03:30", -210),
    ("+0530", 330),
    ("UTC+14:00", 840),
]


@pytest.mark.parametrize(("name", "minutes"), ZONES)
def test_offsets_and_utc_are_known_everywhere(name: str | None, minutes: int, no_time_zones: None) -> None:
    assert zone_of(name).utcoffset(datetime(2026, 7, 1)) == timedelta(minutes=minutes)


@pytest.mark.parametrize("name", ["Africa/Lagos", "Asia/Kathmandu", "America/Bogota", "Europe/Berlin"])
def test_regions_are_known_where_the_machine_has_time_zones(name: str) -> None:
    assert zone_of(name) == ZoneInfo(name)


def test_a_region_that_the_machine_does_not_know_says_what_to_do(no_time_zones: None) -> None:
    with pytest.raises(InvalidInput, match=r"time zone 'Africa/Lagos'; give timezone=, or install the package tzdata$"):
        zone_of("Africa/Lagos")


@given(st.text(max_size=30) | st.from_regex(r"(GMT|UTC)?[+-]\d\d:?\d\d", fullmatch=True))
def test_any_name_of_a_time_zone_is_known_or_refused(name: str) -> None:
    try:
        found = zone_of(name)
    except InvalidInput:
        return
    assert isinstance(found.utcoffset(datetime(2026, 1, 1)), timedelta)


@pytest.mark.parametrize("name", ["America", "../etc/passwd", "/etc/passwd", "GMT+99:00", "a\0b", "x" * 5000])
def test_odd_names_of_time_zones_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="does not know the server's time zone"):
        zone_of(name)
