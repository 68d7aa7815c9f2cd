"""`dhis2 profile …`."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import asdict, evolve

from dhis2_facade.cli.exits import Failure
from dhis2_facade.cli.run import Run, command

if TYPE_CHECKING:
    from dhis2_facade.cli.output import Screen
    from dhis2_facade.profiles import Profile

__all__ = ["app"]

Name = Annotated[str, typer.Argument(metavar="NAME", help="The profile.")]

app = typer.Typer(help="Servers and credentials, kept in a file that only you can read.", no_args_is_help=True)


@command(
    app,
    "add",
    "dhis2 profile add default --url https://dhis2.example.org",
    "dhis2 profile add test --url https://test.example.org --username admin --secret-stdin < password.txt",
    talks=False,
    asks=True,
)
def add(
    run: Run,
    name: Annotated[str, typer.Argument(metavar="NAME", help="`default` is used where no other is named.")],
    *,
    url: Annotated[str, typer.Option(metavar="URL", help="The server's address.")],
    username: Annotated[
        str | None, typer.Option(metavar="NAME", help="Log in with a password, not with a personal access token.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="VERSION", help="The server's version, such as 42; else it is asked."),
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Send the credentials without encryption; for test servers.")
    ] = False,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the token or password from standard input, one line.")
    ] = False,
) -> None:
    """Keep a server and credentials under a name.

    The personal access token, or the password of --username, is asked for without showing it, or read from standard
    input; it is never an argument, which others on the machine could see.
    """
    from dhis2_facade.cli.connect import address_of, version_of
    from dhis2_facade.cli.profile_file import put
    from dhis2_facade.profiles import Profile, profiles_file, read_profiles

    path = profiles_file()
    if path.exists() and name in read_profiles(path):
        run.confirm(f"Replace the profile {name}?")
    chosen = version_of(version)
    secret = _secret("Password: " if username else "Personal access token: ", stdin=secret_stdin)
    profile = Profile(
        url=url,
        token=None if username else secret,
        username=username,
        password=secret if username else None,
        version=chosen,
        allow_http=allow_http,
    )
    given = asdict(evolve(profile, url=address_of(profile)))
    put(path, name, {key: value for key, value in given.items() if value})
    run.show({"name": name, "file": str(path)}, lambda screen, _: screen.line(f"profile {name} is kept in {path}"))


def _secret(question: str, *, stdin: bool) -> str:
    if stdin:
        secret = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        secret = getpass.getpass(question)
    else:
        raise Failure("nobody can be asked for the secret here; say --secret-stdin and write it there")
    if not secret:
        raise Failure("the secret is empty")
    return secret


def _public(name: str, profile: Profile) -> dict[str, object]:
    """Give what may be shown of a profile."""
    login = "asks for the password" if profile.username else "none"
    return {
        "name": name,
        "url": profile.url,
        "login": "token" if profile.token else "password" if profile.password else login,
        "username": profile.username,
        "version": profile.version,
        "allow_http": profile.allow_http,
    }


@command(app, "list", "dhis2 profile list", talks=False)
def list_(run: Run) -> None:
    """List the profiles; secrets are never shown."""
    from dhis2_facade.profiles import profiles_file, read_profiles

    path = profiles_file()
    profiles = read_profiles(path) if path.exists() else {}
    data = [_public(name, profile) for name, profile in profiles.items()]

    def view(screen: Screen, _: object) -> None:
        heads = ("name", "url", "login", "username", "version")
        screen.table(heads, [[str(one[head] or "") for head in heads] for one in data])

    run.show(data, view)


@command(app, "show", "dhis2 profile show default", talks=False)
def show(run: Run, name: Name) -> None:
    """Show a profile without its secrets."""
    from dhis2_facade.profiles import load

    data = _public(name, load(name))

    def view(screen: Screen, _: object) -> None:
        for key, value in data.items():
            screen.line((f"{key}: ", "dim"), "" if value is None else str(value))

    run.show(data, view)


@command(app, "remove", "dhis2 profile remove test --yes", talks=False, asks=True)
def remove(run: Run, name: Name) -> None:
    """Remove a profile, with its credentials."""
    from dhis2_facade.cli.profile_file import remove as take_away
    from dhis2_facade.profiles import load, profiles_file

    load(name)  # says where there is none
    run.confirm(f"Remove the profile {name}?")
    take_away(profiles_file(), name)
    run.show({"name": name}, lambda screen, _: screen.line(f"profile {name} is removed"))


@command(app, "test", "dhis2 profile test default")
def test(run: Run, name: Name) -> None:
    """Ask the server of a profile who one is there."""
    run.profile_name = name
    run("people.me")
