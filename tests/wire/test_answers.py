"""Every recorded JSON answer of an operation with a typed result is read, and written again as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import has

from dhis2_wire import DecodeError, encode
from tests.support.bindings import Generated, candidates
from tests.support.exchanges import VERSIONS, Exchange, exchanges

# What cannot be read, and why.
UNREADABLE = {
    "listing: fields renamed": "`messages~size~rename(…)` gives a number under the name of a list",
}
# Keys that no document knows, and why they come.
UNKNOWN = {
    ("MessageConversation", "message"): "an unknown uid is answered with 200 and a message",
}
WITHOUT_FUNCTION = {"HEAD"}  # no document has it; the servers answer as to GET


def _typed(version: str) -> Iterator[tuple[Exchange, Generated]]:
    for exchange in exchanges(version):
        if not 200 <= exchange.status < 300 or exchange.media_type != "application/json":
            continue
        if exchange.method in WITHOUT_FUNCTION:
            continue
        found = candidates(exchange)
        assert found, f"no function for {exchange.name}: {exchange.method} {exchange.path}"
        assert found[0].request.result not in ("None", "bytes", "str"), exchange.name
        yield exchange, found[0]


def _unknown(value: Any) -> Iterator[tuple[str, str]]:
    if has(type(value)):
        yield from ((type(value).__name__, key) for key in value.unknown_ or ())
        for attribute in value.__attrs_attrs__:
            if attribute.name != "unknown_":
                yield from _unknown(getattr(value, attribute.name))
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _unknown(item)


@pytest.mark.parametrize("version", VERSIONS)
def test_answers_are_read_and_written_again_as_they_were(version: str) -> None:
    read, refused = 0, {}
    for exchange, generated in _typed(version):
        try:
            value = generated.request.parse(exchange.body)
        except DecodeError as error:
            refused[f"{exchange.scenario}: {exchange.step}"] = error.path
            continue
        assert encode(value) == exchange.json(), exchange.name
        assert set(_unknown(value)) <= UNKNOWN.keys(), exchange.name
        read += 1
    assert refused.keys() == UNREADABLE.keys()
    assert all(refused.values())
    assert read >= 300


def test_an_unreadable_answer_names_the_place() -> None:
    exchange, generated = next(
        (exchange, generated) for exchange, generated in _typed("42") if exchange.step == "fields renamed"
    )
    with pytest.raises(DecodeError, match=r"^messageConversations\[0\]\.messages: expected a list, got 1$"):
        generated.request.parse(exchange.body)
