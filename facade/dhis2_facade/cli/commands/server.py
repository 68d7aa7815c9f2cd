"""`dhis2 api`, `dhis2 doctor`, `dhis2 versions` and `dhis2 mcp`."""

from __future__ import annotations

import os
import sys
from datetime import UTC
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhis2_facade.cli.exits import Failure
from dhis2_facade.cli.run import Run, command

if TYPE_CHECKING:
    from dhis2_facade._async.client import AsyncDhis2
    from dhis2_facade.answers import Answer
    from dhis2_facade.cli.doctor import Check
    from dhis2_facade.cli.output import Screen
    from dhis2_facade.cli.versions import Compared

__all__ = ["register", "versions"]

versions = typer.Typer(help="How the bindings of two versions differ.", no_args_is_help=True)


def api(
    run: Run,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="Such as /api/organisationUnits?fields=id,name")],
    *,
    query: Annotated[
        list[str] | None, typer.Option("--query", "-q", metavar="NAME=VALUE", help="A parameter; can be repeated.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", metavar="TEXT|@FILE|-", help="The body; - is standard input.")
    ] = None,
    content_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Of the body; application/json unless said.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", "-o", metavar="FILE", help="Write the body to a file.")] = None,
) -> None:
    """Make any call of the server.

    It is made once, and the body of its answer printed as it is. Where the status is not 2xx the body is printed too,
    and the exit status says which kind of error it is. On a terminal bodies are made safe to show; bytes that are no
    text are for --to or a pipe.
    """
    from dhis2_facade.answers import error_of
    from dhis2_facade.cli.raw import raw_of, request_of

    if to is not None and not to.parent.is_dir():  # before anything is sent whose answer would be lost
        raise Failure(f"--to: there is no folder {to.parent}")
    request = request_of(method, path, query or (), _data(data), content_type)
    if request.method == "DELETE":
        run.confirm(f"DELETE {request.path}?")

    async def call(client: AsyncDhis2) -> tuple[Answer, Exception | None]:
        answer = await client.raw(request)
        return answer, error_of(answer, client.url)

    answer, error = run.talk(call)
    if to is not None and error is None:
        to.write_bytes(answer.body)
        run.show({"status": answer.status, "path": str(to)}, lambda screen, one: screen.line(one["path"]))
    elif run.output.as_json:
        if error is None:
            run.output.data(raw_of(answer))
    elif sys.stdout.isatty():
        _shown(answer)
    else:
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()
    if error is not None:
        raise error


def _data(given: str | None) -> bytes | None:
    if given is None:
        return None
    if given == "-":
        return sys.stdin.buffer.read()
    if not given.startswith("@"):
        return given.encode(errors="surrogateescape")  # what is no text goes out as it was passed
    try:
        return Path(given[1:]).read_bytes()
    except OSError as error:
        raise Failure(f"{given[1:]}: cannot be read: {error.strerror}") from None


def _shown(answer: Answer) -> None:
    """Show a body on a terminal."""
    from dhis2_facade.cli import visible
    from dhis2_facade.cli.output import written
    from dhis2_facade.cli.raw import raw_of

    raw = raw_of(answer)
    if raw["base64"]:
        print(f"({len(answer.body)} bytes; --to FILE keeps them)")
    elif isinstance(raw["body"], str):
        print(visible.text(raw["body"]))
    else:
        print(written(raw["body"], 2))


def doctor(
    run: Run,
    *,
    document: Annotated[
        bool,
        typer.Option(
            "--document", help="Also look whether the server's own document has the operations that are used."
        ),
    ] = False,
) -> None:
    """Look whether all is well between here and the server.

    Can it be reached, does the version match, is the User-Agent let through (without which no --key can be kept), who
    am I, what may I do. The exit status is that of the first check that fails.
    """
    from dhis2_facade.cli.doctor import examine, failed
    from dhis2_facade.errors import Dhis2Error

    try:
        checks: list[Check] = run.talk(
            lambda client: examine(client, document=document), check_version=False, timezone=UTC
        )
    except Dhis2Error as error:
        checks = [failed("reach", error)]

    def view(screen: Screen, _: object) -> None:
        for one in checks:
            mark = ("ok    ", "green") if one["ok"] else ("FAILED", "bold red")
            screen.line(mark, f"  {one['check']}: {one['detail']}")

    run.show(checks, view)
    status = next((one["problem"]["exit"] for one in checks if one["problem"]), 0)
    raise typer.Exit(status)


