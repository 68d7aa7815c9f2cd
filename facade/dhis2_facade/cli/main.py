"""The command `dhis2`: its groups, and what becomes of everything that goes wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import Annotated

import typer

from dhis2_facade.cli.commands import files, messaging, people, profiles, server
from dhis2_facade.cli.exits import (
    BROKEN_PIPE,
    INTERRUPTED,
    OTHER,
    STATUSES,
    USAGE,
    Failure,
    Problem,
    problem_of,
    spoken,
)
from dhis2_facade.cli.output import Output
from dhis2_facade.cli.run import Common, Json, ProfileName, ServerVersion, Unread

__all__ = ["app", "run"]

NAMES = ("dhis2", "dhis2-facade")
STATUS_LINE = ", ".join(f"{status} {kind.replace('_', ' ')}" for status, (kind, _) in STATUSES.items())
EXAMPLES = ("dhis2 profile add default --url https://dhis2.example.org", "dhis2 messaging list --unread")

app = typer.Typer(
    help=(
        "DHIS2's messages, files and people from the terminal.\n\n"
        "Which server, and as whom: --profile, else DHIS2_URL with DHIS2_TOKEN (or DHIS2_USERNAME and DHIS2_PASSWORD), "
        "else the profile that DHIS2_PROFILE names, else the profile `default` (`dhis2 profile add`). Which version: "
        "--server-version, DHIS2_VERSION, the profile, else the server is asked.\n\n"
        f"Exit status: {STATUS_LINE}."
    ),
    epilog="\n".join(("\b", "Examples:", *(f"  {one}" for one in EXAMPLES))),
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help needs no rich, which costs more than all the rest
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.add_typer(messaging.app, name="messaging")
app.add_typer(files.app, name="files")
app.add_typer(people.app, name="people")
app.add_typer(profiles.app, name="profile")
server.register(app)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"dhis2-facade {version('dhis2-facade')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    *,
    profile: ProfileName = None,
    server_version: ServerVersion = None,
    as_json: Json = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    context.obj = Common(json=as_json, profile=profile, server_version=server_version)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; give its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    name = PurePath(sys.argv[0]).stem
    try:
        done = typer.main.get_command(app).main(
            words, prog_name=name if name in NAMES else NAMES[0], standalone_mode=False
        )
        sys.stdout.flush()
    except (Unread, BrokenPipeError):
        _let_go()
        return BROKEN_PIPE
    except Exception as error:
        problem = _problem(error)
        if problem is None:
            raise
        try:
            sys.stdout.flush()
        except OSError:  # it is what cannot be written
            _let_go()
        try:
            Output(as_json=_wants_json(words)).problem(problem)
        except OSError:
            _let_go()
            Output(as_json=False).problem(problem)
        return problem["exit"]
    return done if isinstance(done, int) else 0


def _open_streams() -> None:
    """Let there be all three streams, also where who started this has closed them, and let all text be written."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: PTH123, SIM115
        if hasattr(getattr(sys, name), "reconfigure") and number:
            getattr(sys, name).reconfigure(errors="backslashreplace")  # a terminal that knows ASCII only


def _let_go() -> None:
    """Write no more to standard output, which nobody reads, or whose disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wants_json(words: Sequence[str]) -> bool:
    """Say whether `--json` was passed, also where the rest could not be understood."""
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def _problem(error: Exception) -> Problem | None:
    """Give what went wrong as data; None for what is a mistake of this program."""
    from dhis2_facade.errors import Dhis2Error

    if isinstance(error, Dhis2Error | Failure):
        problem = problem_of(error)
        problem["message"] = spoken(problem["message"])
        return problem
    if isinstance(error, OSError) and error.strerror is not None:
        return problem_of(f"{error.filename}: {error.strerror}" if error.filename else error.strerror, OTHER)
    if isinstance(error, typer.Abort):
        return problem_of("interrupted", INTERRUPTED)
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        words = error.format_message()
        if context is not None and words.startswith(context.get_usage()):  # a group alone: the help of it
            words = f"Missing command.\n{words}"
        elif context is not None:
            words += f"\n{context.get_usage()}\nSay {context.command_path} --help for more."
        return problem_of(words, error.exit_code if error.exit_code == USAGE else OTHER)
    return None
