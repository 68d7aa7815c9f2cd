"""A command on its way: its options, its questions, the client that it needs, and what it writes."""

from __future__ import annotations

import functools
import getpass
import inspect
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Unpack

import typer
from attrs import define

from dhis2_facade.cli.exits import INTERRUPTED, OTHER, USAGE, Failure
from dhis2_facade.cli.output import Output, Screen

if TYPE_CHECKING:
    from dhis2_facade._async.client import AsyncDhis2, ClientOptions
    from dhis2_facade.cli.views import View
    from dhis2_facade.profiles import Profile

__all__ = ["Common", "Run", "Unread", "command"]

Json = Annotated[bool, typer.Option("--json", help='Print JSON: {"ok": true, "data": …} or {"ok": false, "error": …}.')]
ProfileName = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="The profile that says which server, and as whom."),
]
ServerVersion = Annotated[
    str | None,
    typer.Option("--server-version", metavar="VERSION", help="The server's version, such as 42; else it is asked."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the first request that would change something.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Unread(Exception):
    """Who reads what a command writes has gone away."""


@define
class Common:
    """What may stand before or after the command."""

    json: bool = False
    profile: str | None = None
    server_version: str | None = None


@define
class Run:
    """One run of a command."""

    output: Output
    profile_name: str | None = None
    server_version: str | None = None
    dry_run: bool = False
    yes: bool = False

    def __call__(self, name: str, /, **arguments: object) -> None:
        """Do an operation of the service and show its result."""
        self.show(self.ask(name, **arguments), name)

    def ask(self, name: str, /, **arguments: object) -> Any:
        """Do an operation of the service."""
        from dhis2_facade.cli.service import OPERATIONS

        operation = OPERATIONS[name]
        return self.talk(lambda client: operation(client, **arguments))

    def show(self, data: object, view: str | View, *, one_line: bool = False) -> None:
        """Write a result, as the operation's results look or as a view says."""
        if self.output.as_json:
            self.output.data(data, one_line=one_line)
            return
        from dhis2_facade.cli.views import VIEWS

        (VIEWS[view] if isinstance(view, str) else view)(Screen(), data)

    def follow(self, name: str, limit: int | None, each: Callable[[Any], None], /, **arguments: object) -> None:
        """Show what an operation gives piece by piece, `limit` at most."""
        from dhis2_facade.cli.service import STREAMS

        async def all_of(client: AsyncDhis2) -> None:
            seen = 0
            async with aclosing(STREAMS[name](client, **arguments)) as pieces:
                async for piece in pieces:
                    self.show(piece, name, one_line=True)
                    sys.stdout.flush()
                    each(piece)
                    seen += 1
                    if seen == limit:
                        return

        self.talk(all_of)

    def confirm(self, question: str) -> None:
        """Ask before something that cannot be taken back."""
        if self.yes or self.dry_run:
            return
        if not sys.stdin.isatty():
            raise Failure(f"{question} Say --yes, since nobody can be asked here.", USAGE)
        from dhis2_facade.cli import visible

        if not typer.confirm(visible.line(question), err=True):
            raise Failure("nothing was done", OTHER)

    def secret(self, question: str) -> str:
        """Ask for a secret without showing it."""
        if not sys.stdin.isatty():
            raise Failure(f"{question.rstrip(': ')} is not known, and nobody can be asked here")
        return getpass.getpass(question)

    def profile(self) -> Profile:
        """Say which server, and as whom."""
        from dhis2_facade.cli.connect import profile_of

        return profile_of(self.profile_name, self.secret)

    def talk(self, what: Callable[[AsyncDhis2], Awaitable[Any]], **options: Unpack[ClientOptions]) -> Any:
        """Do something with a client of the server."""
        import anyio

        from dhis2_facade.cli.connect import connect
        from dhis2_facade.cli.dry_run import NotSent, stop_at_writes
        from dhis2_facade.cli.views import request

        if self.dry_run:
            options["event_hooks"] = {"request": [stop_at_writes]}
        profile = self.profile()

        async def main() -> Any:
            client = await connect(profile, self.server_version, self.output.note, options)
            async with client:
                return await what(client)

        try:
            return anyio.run(main)
        except NotSent as shown:
            self.show(
                {"dry_run": True, "request": shown.request}, lambda screen, data: request(screen, data["request"])
            )
            raise typer.Exit(0) from None


def _interrupted(error: BaseException) -> NoReturn:
    """Say that it was interrupted, and what the facade knows of a message that was on its way."""
    known: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        known += getattr(cause, "__notes__", [])
        cause = cause.__cause__ or cause.__context__
    raise Failure("; ".join(dict.fromkeys(known)) or "nothing more is done", INTERRUPTED) from None


def command(
    app: typer.Typer,
    name: str,
    *examples: str,
    talks: bool = True,
    writes: bool = False,
    asks: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function whose first argument is its run; the others are its options.

    `talks`: with a server; `writes`: so that there is something to show instead; `asks`: before it destroys.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = list(signature.parameters.values())[1:]
        added = [_parameter("context", typer.Context)]
        added += [_parameter("dry_run", DryRun, default=False)] if writes else []
        added += [_parameter("yes", Yes, default=False)] if asks else []
        added += [_parameter("profile", ProfileName), _parameter("server_version", ServerVersion)] if talks else []
        added += [_parameter("as_json", Json, default=False)]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            common = given.pop("context").find_object(Common) or Common()
            made = Run(
                output=Output(as_json=given.pop("as_json") or common.json),
                profile_name=given.pop("profile", None) or common.profile,
                server_version=given.pop("server_version", None) or common.server_version,
                dry_run=given.pop("dry_run", False),
                yes=given.pop("yes", False),
            )
            try:
                function(made, **given)
            except KeyboardInterrupt as error:
                _interrupted(error)
            except BrokenPipeError as error:  # else the library of commands would end the program
                raise Unread from error

        ordered = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *added)]
        run.__signature__ = signature.replace(parameters=ordered)  # type: ignore[attr-defined] # typer reads it
        run.__annotations__ = {}
        lines = ["\b", "Example:" if len(examples) == 1 else "Examples:", *(f"  {one}" for one in examples)]
        return app.command(name, epilog="\n".join(lines))(run)

    return register


def _parameter(name: str, annotation: Any, default: object = None) -> inspect.Parameter:
    given = {} if name == "context" else {"default": default}
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, **given)
