"""JSON in a request's body, read as the server's library reads it, with its words for what it cannot read."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping
from json.decoder import JSONDecodeError
from typing import Any, cast

from attrs import frozen

from .behaviour import Behaviour
from .refusals import Rejected

__all__ = ["CONSTANT", "CONVERSATION", "ITEMS", "TOKEN", "Shape", "column", "read_object", "read_words", "word"]

SYNTAX = "com.fasterxml.jackson.core.JsonParseException"
MISMATCH = "com.fasterxml.jackson.databind.exc.MismatchedInputException"
ENDED = "com.fasterxml.jackson.core.io.JsonEOFException"
TOO_MUCH = "com.fasterxml.jackson.core.exc.StreamConstraintsException"
DEEPEST = 1000  # brackets in brackets
LONGEST_NUMBER = 1000  # digits
_BLANK = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r"[^\s\[\]{},:\"]+")
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_LIMIT = "`StreamReadConstraints.getMax{}()`"
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@frozen
class Shape:
    """A class of the server, and which of its properties hold text, sets of objects, numbers or one of some words."""

    name: str
    texts: frozenset[str] = frozenset()
    sets: Mapping[str, str] = {}
    numbers: frozenset[str] = frozenset()
    words: Mapping[str, tuple[str, str]] = {}
    """Properties and their enum classes; the values come from the version."""


CONVERSATION = Shape(
    "org.hisp.dhis.webapi.webdomain.MessageConversation",
    frozenset({"subject", "text"}),
    {
        "users": "org.hisp.dhis.user.User",
        "userGroups": "org.hisp.dhis.user.UserGroup",
        "organisationUnits": "org.hisp.dhis.organisationunit.OrganisationUnit",
        "attachments": "org.hisp.dhis.fileresource.FileResource",
    },
)
ITEMS = Shape("org.hisp.dhis.common.IdentifiableObjects")
"""What is added to a list, or taken from it."""
TOKEN = Shape(
    "org.hisp.dhis.security.apikey.ApiToken",
    words={"type": ("org.hisp.dhis.security.apikey.ApiTokenType", "key_types")},
)
CONSTANT = Shape("org.hisp.dhis.constant.Constant", frozenset({"name", "shortName"}), numbers=frozenset({"value"}))


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
    at: str
    chain: str = ""

    @property
    def syntax(self) -> bool:
        """Whether the text is no JSON at all."""
        return self.class_ in {SYNTAX, ENDED}

    def where(self, source: str) -> str:
        """The place, as it is written behind what is said."""
        chain = f" (through reference chain: {self.chain})" if self.chain else ""
        return f"\n at [Source: {source}; {self.at}]{chain}"


def _place(text: str, at: int) -> str:
    """Where a letter is, counted from 1."""
    before = text[: at - 1]
    return f"line: {before.count(chr(10)) + 1}, column: {at - before.rfind(chr(10)) - 1}"


class _NotFinite(Exception):
    """NaN or an infinity, which are no JSON."""


def _not_finite(name: str) -> Any:
    raise _NotFinite(name)


class _TooLong(Exception):
    """A number with more digits than are read."""


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise _TooLong(digits)
    return int(digits)


_DECODER = json.JSONDecoder(parse_constant=_not_finite, parse_int=_integer)


def _read(behaviour: Behaviour, text: str) -> Any:
    """The value that a text begins with, whatever follows it; or the fault that keeps it from being read."""
    if _depth(text) > DEEPEST:
        return _too_deep(text)
    try:
        return _DECODER.raw_decode(text, _skip(text, 0))[0]
    except RecursionError:
        return _too_deep(text)
    except JSONDecodeError as error:
        return _malformed(behaviour, text, error)
    except _NotFinite as error:
        said = f"Non-standard token '{error}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
        return Fault(said, SYNTAX, _place(text, text.find(str(error)) + 1))
    except _TooLong as error:
        limit = _LIMIT.format("NumberLength")
        said = f"Number value length ({len(str(error))}) exceeds the maximum allowed ({LONGEST_NUMBER}, from {limit})"
        return Fault(said, TOO_MUCH, _place(text, text.find(str(error)) + 1))


def _depth(text: str) -> int:
    """How deep the brackets are."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    return max(itertools.accumulate((one[0] in "[{") - (one[0] in "]}") for one in _PIECE.finditer(text)))


