"""Which server, as whom, and with the bindings of which version."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import evolve

import dhis2_facade
from dhis2_facade.cli.exits import Failure
from dhis2_facade.profiles import Profile, from_environment, load, profiles_file, read_profiles

if TYPE_CHECKING:
    from dhis2_facade._async.client import AsyncDhis2, ClientOptions

__all__ = ["address_of", "chosen_of", "connect", "pin_of", "pins", "profile_of", "version_of"]

DEFAULT = "default"  # the profile that is meant where nothing is said
VERSION = "DHIS2_VERSION"
Say: TypeAlias = Callable[[str], None]
Prompt: TypeAlias = Callable[[str], str]


def pins() -> list[str]:
    """Give the versions that there are bindings for, the newest last."""
    names = (module.name for module in pkgutil.iter_modules(dhis2_facade.__path__))
    return sorted((name[1:] for name in names if re.fullmatch(r"v\d+", name)), key=int)


def version_of(text: str | None) -> str | None:
    """Read a version, such as 42, v42, 2.42 or 2.42.1; none where nothing is said."""
    if not text:
        return None
    found = re.fullmatch(r"(?:v|2\.)?(\d{2,})(?:\.[\w.-]+)?", text.strip())
    if not found or found[1] not in pins():
        raise Failure(f"there are no bindings for version {text!r}; there are: {', '.join(pins())}")
    return found[1]


def profile_of(name: str | None, prompt: Prompt) -> Profile:
    """Give the profile of this name, else what the environment says, else the profile `default`."""
    if name:
        profile = load(name)
    elif os.environ.get("DHIS2_URL") or os.environ.get("DHIS2_PROFILE") or not _has_default():
        profile = from_environment()
    else:
        profile = load(DEFAULT)
    if profile.username and profile.password is None and profile.token is None:
        return evolve(profile, password=prompt(f"Password of {profile.username} at {profile.url}: "))
    return profile


def _has_default() -> bool:
    path = profiles_file()
    return path.exists() and DEFAULT in read_profiles(path)


def address_of(profile: Profile) -> str:
    """Give the address as it is used. Raises InvalidInput for an address or credentials that cannot be sent."""
    with importlib.import_module(f"dhis2_facade.v{pins()[-1]}").Dhis2(profile.url, **_access(profile)) as client:
        return str(client.url)


def _access(profile: Profile) -> dict[str, Any]:
    """Give the arguments of a client that say who one is."""
    names = ("token", "username", "password", "allow_http")
    return {name: getattr(profile, name) for name in names}


def chosen_of(profile: Profile, version: str | None) -> str | None:
    """Give the version that is said: with the call, in the environment, or in the profile."""
    return version_of(version) or version_of(os.environ.get(VERSION)) or version_of(profile.version)


async def connect(profile: Profile, version: str | None, say: Say, options: ClientOptions) -> AsyncDhis2:
    """Make the client of the version that is said, else of the one that the server names."""
    chosen = chosen_of(profile, version)
    if chosen:
        return _client(profile, chosen, options)
    newest = pins()[-1]
    async with _client(profile, newest, {**options, "check_version": False, "timezone": UTC}) as asking:
        info = await asking.system_info()
    found = re.match(r"(?:2\.)?(\d{2,})", info.version or "")
    if found is None:
        return _client(profile, newest, options)  # whose first call says that this is no DHIS2
    if found[1] in pins():
        return _client(profile, found[1], options)
    say(f"the server is DHIS2 {info.version}, for which there are no bindings; those of 2.{newest} are used")
    return _client(profile, newest, options, server=found[1])


def _client(profile: Profile, version: str, options: ClientOptions, *, server: str | None = None) -> AsyncDhis2:
    """Make a client with the bindings of one version, for a server of that version or of another."""
    kind = importlib.import_module(f"dhis2_facade.v{version}").AsyncDhis2
    if server is not None:  # so its first call looks at all the rest: without that no key could be kept
        bindings = evolve(kind._bindings, version=server)  # noqa: SLF001 - a pin, made here
        kind = type(kind.__name__, (kind,), {"__module__": kind.__module__, "_bindings": bindings})
    return cast("AsyncDhis2", kind(profile.url, **_access(profile), **options))


def pin_of(client: AsyncDhis2) -> str:
    """Give the version whose bindings a client has."""
    return type(client).__module__.rpartition(".v")[2]
