"""Where a server's address and credentials come from: the environment, or a profile in a file of the user's."""

from __future__ import annotations

import os
import re
import stat
import sys
import tomllib
from pathlib import Path

from attrs import field, frozen

from dhis2_facade.errors import InvalidInput

__all__ = ["Profile", "from_environment", "load", "profiles_file"]

APPLICATION = "dhis2-facade"
FILE = "profiles.toml"
KEYS = {"url", "token", "username", "password", "version", "allow_http"}
URL, TOKENS, USERNAME, PASSWORD = "DHIS2_URL", ("DHIS2_TOKEN", "DHIS2_PAT"), "DHIS2_USERNAME", "DHIS2_PASSWORD"
PROFILE, VERSION = "DHIS2_PROFILE", "DHIS2_VERSION"


@frozen(kw_only=True)
class Profile:
    """A server, and who one is there. `version` chooses the pin for the command line only."""

    url: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    version: str | None = None
    allow_http: bool = False


def profiles_file() -> Path:
    """Give the file of profiles in the user's configuration folder."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / APPLICATION / FILE
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / APPLICATION / FILE
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / APPLICATION / FILE


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
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"others may read it, and it holds credentials; say: chmod 600 '{path}'"
    try:
        tables = tomllib.loads(content.decode())
    except ValueError as error:
        # The parser's message names line and column; what stands there may be a password.
        place = re.search(r"\(at .*\)", str(error))
        return f"this is no TOML {place[0] if place else ''}".rstrip()
    problem = next((problem for name, table in tables.items() if (problem := _problem(name, table))), None)
    return problem or {name: Profile(**table) for name, table in tables.items()}


def _problem(name: str, table: object) -> str | None:
    if not isinstance(table, dict):
        return f"{name} stands outside of a profile; write [name of the profile] above it"
    unknown = sorted(set(table) - KEYS)
    if unknown:
        return f"[{name}] has {', '.join(unknown)}; a profile has {', '.join(sorted(KEYS))}"
    for key, value in table.items():
        if not isinstance(value, bool if key == "allow_http" else str):
            return f"[{name}] {key} is not {'true or false' if key == 'allow_http' else 'text'}"
    return None if table.get("url") else f"[{name}] has no url"


def load(name: str, *, file: Path | None = None) -> Profile:
    """Give the profile of this name, from the user's file of profiles or the one that is named."""
    path = file or profiles_file()
    if not path.exists():
        raise InvalidInput(f"there is no profile {name!r}: {path} does not exist")
    profiles = read_profiles(path)
    if name not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise InvalidInput(f"there is no profile {name!r} in {path}; there are: {known}")
    return profiles[name]


def from_environment() -> Profile:
    """Give what the environment says: DHIS2_URL with DHIS2_TOKEN (or DHIS2_PAT) or DHIS2_USERNAME and DHIS2_PASSWORD.

    Without DHIS2_URL the profile that DHIS2_PROFILE names. Nothing is taken from the working directory.
    """
    given = os.environ.get
    if given(URL):
        token = next((given(name) for name in TOKENS if given(name)), None)
        # Of the two a token wins: a machine's own password may stay in its environment.
        username, password = (None, None) if token else (given(USERNAME), given(PASSWORD))
        return Profile(url=os.environ[URL], token=token, username=username, password=password, version=given(VERSION))
    if given(PROFILE):
        return load(os.environ[PROFILE])
    raise InvalidInput(f"set {URL} and {TOKENS[0]} (or {USERNAME} and {PASSWORD}), or {PROFILE}")
