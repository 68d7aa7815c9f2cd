"""JSON in a request's body, read as the server's library reads it, with its words for what it cannot read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from json.decoder import JSONDecodeError
from typing import Any

from attrs import frozen

from .behaviour import Behaviour
from .refusals import Rejected

__all__ = ["CONSTANT", "CONVERSATION", "TOKEN", "Shape", "column", "read_object", "read_words"]

SYNTAX = "com.fasterxml.jackson.core.JsonParseException"
MISMATCH = "com.fasterxml.jackson.databind.exc.MismatchedInputException"
_BLANK = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r"[^\s\[\]{},:\"]+")
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@frozen
class Shape:
    """A class of the server, and which of its properties hold sets of objects, numbers or one of some words."""

    name: str
    sets: Mapping[str, str] = {}
    numbers: frozenset[str] = frozenset()
    words: Mapping[str, tuple[str, str]] = {}
    """Properties and their enum classes; the values come from the version."""


CONVERSATION = Shape(
    "org.hisp.dhis.webapi.webdomain.MessageConversation",
    {
        "users": "org.hisp.dhis.user.User",
        "userGroups": "org.hisp.dhis.user.UserGroup",
        "organisationUnits": "org.hisp.dhis.organisationunit.OrganisationUnit",
        "attachments": "org.hisp.dhis.fileresource.FileResource",
    },
)
TOKEN = Shape(
    "org.hisp.dhis.security.apikey.ApiToken",
    words={"type": ("org.hisp.dhis.security.apikey.ApiTokenType", "key_types")},
)
CONSTANT = Shape("org.hisp.dhis.constant.Constant", numbers=frozenset({"value"}))


def column(text: str, path: tuple[str | int, ...]) -> int:
    """Where the value at this path begins, counted from 1."""
    decoder = json.JSONDecoder()
    at = _skip(text, 0)
    for wanted in path:
        at = _skip(text, at + 1)
        for number in range(len(text)):
            key: str | int = number
            if isinstance(wanted, str):
                key, at = decoder.raw_decode(text, at)
                at = _skip(text, _skip(text, at) + 1)
            if key == wanted:
                break
            _, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
    return at + 1


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


@frozen
class Fault:
    """What cannot be read: what is said of it, by which class, where, and how the library got there."""

    said: str
    class_: str
    at: int
    chain: str = ""

    @property
    def syntax(self) -> bool:
        """Whether the text is no JSON at all."""
        return self.class_ == SYNTAX

    def where(self, source: str) -> str:
        """The place, as it is written behind what is said."""
        chain = f" (through reference chain: {self.chain})" if self.chain else ""
        return f"\n at [Source: {source}; line: 1, column: {self.at}]{chain}"


def _malformed(behaviour: Behaviour, text: str, error: JSONDecodeError) -> Fault:
    if error.pos >= len(text.rstrip()):
        inside = "Array" if text.lstrip().startswith("[") else "Object"
        return Fault(f"Unexpected end-of-input within/between {inside} entries", SYNTAX, len(text) + 1)
    token = _TOKEN.match(text, error.pos)
    if token:
        at = error.pos + 1 if behaviour.jackson_start else token.end() + 1
        return Fault(f"Unrecognized token '{token[0]}': was expecting {_EXPECTED}", SYNTAX, at)
    letter = text[error.pos]
    said = f"Unexpected character ('{letter}' (code {ord(letter)})): was expecting a valid value"
    return Fault(said, SYNTAX, error.pos + 1)


def read_object(behaviour: Behaviour, text: str, shape: Shape, *, in_body: bool = False) -> dict[str, Any]:
    """An object of a class of the server; `in_body` where the framework reads it, which says it in other words."""
    if not text.strip():
        where = f"\n at [Source: {behaviour.jackson_source}{behaviour.jackson_empty}]"
        raise Rejected(500, f"No content to map due to end-of-input{where}")
    try:
        read = json.loads(text)
    except JSONDecodeError as error:
        fault: Fault | None = _malformed(behaviour, text, error)
    else:
        fault = _unfit(behaviour, text, shape, read)
    if fault is not None:
        raise _of_body(behaviour, fault) if in_body else _of_renderer(behaviour, fault)
    found: dict[str, Any] = read
    return found


def _of_renderer(behaviour: Behaviour, fault: Fault) -> Rejected:
    return Rejected(409 if fault.syntax else 500, fault.said + fault.where(behaviour.jackson_source))


def _of_body(behaviour: Behaviour, fault: Fault) -> Rejected:
    if behaviour.body_source is not None:
        return Rejected(behaviour.body_missing, fault.said + fault.where(behaviour.body_source))
    again = ""
    if behaviour.body_nested:
        again = f"; nested exception is {fault.class_}: {fault.said}{fault.where(behaviour.jackson_source)}"
    return Rejected(behaviour.body_missing, f"JSON parse error: {fault.said}{again}")


def _unfit(behaviour: Behaviour, text: str, shape: Shape, read: Any) -> Fault | None:
    """What does not fit the class."""
    if not isinstance(read, dict):
        return Fault(_mismatch(shape.name, read), MISMATCH, column(text, ()))
    for name, value in read.items():
        said, path, chain = _fault(behaviour, shape, name, value)
        if said is not None:
            return Fault(said, MISMATCH, column(text, path), chain)
    return None


def _fault(behaviour: Behaviour, shape: Shape, name: str, value: Any) -> tuple[str | None, tuple[str | int, ...], str]:
    """What is wrong with the value of a property, where, and how the library got there."""
    chain = f'{shape.name}["{name}"]'
    if name in shape.sets and value is not None:
        class_ = shape.sets[name]
        if not isinstance(value, list):
            return _mismatch(f"java.util.HashSet<{class_}>", value), (name,), chain
        for number, one in enumerate(value):
            if not isinstance(one, dict):
                return _mismatch(class_, one), (name, number), f"{chain}->java.util.HashSet[{number}]"
    if name in shape.numbers and isinstance(value, str) and not _numeric(value):
        said = (
            f'Cannot deserialize value of type `double` from String "{value}":'
            " not a valid `double` value (as String to convert)"
        )
        return said, (name,), chain
    if name in shape.words and value is not None:
        class_, field = shape.words[name]
        values = getattr(behaviour, field)
        if value not in values:
            said = (
                f'Cannot deserialize value of type `{class_}` from String "{value}":'
                f" not one of the values accepted for Enum class: [{', '.join(values)}]"
            )
            return said, (name,), chain
    return None, (), chain


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _mismatch(class_: str, value: Any) -> str:
    if isinstance(value, (list, dict)):
        kind, token = ("Array", "START_ARRAY") if isinstance(value, list) else ("Object", "START_OBJECT")
        return f"Cannot deserialize value of type `{class_}` from {kind} value (token `JsonToken.{token}`)"
    made = f"Cannot construct instance of `{class_}` (although at least one Creator exists): no "
    if isinstance(value, str):
        return f"{made}String-argument constructor/factory method to deserialize from String value ('{value}')"
    kind = "boolean/Boolean" if isinstance(value, bool) else "int/Int"
    written = json.dumps(value)
    return f"{made}{kind}-argument constructor/factory method to deserialize from Number value ({written})"


def read_words(behaviour: Behaviour, text: str) -> list[str]:
    """A list of words; of an object in the list its names and values are read, as the server reads them."""
    try:
        read = json.loads(text)
    except JSONDecodeError as error:
        raise _of_body(behaviour, _malformed(behaviour, text, error)) from None
    if not isinstance(read, list):
        said = _mismatch("java.util.ArrayList<java.lang.String>", read)
        raise _of_body(behaviour, Fault(said, MISMATCH, column(text, ())))
    words: list[str] = []
    for one in read:
        if isinstance(one, dict):
            words += [str(word) for pair in one.items() for word in pair]
        else:
            words.append(str(one))
    return words