@command(
    versions,
    "diff",
    "dhis2 versions diff 41 42",
    "dhis2 versions diff 41 42 --used-by src/",
    talks=False,
)
def diff(
    run: Run,
    before: Annotated[str, typer.Argument(metavar="FROM", help="A version, such as 41.")],
    after: Annotated[str, typer.Argument(metavar="TO", help="Another one.")],
    *,
    used_by: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Only the functions that the code in this file or folder uses.")
    ] = None,
) -> None:
    """Show which generated functions differ between two versions, in their arguments or in what they send.

    With --used-by: what the move to the other version means for your code. It is read, not run; functions that it takes
    by a name that is made up at run time are not seen.
    """
    from dhis2_facade.cli.connect import version_of
    from dhis2_facade.cli.versions import compare, uses

    old, new = version_of(before), version_of(after)
    if old is None or new is None:
        raise Failure("the versions are missing")
    used = None if used_by is None else uses(used_by)
    run.show(compare(old, new, used), _differences)


def _differences(screen: Screen, data: Compared) -> None:
    styles = {"removed": "bold red", "changed": "yellow", "added": "green", "unknown": "bold red"}
    for one in data["functions"]:
        screen.line((f"{one['change']:8}", styles.get(one["change"], "")), one["function"])
        for detail in one["details"]:
            screen.line(f"          {detail}")
        if one["used"]:
            screen.line(("          used: ", "dim"), ", ".join(one["used"]))
    screen.line(f"{data['same']} functions are the same in {data['before']} and {data['after']}")


def mcp(
    run: Run,
    *,
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP on loopback, not stdio.")] = False,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port of --http; 0 is any that is free.")
    ] = 0,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Offer no tool that changes anything on the server.")
    ] = False,
    files: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The only folder that files are read from and written to; else none are."),
    ] = None,
) -> None:
    """Serve the same operations to an agent (MCP).

    They are tools of the Model Context Protocol, over standard input and output for hosts that start this command, or
    with --http at an address on loopback that is printed to standard error: its path is a secret, made up or taken from
    DHIS2_MCP_SECRET, since others on this machine can reach it. What messages say is given as data of others. What
    cannot be taken back is confirmed by the person at the host, where the host can ask, else by an explicit argument.
    """
    if find_spec("mcp") is None:
        raise Failure("this needs the extra mcp; say: pip install 'dhis2-facade[mcp]'")
    from dhis2_facade.cli.connect import address_of, chosen_of
    from dhis2_facade.mcp.server import Serving, serve

    if port and not http:
        raise Failure("--port: it is that of --http")
    if files is not None and os.open not in os.supports_dir_fd:
        raise Failure("--files: this system cannot keep a program within a folder")
    if files is not None and not files.is_dir():
        raise Failure(f"--files: there is no folder {files}")
    profile = run.profile()
    address_of(profile)  # raises here, where a person reads it, for what no call could be made with
    chosen_of(profile, run.server_version)
    serve(
        Serving(
            profile=profile,
            version=run.server_version,
            read_only=read_only,
            folder=files,
            say=run.output.note,
        ),
        port=port if http else None,
    )


def register(app: typer.Typer) -> None:
    """Add the commands that belong to no group."""
    command(
        app,
        "api",
        "dhis2 api GET /api/me",
        "dhis2 api GET organisationUnits -q level=eq:2 -q fields=id,name",
        "dhis2 api POST /api/dataStore/app/key --data @value.json",
        writes=True,
        asks=True,
    )(api)
    command(app, "doctor", "dhis2 doctor", "dhis2 --json doctor --document")(doctor)
    command(app, "mcp", "dhis2 mcp --read-only", "dhis2 mcp --files ~/attachments", "dhis2 mcp --http --port 8765")(mcp)
    app.add_typer(versions, name="versions")
