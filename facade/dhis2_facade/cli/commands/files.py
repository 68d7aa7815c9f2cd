"""`dhis2 files …`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from dhis2_facade.cli.exits import Failure
from dhis2_facade.cli.run import Run, command

__all__ = ["app"]

FileUid = Annotated[str, typer.Argument(metavar="UID", help="The file resource.")]

app = typer.Typer(help="File resources: upload, look at, download.", no_args_is_help=True)
resources = typer.Typer(help="The same commands, as the manuals call them.", no_args_is_help=True)
app.add_typer(resources, name="resources")


def _both(name: str, *examples: str, writes: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of `files` and of `files resources`."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        for group in (app, resources):
            command(group, name, *examples, writes=writes)(function)
        return function

    return register


@_both("upload", "dhis2 files upload count.csv", "dhis2 files upload logo.png --domain DOCUMENT", writes=True)
def upload(
    run: Run,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="The files; - is standard input.")],
    *,
    domain: Annotated[
        str, typer.Option(metavar="DOMAIN", help="What it is for, such as DOCUMENT or USER_AVATAR.")
    ] = "MESSAGE_ATTACHMENT",
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Its name on the server.")] = None,
    content_type: Annotated[str | None, typer.Option(metavar="TYPE", help="Such as text/csv; else guessed.")] = None,
    uid: Annotated[
        str | None, typer.Option(metavar="UID", help="A uid of one's own: the same upload can be made again.")
    ] = None,
) -> None:
    """Upload files and print their uids, to attach them to messages."""
    if "-" in files and name is None:
        raise Failure("what comes from standard input needs a --name")
    sources: list[Any] = [sys.stdin.buffer if one == "-" else Path(one) for one in files]
    with run.output.progress("upload") as bar:
        data = run.ask(
            "files.upload",
            sources=sources,
            domain=domain,
            name=name,
            content_type=content_type,
            uid=uid,
            progress=bar,
        )
    run.show(data, "files.upload")


@_both("get", "dhis2 files get p5WMBIXTOvK")
def get(run: Run, uid: FileUid) -> None:
    """Show a file resource: name, type, size, domain."""
    run("files.get", uid=uid)


@_both("download", "dhis2 files download p5WMBIXTOvK", "dhis2 files download p5WMBIXTOvK --to - | sha256sum")
def download(
    run: Run,
    uid: FileUid,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to", "-o", metavar="FOLDER|FILE", help="Where to write; in a folder no file is replaced; - is stdout."
        ),
    ] = ".",
) -> None:
    """Download the content of a file resource."""
    if to == "-" and (sys.stdout.isatty() or run.output.as_json):
        raise Failure("--to -: a file's bytes go into a pipe or a file, not to a terminal or into JSON")
    where: Any = sys.stdout.buffer if to == "-" else Path(to)
    with run.output.progress("download") as bar:
        data = run.ask("files.download", uid=uid, to=where, progress=bar)
    if to != "-":
        run.show(data, "files.download")