def _too_deep(text: str) -> Fault:
    limit = _LIMIT.format("NestingDepth")
    said = f"Document nesting depth ({DEEPEST + 1}) exceeds the maximum allowed ({DEEPEST}, from {limit})"
    return Fault(said, TOO_MUCH, _place(text, min(DEEPEST + 1, len(text))))


def _malformed(behaviour: Behaviour, text: str, error: JSONDecodeError) -> Fault:
    if error.msg.startswith("Unterminated string"):
        said = "Unexpected end-of-input: was expecting closing quote for a string value"
        return Fault(said, ENDED, _place(text, len(text) + 1))
    if error.pos >= len(text.rstrip()):
        return Fault(_ended(behaviour, text), ENDED, _place(text, len(text) + 1))
    token = _TOKEN.match(text, error.pos)
    if token:
        at = error.pos + 1 if behaviour.jackson_start else token.end() + 1
        return Fault(f"Unrecognized token '{token[0]}': was expecting {_EXPECTED}", SYNTAX, _place(text, at))
    letter = text[error.pos]
    said = f"Unexpected character ('{letter}' (code {ord(letter)})): was expecting a valid value"
    return Fault(said, SYNTAX, _place(text, error.pos + 1))


def _ended(behaviour: Behaviour, text: str) -> str:
    """What is said of a text that ends between its brackets."""
    pieces = list(_PIECE.finditer(text))
    opened = []
    for piece in pieces:
        if piece[0] in "[{":
            opened.append(piece)
        elif piece[0] in "]}" and opened:
            opened.pop()
    said = "Unexpected end-of-input"
    if not opened:
        return said
    inside = "Array" if opened[-1][0] == "[" else "Object"
    last = pieces[-1][0]
    is_name = inside == "Object" and last[0] == '"' and pieces[-2][0] in "{,"
    if last in ",:" or is_name:
        return f"{said} within/between {inside} entries"
    start = f"[Source: {behaviour.jackson_source}; {_place(text, opened[-1].start() + 1)}]"
    return f"{said}: expected close marker for {inside} (start marker at {start})"


def read_object(behaviour: Behaviour, text: str, shape: Shape, *, in_body: bool = False) -> dict[str, Any]:
    """An object of a class of the server; `in_body` where the framework reads it, which says it in other words."""
    if not text.strip() and not in_body:
        where = f"\n at [Source: {behaviour.jackson_source}{behaviour.jackson_empty}]"
        raise Rejected(500, f"No content to map due to end-of-input{where}")
    read = _read(behaviour, text) if text.strip() else None
    if read is None:
        raise _nothing(behaviour, shape.name, in_body=in_body)
    if isinstance(read, Fault) and text.lstrip().startswith("["):
        read = []  # the first bracket is wrong, whatever follows
    if isinstance(read, dict):
        read = _as_read(read, shape)
    fault = read if isinstance(read, Fault) else _unfit(behaviour, text, shape, read)
    if fault is not None:
        raise _of_body(behaviour, fault) if in_body else _of_renderer(behaviour, fault)
    return cast("dict[str, Any]", read)


def _nothing(behaviour: Behaviour, class_: str, *, in_body: bool) -> Rejected:
    """What comes of no body, or of null."""
    if in_body:
        return Rejected(behaviour.body_missing, "Required request body is missing")
    name = class_.rpartition(".")[2]
    return Rejected(500, f'Cannot invoke "{class_}.getUid()" because "{name[0].lower()}{name[1:]}" is null')


