"""The codec: JSON to models and back, for whatever a server sends."""

from __future__ import annotations

import copy
import datetime
import enum
import functools
import json
import pickle
import types
import typing
from typing import Any

import pytest
from attrs import fields, has
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhis2_bindings.v42.models import (
    JobConfiguration,
    MessageConversation,
    MessageConversationPriority,
    UserDto,
)
from dhis2_wire import UNSET, DecodeError, Unset, encode, from_json
from dhis2_wire import decode as decode_text
from dhis2_wire.encoding import wire_names
from dhis2_wire.readers import SHAPES, Space, space_of

MODELS = "dhis2_bindings.v42.models"
SPACE = space_of(MODELS)


def read(result: str, value: Any) -> Any:
    return from_json(result, MODELS, value)


def json_for(kind: Any, depth: int = 2) -> st.SearchStrategy[Any]:
    """JSON that a server may send for a type: keys absent, null, or there; enum values known or not."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, types.UnionType):
        return st.one_of([json_for(argument, depth) for argument in arguments if argument is not Unset])
    if origin is list:
        return st.lists(st.none() | json_for(arguments[0], depth), max_size=2)
    if origin is dict:
        return st.dictionaries(st.text(max_size=3), st.none() | json_for(arguments[1], depth), max_size=2)
    if kind is datetime.datetime:
        moments = st.datetimes(min_value=datetime.datetime(1000, 1, 1))
        return moments.map(lambda moment: moment.isoformat(timespec="milliseconds"))
    if kind is datetime.date:
        return st.dates(min_value=datetime.date(1000, 1, 1)).map(str)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from([str(one) for one in kind]) | st.text(min_size=1, max_size=5)
    if isinstance(kind, type) and has(kind):
        return model_json(kind, depth - 1) if depth else st.just({})
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=5),
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
    }
    return simple.get(kind, st.none() | st.booleans() | st.text(max_size=3))


@functools.cache
def model_json(cls: type, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    def field_json(name: str) -> st.SearchStrategy[Any]:
        return st.none() | st.deferred(lambda: json_for(SPACE.field(cls, name), depth))

    known = {key: field_json(name) for name, key in wire_names(cls).items()}
    extra = st.dictionaries(st.text(max_size=4).filter(lambda key: key not in known), st.integers(), max_size=2)
    return st.builds(lambda a, b: a | b, st.fixed_dictionaries({}, optional=known), extra)


@pytest.mark.parametrize("name", ["MessageConversation", "WebMessage", "MeDto", "OrganisationUnit", "Sharing"])
def test_what_is_read_is_written_again_as_it_was(name: str) -> None:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(model_json(SPACE[name], 2))
    def check(value: dict[str, Any]) -> None:
        before = copy.deepcopy(value)
        model = read(name, value)
        assert value == before
        assert json.loads(json.dumps(encode(model))) == value
        assert pickle.loads(pickle.dumps(model)) == copy.deepcopy(model) == model

    check()


def test_absent_null_and_unknown_are_three_things() -> None:
    model = read("MessageConversation", {"subject": None, "novelty": {"x": 1}})
    assert model.subject is None
    assert model.priority is UNSET
    assert model.unknown_ == {"novelty": {"x": 1}}
    assert not UNSET
    assert repr(UNSET) == "UNSET"


def test_a_model_made_by_hand_equals_one_that_was_read() -> None:
    assert read("UserDto", {"id": "x", "displayName": "Nurse"}) == UserDto(id="x", display_name="Nurse")


def test_keys_that_camel_case_does_not_give_are_kept_apart() -> None:
    written = encode(SPACE["MeDto"](whats_app="1", first_name="A"))
    assert written == {"whatsApp": "1", "firstName": "A"}
    odd = {cls: cls.__wire__ for name in SPACE.models.__all__ if hasattr(cls := SPACE[name], "__wire__")}
    assert odd
    for cls, names in odd.items():
        for attribute, key in names.items():
            assert encode(cls(**{attribute: "v"})) == {key: "v"}
            assert getattr(read(cls.__name__, {key: None}), attribute) is None


def test_an_enum_takes_values_that_came_later() -> None:
    known = read("MessageConversation", {"priority": "HIGH"}).priority
    assert known is MessageConversationPriority.HIGH
    new = read("MessageConversation", {"priority": "URGENT"}).priority
    assert isinstance(new, MessageConversationPriority)
    assert new == "URGENT"
    assert (new.value, new.name, str(new)) == ("URGENT", "URGENT", "URGENT")
    assert pickle.loads(pickle.dumps(new)) == copy.deepcopy(new) == new
    assert encode(MessageConversation(priority=new)) == {"priority": "URGENT"}
    assert "URGENT" not in MessageConversationPriority._value2member_map_
    with pytest.raises(ValueError, match="5 is not a valid"):
        MessageConversationPriority(5)  # type: ignore[arg-type]


def test_a_time_is_naive_and_written_with_milliseconds() -> None:
    model = read("MessageConversation", {"created": "2026-11-23T04:43:50.230"})
    assert model.created == datetime.datetime(2026, 11, 23, 4, 43, 50, 230000)
    assert encode(model) == {"created": "2026-11-23T04:43:50.230"}


def test_a_value_of_two_kinds_is_converted_where_it_can_be() -> None:
    assert isinstance(read("datetime.datetime | int", "2026-11-23T04:43:50.230"), datetime.datetime)
    assert read("datetime.datetime | int", 1234) == 1234
    assert read("datetime.datetime | str", "never") == "never"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"messageConversations": [{}, {"created": "yesterday"}]}, "messageConversations[1].created: expected a date and time, got 'yesterday'"),
        ({"messageConversations": [{"created": 5}]}, "messageConversations[0].created: expected a date and time, got 5"),
        ({"messageConversations": {"id": "x"}}, "messageConversations: expected a list, got {'id': 'x'}"),
        ({"messageConversations": "x"}, "messageConversations: expected a list, got 'x'"),
        ({"pager": []}, "pager: expected an object (Pager), got []"),
        ({"messageConversations": [{"messages": [{"sender": "x"}]}]}, "messageConversations[0].messages[0].sender: expected an object (UserDto), got 'x'"),
        ({"messageConversations": [{"priority": 7}]}, "messageConversations[0].priority: expected MessageConversationPriority, got 7"),
        ({"messageConversations": [{"sharing": {"users": {"abc": 1}}}]}, "messageConversations[0].sharing.users.abc: expected an object (UserAccess), got 1"),
        ({"messageConversations": [{"favorites": "x" * 99}]}, f"messageConversations[0].favorites: expected a list, got '{'x' * 59}…"),
        ([], "the answer: expected an object (MessageConversationPage), got []"),
        (None, "the answer: expected an object (MessageConversationPage), got None"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read("MessageConversationPage", value)
    assert str(caught.value) == message
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


def test_an_object_within_itself_without_end_is_an_error_and_no_crash() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"parent": deep, "id": "x"}
    with pytest.raises(DecodeError):
        read("OrganisationUnit", {"parent": deep, "created": "no"})
    with pytest.raises(DecodeError, match="expected JSON"):
        decode_text("OrganisationUnit", MODELS, '{"parent":' * 100_000)


def test_sets_of_keys_without_end_are_read_and_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[type] = []
    compile_ = Space._compile

    def counted(self: Space, cls: type, *rest: Any) -> Any:
        compiled.append(cls)
        return compile_(self, cls, *rest)

    monkeypatch.setattr(Space, "_compile", counted)
    for number in range(SHAPES + 50):
        value = {"id": "x", f"key{number}": number, "schedulingType": "CRON", "created": "2026-11-23T04:43:50.230"}
        assert encode(read("JobConfiguration", value)) == value
    assert compiled.count(JobConfiguration) <= SHAPES
    model = read("JobConfiguration", {"id": None, "brand new": 1})
    assert (model.id, model.name, model.unknown_) == (None, UNSET, {"brand new": 1})
    with pytest.raises(DecodeError, match=r"^created: expected a date and time"):
        read("JobConfiguration", {"once more": 1, "created": "x"})


def test_keys_are_data_and_never_code() -> None:
    hostile = {"id'] = 1; import os #": 1, "\n\\": 2, "__class__": 3, '"""': 4, "unknown_": 5}
    model = read("UserDto", hostile)
    assert model.unknown_ == hostile
    assert type(model) is UserDto


def test_only_models_are_written() -> None:
    with pytest.raises(ValueError, match="object cannot be written as JSON"):
        encode([object()])


def test_unknown_keys_are_written_too() -> None:
    assert encode(UserDto(id="x", unknown_={"novelty": UserDto(id="y")})) == {"id": "x", "novelty": {"id": "y"}}


def test_what_is_not_set_is_left_out_of_maps_too() -> None:
    assert encode({"a": UNSET, "b": None, "c": [1]}) == {"b": None, "c": [1]}


def test_a_model_has_slots_and_compares_by_value() -> None:
    user = UserDto(id="x")
    with pytest.raises(AttributeError):
        user.identifier = "y"  # type: ignore[attr-defined]
    assert user == UserDto(id="x")
    assert {a.name for a in fields(JobConfiguration)} >= {"id", "created", "unknown_"}
