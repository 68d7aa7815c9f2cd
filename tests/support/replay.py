"""vcrpy on the recorded cassettes: one client an actor, every request matched whole, nothing recorded anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import vcr
from vcr.cassette import Cassette
from vcr.request import Request as Recorded
from vcr.serializers import compat

from tests.support.exchanges import cassette, parts

MATCHED = ("method", "path", "query_pairs", "body_values")


class _OneActor:
    """Gives vcrpy the exchanges of one actor of a scenario: another's answer to the same request is not theirs."""

    @staticmethod
    def load_cassette(path: str, serializer: Any) -> tuple[list[Any], list[Any]]:  # noqa: ARG004 - by name
        version, scenario, actor = str(path).split("/")
        chosen = [one for one in cassette(version.removeprefix("v"), scenario)["interactions"] if one["actor"] == actor]
        requests = [Recorded._from_dict(one["request"]) for one in chosen]
        responses = [compat.convert_to_bytes(dict(one["response"])) for one in chosen]
        return requests, responses

    @staticmethod
    def save_cassette(*_given: Any) -> None:
        raise AssertionError("nothing is recorded anew")


def query_pairs(one: Any, other: Any) -> None:
    assert _query(one) == _query(other)


def _query(request: Any) -> list[tuple[str, str]]:
    return sorted(parse_qsl(urlsplit(request.uri).query, keep_blank_values=True))


def body_values(one: Any, other: Any) -> None:
    """JSON as values, a form by its parts, no body like an empty one."""
    assert _body(one) == _body(other)


def _body(request: Any) -> Any:
    body = request.body.encode() if isinstance(request.body, str) else b"".join([request.body or b""])
    headers = {name.lower(): value for name, value in request.headers.items()}
    kind = headers.get("content-type", "")
    kind = kind[0] if isinstance(kind, list) else kind
    kind = kind.decode() if isinstance(kind, bytes) else kind
    if kind.startswith("multipart/"):
        return [(part.name, part.file_name, part.content_type, part.content) for part in parts(kind, body)]
    return json.loads(body) if body and "json" in kind else body


@contextmanager
def recorded(version: str, scenario: str, actor: str) -> Iterator[Cassette]:
    """Answer the requests of this actor as the server did."""
    recorder = vcr.VCR(record_mode="none", match_on=MATCHED)
    recorder.register_persister(_OneActor)
    recorder.register_matcher("query_pairs", query_pairs)
    recorder.register_matcher("body_values", body_values)
    with recorder.use_cassette(f"v{version}/{scenario}/{actor}") as played:
        yield played


@contextmanager
def playing(version: str, scenario: str, actor: str) -> Iterator[Cassette]:
    """Answer every request of this actor as the server did; in the end each must have been asked once."""
    with recorded(version, scenario, actor) as played:
        yield played
    assert played.all_played, f"{played.play_count} of {len(played)} played"