def _as_read(read: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """What the server makes of an object: where text should be it steps into brackets, and ends where they end."""
    found: dict[str, Any] = {}
    for name, value in read.items():
        if name not in shape.texts:
            found[name] = value
        elif isinstance(value, (list, dict)):
            found[name] = None
            return found | _as_read(value, shape) if isinstance(value, dict) else found
        else:
            found[name] = word(value)
    return found


def word(value: object) -> str | None:
    """A plain value as text; empty text is none."""
    if value is None or isinstance(value, (list, dict)):
        return None
    return (value if isinstance(value, str) else json.dumps(value)) or None


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
        return Fault(_mismatch(shape.name, read), MISMATCH, _place(text, column(text, ())))
    for name, value in read.items():
        said, path, chain = _fault(behaviour, shape, name, value)
        if said is not None:
            return Fault(said, MISMATCH, _place(text, column(text, path)), chain)
    return None


def _fault(behaviour: Behaviour, shape: Shape, name: str, value: Any) -> tuple[str | None, tuple[str | int, ...], str]:
    """What is wrong with the value of a property, where, and how the library got there."""
    chain = f'{shape.name}["{name}"]'
    if name in shape.sets and value is not None:
        class_ = shape.sets[name]
        if not isinstance(value, list):
            return _no_list(f"java.util.HashSet<{class_}>", value), (name,), chain
        for number, one in enumerate(value):
            if not isinstance(one, dict):
                return _mismatch(class_, one), (name, number), f"{chain}->java.util.HashSet[{number}]"
    if name in shape.numbers and isinstance(value, (list, dict, bool)):
        return _no_list("double", value), (name,), chain
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
        return math.isfinite(float(text))
    except ValueError:
        return False


def _mismatch(class_: str, value: Any) -> str:
    if isinstance(value, (list, dict)):
        return _no_list(class_, value)
    made = f"Cannot construct instance of `{class_}` (although at least one Creator exists): no "
    if isinstance(value, str):
        return f"{made}String-argument constructor/factory method to deserialize from String value ('{value}')"
    given, called = {bool: ("boolean/Boolean", "boolean"), float: ("double/Double", "Number")}.get(
        type(value), ("int/Int", "Number")
    )
    return f"{made}{given}-argument constructor/factory method to deserialize from {called} value ({json.dumps(value)})"


def _no_list(class_: str, value: Any) -> str:
    """What is said where a value of this class cannot begin so."""
    token, called = {
        list: ("START_ARRAY", "Array"),
        dict: ("START_OBJECT", "Object"),
        str: ("VALUE_STRING", "String"),
        bool: (f"VALUE_{json.dumps(value).upper()}", "Boolean") if isinstance(value, bool) else ("", ""),
        int: ("VALUE_NUMBER_INT", "Integer"),
        float: ("VALUE_NUMBER_FLOAT", "Floating-point"),
    }[type(value)]
    return f"Cannot deserialize value of type `{class_}` from {called} value (token `JsonToken.{token}`)"


def read_words(behaviour: Behaviour, text: str) -> list[str]:
    """A list of words; brackets in it are stepped into, and where one ends that is a list's all ends."""
    read = _read(behaviour, text) if text.strip() else None
    if read is None:
        raise _nothing(behaviour, "java.util.List", in_body=True)
    if isinstance(read, Fault) and text.lstrip().startswith("{"):
        read = {}
    if isinstance(read, Fault):
        raise _of_body(behaviour, read)
    if not isinstance(read, list):
        said = _no_list("java.util.ArrayList<java.lang.String>", read)
        raise _of_body(behaviour, Fault(said, MISMATCH, _place(text, column(text, ()))))
    words: list[str] = []
    _step_into(read, words)
    return words


def _step_into(value: Any, words: list[str]) -> bool:
    """Add what is in there; says whether a list in it has ended."""
    pairs = value.items() if isinstance(value, dict) else ((None, inner) for inner in value)
    for name, inner in pairs:
        words += [name] if name else []
        if isinstance(inner, (list, dict)):
            if _step_into(inner, words) or isinstance(inner, list):
                return True
        else:
            words += [word(inner) or ""]
    return False
