"""Every kind of trouble with every kind of call, against what tests/faults/table.md says of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import pytest

from tests.faults.cells import CALLS, SLACK, TROUBLES, Result, combinations, expected, try_out

Where: TypeAlias = tuple[str, str, str, str]  # trouble, call, version, client
AT_ONCE = 32  # cells; most of their time they wait
pytestmark = [
    pytest.mark.slow,
    # What is not read or sent to its end, httpx leaves to the garbage collector, of which trio warns.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


@pytest.fixture(scope="module")
def seen() -> dict[Where, Result]:
    def of(where: Where) -> Result:
        trouble, call, version, flavour = where
        return try_out(TROUBLES[trouble], CALLS[call], version, flavour)

    everywhere = [
        (trouble, call, version, flavour)
        for call in CALLS
        for row, trouble in enumerate(TROUBLES)
        for version, flavour in combinations(row)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(everywhere, pool.map(of, everywhere), strict=True))


def sends(seen: dict[Where, Result]) -> Iterator[tuple[Where, Result]]:
    return ((where, result) for where, result in seen.items() if CALLS[where[1]].stores)


def test_every_cell_is_what_the_table_says(seen: dict[Where, Result]) -> None:
    table = expected()
    assert list(table) == list(TROUBLES)
    wrong = {
        where: (result.cell(CALLS[where[1]]), table[where[0]][where[1]])
        for where, result in seen.items()
        if result.cell(CALLS[where[1]]) != table[where[0]][where[1]]
    }
    assert not wrong
    assert len(seen) == len(TROUBLES) * len(CALLS) * 3


def test_nothing_is_stored_twice_even_if_one_goes_on_with_the_key(seen: dict[Where, Result]) -> None:
    assert not {where: result for where, result in sends(seen) if max(result.stored, result.then or 0) > 1}


def test_nothing_is_lost_without_an_error(seen: dict[Where, Result]) -> None:
    assert not {where: result for where, result in sends(seen) if result.succeeded and result.stored != 1}


def test_nothing_that_is_stored_is_said_to_have_failed(seen: dict[Where, Result]) -> None:
    assert not {where: result for where, result in sends(seen) if result.refused and result.stored}


def test_who_goes_on_with_the_key_has_it_stored_in_the_end(seen: dict[Where, Result]) -> None:
    went_on = {where: result for where, result in sends(seen) if result.then is not None}
    assert went_on
    assert not {where: result for where, result in went_on.items() if result.then != 1}


def test_what_is_stored_within_the_settle_time_is_returned_as_stored(seen: dict[Where, Result]) -> None:
    """Tokens that prove nothing, and a server that is later than it was said to be, are the only two excuses."""
    excused = {"`User-Agent` stripped, and reset, stored", "stored late: 2 settle times"}
    doubted = {where[0] for where, result in sends(seen) if result.stored and not result.succeeded}
    assert doubted == excused


def test_no_call_waits_beyond_its_deadline(seen: dict[Where, Result]) -> None:
    assert not {where: result for where, result in seen.items() if result.took > TROUBLES[where[0]].deadline + SLACK}
