"""Every view of every result, with the worst that others can write in every text."""

from __future__ import annotations

import io
import re
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from rich.console import Console

from dhis2_facade.cli import service, views
from dhis2_facade.cli.output import Screen
from dhis2_facade.cli.service import OPERATIONS, STREAMS
from dhis2_facade.cli.views import VIEWS
from tests.cli.test_terminal import HOSTILE, STEERING

TIMES = ("created", "last_message")  # written by the facade from what it has read as times
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def sample(kind: Any, name: str = "") -> Any:
    """Make data of a shape, with the worst text in every place that takes text."""
    if kind is str:
        return "2026-11-24T10:00:00+00:00" if name in TIMES else HOSTILE
    if get_origin(kind) in (Union, types.UnionType):
        return sample(next(one for one in get_args(kind) if one is not type(None)), name)
    if get_origin(kind) is list:
        return [sample(get_args(kind)[0], name)] * 2
    if kind in (int, bool):
        return kind(3)
    return {key: sample(inner, key) for key, inner in get_type_hints(kind).items()}


def shape(operation: str) -> Any:
    """Give what an operation of the service answers."""
    function = OPERATIONS.get(operation) or STREAMS[operation]
    given = eval(function.__annotations__["return"], vars(service))  # the arguments name what is not imported
    return get_args(given)[0] if operation in STREAMS else given


def test_every_operation_has_a_view() -> None:
    assert VIEWS.keys() == OPERATIONS.keys() | STREAMS.keys()


@pytest.mark.parametrize("operation", VIEWS)
def test_a_view_writes_nothing_of_others_raw(operation: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = sample(shape(operation))
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100, highlight=False, markup=False, emoji=False)
    VIEWS[operation](Screen(console), data)
    VIEWS[operation](Screen(), data)
    piped = capsys.readouterr().out
    assert shown.getvalue()
    assert piped
    assert not STEERING.search(piped)
    assert "\x1b" not in piped
    coloured = COLOURS.sub("", shown.getvalue())
    assert not STEERING.search(coloured)
    assert "\x1b" not in coloured


@pytest.mark.parametrize("operation", VIEWS)
def test_a_view_can_do_without_everything_that_may_be_missing(
    operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def bare(kind: Any) -> Any:
        if get_origin(kind) in (Union, types.UnionType):
            return None
        if get_origin(kind) is list:
            return []
        return kind(0) if kind in (int, bool, str) else {key: bare(one) for key, one in get_type_hints(kind).items()}

    VIEWS[operation](Screen(), bare(shape(operation)))
    assert "None" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("size", "words"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (10**16, "10000.0 TB")],
)
def test_a_size_is_said_for_people(size: int | None, words: str) -> None:
    assert views.size_of(size) == words


def test_an_empty_table_says_so_to_people_and_is_its_heads_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    shown = io.StringIO()
    Screen(Console(file=shown, width=80)).table(("uid", "name"), [])
    Screen().table(("uid", "name"), [])
    assert (shown.getvalue(), capsys.readouterr().out) == ("none\n", "uid\tname\n")
