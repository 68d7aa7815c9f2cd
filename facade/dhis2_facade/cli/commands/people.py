"""`dhis2 people …`."""

from __future__ import annotations

from typing import Annotated

import typer

from dhis2_facade.cli.run import Run, command

__all__ = ["app"]

app = typer.Typer(help="Who one is, and whom one can write to.", no_args_is_help=True)


@command(app, "search", "dhis2 people search nurse", "dhis2 people search admin --feedback")
def search(
    run: Run,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A part of a name.")],
    *,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Only users who get feedback, to whom tickets can be assigned.")
    ] = False,
) -> None:
    """Find users, user groups and organisation units by a part of their names."""
    run("people.search", text=text, feedback=feedback)


@command(app, "me", "dhis2 people me")
def me(run: Run) -> None:
    """Show who one is on the server."""
    run("people.me")
