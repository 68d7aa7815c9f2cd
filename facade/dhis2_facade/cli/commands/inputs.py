"""What several commands take: texts, files and recipients."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from dhis2_facade.cli.exits import Failure

if TYPE_CHECKING:
    from dhis2_facade.cli.output import Output
    from dhis2_facade.sources import Progress

__all__ = [
    "Attachments",
    "FirstAttempt",
    "ForUser",
    "Key",
    "TextFile",
    "Uid",
    "Uids",
    "UserGroups",
    "Users",
    "attached",
    "one_of",
    "text_of",
]

Uid = Annotated[str, typer.Argument(metavar="UID", help="The conversation.")]
Uids = Annotated[list[str], typer.Argument(metavar="UID", help="The conversations.")]
Users = Annotated[list[str] | None, typer.Option("--user", "-u", metavar="UID", help="A user; can be repeated.")]
UserGroups = Annotated[
    list[str] | None, typer.Option("--user-group", "-g", metavar="UID", help="A user group; can be repeated.")
]
Units = Annotated[
    list[str] | None,
    typer.Option("--org-unit", "--ou", metavar="UID", help="An organisation unit; can be repeated."),
]
Attachments = Annotated[
    list[str] | None,
    typer.Option("--attachment", "-a", metavar="FILE|UID", help="A file, or the uid of one that is uploaded."),
]
TextFile = Annotated[
    str | None, typer.Option("--text-file", metavar="FILE", help="Read the text from a file; - is standard input.")
]
Text = Annotated[str | None, typer.Argument(metavar="TEXT", help="The text; - reads standard input.")]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="TEXT", help="Stands for this message: with the same key it is stored once."),
]
FirstAttempt = Annotated[
    bool, typer.Option("--first-attempt", help="With --key: it was never sent before, so do not wait for it.")
]
ForUser = Annotated[
    str | None, typer.Option("--user", "-u", metavar="UID", help="For another user, where one may do that.")
]


def text_of(text: str | None, file: str | None) -> str:
    """Give the text from its argument, a file, or standard input; one line break at the end of a file is not its."""
    if (text is None) == (file is None):
        raise Failure(
            "the text is missing: pass it, --text-file FILE, or - for standard input"
            if text is None
            else "pass the text or --text-file, not both"
        )
    if text is not None and text != "-":
        return text
    try:
        raw = sys.stdin.buffer.read() if file in (None, "-") else Path(str(file)).read_bytes()
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"the text is not UTF-8, at byte {error.start}") from None


def _attachments_of(given: Sequence[str] | None) -> list[str | Path]:
    """Give uids as they are, all else as paths."""
    from dhis2_facade.uid import is_uid

    for one in given or ():
        if is_uid(one) and Path(one).exists():
            raise Failure(f"{one} is a uid and a file here; say ./{one} for the file")
    return [one if is_uid(one) else Path(one) for one in given or ()]


class _Watched(io.FileIO):
    """A file that tells how far it is read: to hash it, and once more to send it."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(str(path))
        self._progress, self._size = progress, path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self._progress(self.tell(), self._size)
        return piece


@contextmanager
def attached(output: Output, given: Sequence[str] | None) -> Iterator[list[str | BinaryIO | Path]]:
    """Give what is to be attached, and show how far its files are read.

    What cannot be opened stays a path, and it is said later why.
    """
    files = _attachments_of(given)
    with output.progress("attachments") as progress, ExitStack() as opened:
        sources: list[str | BinaryIO | Path] = []
        for one in files:
            sources.append(one)
            if progress is not None and isinstance(one, Path) and one.is_file():
                with suppress(OSError):
                    sources[-1] = opened.enter_context(_Watched(one, progress))
        yield sources


def one_of(*values: str) -> Callable[[str], list[str]]:
    """Complete one of these values."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete.upper())]
