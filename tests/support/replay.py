"""vcrpy on the recorded cassettes: one client an actor, every request matched whole, nothing recorded anew."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import vcr
from vcr.cassette import Cassette
from vcr.request import Request as Recorded
from vcr.serializers import compat

from tests.support.exchanges import CASSETTES, cassette, parts

MASKED = re.compile(r"<(\w+)>")
MATCHED = ("method", "path", "query_pairs", "body_values")


class _Chosen:
    """Gives vcrpy the exchanges of a scenario, of all actors or of one, who is named behind a colon."""

    @staticmethod
    def load_cassette(path: str, serializer: Any) -> tuple[list[Any], list[Any]]:  # noqa: ARG004 - by name
        file, _, actor = str(path).partition(":")
        where = Path(file)
        kept = cassette(where.parent.name.removeprefix("v"), where.name, where.parents[1])["interactions"]
        chosen = [one for one in kept if actor in ("", one["actor"])]
        requests = [Recorded._from_dict(one["request"]) for one in chosen]
        responses = [compat.convert_to_bytes(dict(one["response"])) for one in chosen]
        return requests, responses

    @staticmethod
    def save_cassette(*_given: Any) -> None:
        raise AssertionError("nothing is recorded anew")


def actor(one: Any, other: Any) -> None:
    """The answer to one actor is not another's, also where they ask the same."""
    assert _actor(one) == _actor(other)


def _actor(request: Any) -> str:
    headers = {name.lower(): value for name, value in request.headers.items()}
    given = headers.get("authorization", "")
    _, _, secret = (given[0] if isinstance(given, list) else given).partition(" ")
    masked = MASKED.fullmatch(secret)
    return masked[1] if masked else base64.b64decode(secret).decode().partition(":")[0]


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


def _recorder(matched: tuple[str, ...]) -> vcr.VCR:
    recorder = vcr.VCR(record_mode="none", match_on=matched)
    recorder.register_persister(_Chosen)
    for matcher in (actor, query_pairs, body_values):
        recorder.register_matcher(matcher.__name__, matcher)
    return recorder


@contextmanager
def recorded(version: str, scenario: str, actor: str = "", folder: Path = CASSETTES) -> Iterator[Cassette]:
    """Answer the requests of this actor as the server did; without one, those of all, who are known by their names."""
    with _recorder(MATCHED if actor else (*MATCHED, "actor")).use_cassette(
        f"{folder}/v{version}/{scenario}:{actor}"
    ) as played:
        yield played


@contextmanager
def playing(version: str, scenario: str, actor: str = "", folder: Path = CASSETTES) -> Iterator[Cassette]:
    """Do so; in the end each request must have been asked once."""
    with recorded(version, scenario, actor, folder) as played:
        yield played
    assert played.all_played, f"{played.play_count} of {len(played)} played"
