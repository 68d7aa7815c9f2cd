"""Where results and remarks go: results to stdout, all else to stderr, nothing of others raw."""

from __future__ import annotations

import codecs
import json
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from dhis2_facade.cli import visible
from dhis2_facade.cli.exits import Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dhis2_facade.sources import Progress

__all__ = ["Cell", "Output", "Screen", "written"]

Cell: TypeAlias = "tuple[str, str] | str"
"""A text, and the style that it has on a terminal."""


INDENT = "    "
WHOLE = ("", "uid", "type", "messages", "status", "priority", "when")  # columns that are not broken into lines
CUT = ("subject", "from")  # those that are cut off, so that a conversation is one row; the first has what is left
LEAST = 20  # signs of any other column that there must be room for, if it has so many
GAP = 2  # signs between two columns
SPARED = ("messages", "priority", "status", "type", "from", "when")  # left out, one by one, where there is no room


class Screen:
    """Writes for people: with colours on a terminal, plain text else."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console
        if console is None and sys.stdout.isatty():
            from rich.console import Console

            self._console = Console(highlight=False, emoji=False, markup=False)

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it."""
        return self._console is not None

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Write a table; tabs between the columns where it is read by programs."""
        if self._console is None:
            for row in (heads, *rows):
                print("\t".join(visible.line(_text(cell)) for cell in row))
            return
        if not rows:  # heads alone would look as if something were missing
            self._console.print("none", style="dim")
            return
        from rich.table import Table

        columns, width = _fitting(
            {head: [row[place] for row in rows] for place, head in enumerate(heads)}, self._console
        )
        made = Table(box=None, header_style="dim", pad_edge=False)
        for head in columns:
            if head in CUT:
                made.add_column(head, overflow="ellipsis", no_wrap=True, max_width=LEAST if head != CUT[0] else width)
            else:
                made.add_column(head, overflow="fold", no_wrap=head in WHOLE)
        for row in zip(*columns.values(), strict=True):
            made.add_row(*(self._styled(cell) for cell in row))
        self._console.print(made)

    def line(self, *cells: Cell) -> None:
        """Write one line of pieces."""
        if self._console is None:
            print("".join(visible.line_piece(_text(cell)) for cell in cells))
            return
        from rich.text import Text

        whole = Text()
        for cell in cells:
            whole.append(visible.line_piece(_text(cell)), _style(cell))
        self._console.print(whole, soft_wrap=True)

    def text(self, text: str) -> None:
        """Write a text of any lines, indented, so that nothing in it looks like a line of this program."""
        if self._console is None:
            print(textwrap.indent(visible.text(text), INDENT, lambda _: True))
            return
        from rich.padding import Padding
        from rich.text import Text

        self._console.print(Padding(Text(visible.text(text)), (0, 0, 0, len(INDENT))))

    def _styled(self, cell: Cell) -> Text:
        from rich.text import Text

        return Text(visible.line(_text(cell)), style=_style(cell))


def written(document: object, indent: int | None = None) -> str:
    """Write JSON, in ASCII where standard output is no UTF-8: programs read JSON as UTF-8 only."""
    plain = codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"
    return visible.plain_json(json.dumps(document, ensure_ascii=plain, indent=indent))


def _fitting(columns: Mapping[str, Sequence[Cell]], console: Console) -> tuple[dict[str, Sequence[Cell]], int]:
    """Leave out columns with nothing in them, and those that have no room; gives what is left for a subject."""
    from rich.cells import cell_len

    def taken(*heads: str) -> int:
        least = 0
        for head in heads:
            longest = max(cell_len(visible.line(_text(cell))) for cell in (head, *columns[head]))
            least += GAP + (longest if head in WHOLE else min(longest, LEAST))
        return max(0, least - GAP)

    kept = {head: cells for head, cells in columns.items() if not cells or any(_text(cell) for cell in cells)}
    for head in SPARED:
        if taken(*kept) > console.width:
            kept.pop(head, None)
    return kept, max(1, console.width - GAP - taken(*(head for head in kept if head != CUT[0])))


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _style(cell: Cell) -> str:
    return "" if isinstance(cell, str) else cell[1]


class Output:
    """What one command writes."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def data(self, data: object, *, one_line: bool = False) -> None:
        """Write a result as JSON, on one line where it is one of several, or read by programs."""
        self._json({"ok": True, "data": data}, one_line=one_line)

    def problem(self, problem: Problem) -> None:
        """Say what went wrong: for people on stderr, and with `--json` as the document on stdout."""
        if self.as_json:
            self._json({"ok": False, "error": problem})
        self.note(f"{problem['kind'].replace('_', ' ')}: {problem['message']}")

    def note(self, text: str) -> None:
        """Say something on stderr."""
        print(f"dhis2: {visible.text(text)}", file=sys.stderr)

    def _json(self, document: object, *, one_line: bool = False) -> None:
        indent = 2 if sys.stdout.isatty() and not one_line else None
        print(written(document, indent), flush=True)

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress | None]:
        """Show how far a transfer or a list is, where somebody watches, from its first step on.

        Not before: a password may be asked for until then.
        """
        if self.as_json or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield None
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[done]}"))
        bar = Bars(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        task = bar.add_task(visible.line(what), total=None, done="")

        def advance(done: int, size: int | None) -> None:
            bar.start()
            shown = f"{done:,} of {size:,}" if size else f"{done:,}"
            bar.update(task, completed=done, total=size, done=shown)

        try:
            yield advance
        finally:
            bar.stop()
