"""Where a server's address and credentials come from: the environment, or a profile in a file of the user's."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from attrs import field, frozen

from dhis2_facade.errors import InvalidInput
from dhis2_facade.inputs import refuse_pickle

# The variable that names the folder of configuration, and where it is without one.
FOLDERS = {"win32": ("APPDATA", "AppData/Roaming"), "darwin": ("-", "Library/Application Support")}
KEYS = {"url": str, "token": str, "username": str, "password": str, "version": str, "allow_http": bool}
URL, TOKENS, USERNAME, PASSWORD = "DHIS2_URL", ("DHIS2_TOKEN", "DHIS2_PAT"), "DHIS2_USERNAME", "DHIS2_PASSWORD"
PROFILE, VERSION = "DHIS2_PROFILE", "DHIS2_VERSION"


@frozen(kw_only=True)
class Profile:
    """A server, and who one is there. `version` chooses the pin for the command line only."""

    url: str = field(repr=lambda url: repr(re.sub(r"//[^/]*@", "//", url)))
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    version: str | None = None
    allow_http: bool = False

    __getstate__ = refuse_pickle


def profiles_file() -> Path:
    """Give the file of profiles in the user's configuration folder, which does not depend on the working directory."""
    variable, usual = FOLDERS.get(sys.platform, ("XDG_CONFIG_HOME", ".config"))
    folder = Path(os.environ.get(variable, ""))
    return (folder if folder.is_absolute() else Path.home() / usual) / "dhis2-facade" / "profiles.toml"


def read_profiles(path: Path) -> dict[str, Profile]:
    """Read a file of profiles, a TOML table each. Raises InvalidInput, also where others may read it."""
    found = _read(path)
    if isinstance(found, str):  # raised here, where no frame holds what stands in the file
        raise InvalidInput(f"{path}: {found}")
    return found


def _read(path: Path) -> dict[str, Profile] | str:
    """Give the profiles, or what is wrong."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if os.name == "posix" and mode & 0o077:
        return f"others may read it, and it holds credentials; say: chmod 600 '{path}'"
    import tomllib  # few clients read a file of profiles

    try:
        tables = tomllib.loads(content.decode("utf-8-sig"))  # editors on Windows begin files with a mark
    except (ValueError, RecursionError) as error:
        # The parser's message names line and column; what stands there may be a password.
        place = re.search(r"\(at .*\)", str(error))
        return f"this is no TOML {place[0] if place else ''}".rstrip()
    problem = next((problem for name, table in tables.items() if (problem := _problem(name, table))), None)
    return problem or {name: Profile(**table) for name, table in tables.items()}


def _problem(name: str, table: object) -> str | None:
    if not isinstance(table, dict):
        return f"{name} stands outside of a profile; write [name of the profile] above it"
    if unknown := sorted(table.keys() - KEYS.keys()):
        return f"[{name}] has {', '.join(unknown)}; a profile has {', '.join(sorted(KEYS))}"
    if wrong := next((key for key, value in table.items() if not isinstance(value, KEYS[key])), None):
        return f"[{name}] {wrong} is not {'text' if KEYS[wrong] is str else 'true or false'}"
    return None if table.get("url") else f"[{name}] has no url"


def load(name: str, *, file: str | os.PathLike[str] | None = None) -> Profile:
    """Give the profile of this name, from the user's file of profiles or the one that is named."""
    path = Path(file or profiles_file())
    if not path.exists():
        raise InvalidInput(f"there is no profile {name!r}: {path} does not exist")
    profiles = read_profiles(path)
    if name not in profiles:
        raise InvalidInput(
            f"there is no profile {name!r} in {path}; there are: {', '.join(sorted(profiles)) or 'none'}"
        )
    return profiles[name]


def from_environment() -> Profile:
    """Give what the environment says: DHIS2_URL with DHIS2_TOKEN (or DHIS2_PAT) or DHIS2_USERNAME and DHIS2_PASSWORD.

    Without DHIS2_URL the profile that DHIS2_PROFILE names. Nothing is taken from the working directory.
    """
    if os.environ.get(URL):
        token = next((os.environ.get(name) for name in TOKENS if os.environ.get(name)), None)
        # Of the two a token wins: a machine's own password may stay in its environment.
        username, password = (None, None) if token else (os.environ.get(USERNAME), os.environ.get(PASSWORD))
        return Profile(
            url=os.environ[URL], token=token, username=username, password=password, version=os.environ.get(VERSION)
        )
    if os.environ.get(PROFILE):
        return load(os.environ[PROFILE])
    raise InvalidInput(f"set {URL} and {TOKENS[0]} (or {USERNAME} and {PASSWORD}), or {PROFILE}")
