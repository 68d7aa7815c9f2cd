"""A working day of a real server through the generated functions, httpx and the codec."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import anyio
import httpx
import pytest

from dhis2_wire import encode
from tests.support.bindings import candidates, request_of
from tests.support.exchanges import HOST, VERSIONS, Exchange, exchanges
from tests.support.replay import playing, recorded

JOURNEY = "journey"


def _actors(version: str) -> list[str]:
    return sorted({exchange.actor for exchange in exchanges(version, JOURNEY)})


@contextmanager
def _played(version: str, actor: str) -> Iterator[list[Exchange]]:
    """One actor's exchanges, in their order, answered by vcrpy."""
    with playing(version, JOURNEY, actor):
        yield [exchange for exchange in exchanges(version, JOURNEY) if exchange.actor == actor]


def _checked(exchange: Exchange, answer: httpx.Response) -> None:
    """The answer is the recorded one, and what the codec reads from it says all that it says."""
    request = request_of(exchange, candidates(exchange)[0])
    assert (answer.status_code, answer.content) == (exchange.status, exchange.body), exchange.name
    if answer.is_success:
        value = request.parse(answer.content)
        if request.result == "bytes":
            assert value == exchange.body
        elif request.result == "None":
            assert value is None
        else:
            assert encode(value) == exchange.json(), exchange.name


def _arguments(exchange: Exchange) -> dict[str, Any]:
    sent = request_of(exchange, candidates(exchange)[0]).arguments()
    sent["headers"]["X-Requested-With"] = "XMLHttpRequest"
    return sent


@pytest.mark.parametrize("version", VERSIONS)
def test_every_request_is_made_by_a_generated_function_and_every_answer_is_read(version: str) -> None:
    count = 0
    for actor in _actors(version):
        with _played(version, actor) as mine, httpx.Client(base_url=HOST) as client:
            for exchange in mine:
                _checked(exchange, client.request(**_arguments(exchange)))
                count += 1
    assert count == len(list(exchanges(version, JOURNEY))) >= 59


@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_functions_serve_an_asynchronous_client(version: str) -> None:
    async def day() -> int:
        count = 0
        for actor in _actors(version):
            with ExitStack() as stack:
                mine = stack.enter_context(_played(version, actor))
                async with httpx.AsyncClient(base_url=HOST) as client:
                    for exchange in mine:
                        _checked(exchange, await client.request(**_arguments(exchange)))
                        count += 1
        return count

    assert anyio.run(day) == len(list(exchanges(version, JOURNEY)))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_sent_has_the_recorded_media_types_and_no_others(version: str) -> None:
    for exchange in exchanges(version, JOURNEY):
        headers = _arguments(exchange)["headers"]
        assert headers["Accept"] == exchange.request_headers["accept"], exchange.name
        recorded = exchange.request_headers.get("content-type")
        if recorded is None or not recorded.startswith("multipart/"):
            assert headers.get("Content-Type") == recorded, exchange.name


def test_a_request_that_was_not_recorded_fails_the_replay() -> None:
    exchange = next(exchange for exchange in exchanges("42", JOURNEY) if exchange.request_body[:1] == b"{")
    other = _arguments(exchange) | {"content": exchange.request_body.replace(b"Stock", b"Other")}
    with recorded("42", JOURNEY, exchange.actor), httpx.Client(base_url=HOST) as client:
        with pytest.raises(Exception, match="no recorded interaction matches"):
            client.request(**other)
        client.request(**_arguments(exchange))


def test_an_exchange_that_is_not_played_fails_the_replay() -> None:
    with pytest.raises(AssertionError, match="0 of"), _played("42", "outsider"):
        pass
