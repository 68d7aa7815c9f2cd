"""Where a client's server and credentials come from, and what is left of a client that is closed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from dhis2_facade.errors import InvalidInput, WrongUse
from tests.support import stub
from tests.support.both import FLAVOURS, Awaited, run
from tests.support.exchanges import HOST, VERSIONS
from tests.support.stub import served

ENVIRONMENT = ("DHIS2_URL", "DHIS2_TOKEN", "DHIS2_PAT", "DHIS2_USERNAME", "DHIS2_PASSWORD", "DHIS2_PROFILE")
BASIC = httpx.BasicAuth("clerk", "secret")._auth_header
TOKEN = "ApiToken d2pat_x"


def pin(flavour: str, version: str) -> Any:
    return getattr(importlib.import_module(f"dhis2_facade.v{version}"), "Dhis2" if flavour == "sync" else "AsyncDhis2")


class Remembering:
    """A server that remembers by what it was asked."""

    def __init__(self, version: str) -> None:
        self.version, self.asked = version, [("", "")]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked = [*self.asked[1:], (str(request.url), request.headers.get("authorization", ""))]
        return stub.info(self.version, "clerk", request)


async def asked(flavour: str, made: Any) -> None:
    async with Awaited(made) if flavour == "sync" else made as dhis2:
        await dhis2.system_info()


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("given", "authorization"),
    [
        ({"DHIS2_URL": HOST, "DHIS2_USERNAME": "clerk", "DHIS2_PASSWORD": "secret"}, BASIC),
        ({"DHIS2_URL": HOST, "DHIS2_TOKEN": "d2pat_x", "DHIS2_USERNAME": "clerk", "DHIS2_PASSWORD": "secret"}, TOKEN),
        ({"DHIS2_URL": f"{HOST}/api/", "DHIS2_PAT": "d2pat_x"}, TOKEN),
    ],
)
def test_the_environment_says_where_the_server_is_and_who_one_is(
    version: str, flavour: str, given: dict[str, str], authorization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    server = Remembering(version)
    made = pin(flavour, version).from_env(transport=httpx.MockTransport(server))
    run(flavour, asked, flavour, made)
    assert server.asked == [(f"{HOST}{stub.INFO}", authorization)]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_says_where_the_server_is_and_who_one_is(version: str, flavour: str, tmp_path: Path) -> None:
    file = tmp_path / "profiles.toml"
    file.write_text(f'[play]\nurl = "{HOST}"\nusername = "clerk"\npassword = "secret"\n', encoding="utf-8")
    file.chmod(0o600)
    server = Remembering(version)
    made = pin(flavour, version).from_profile("play", file=file, transport=httpx.MockTransport(server))
    run(flavour, asked, flavour, made)
    assert server.asked == [(f"{HOST}{stub.INFO}", BASIC)]
    with pytest.raises(InvalidInput, match=r"there is no profile 'work' .*; there are: play"):
        pin(flavour, version).from_profile("work", file=file)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_closed_client_says_so(version: str, flavour: str) -> None:
    async def close_and_go_on() -> None:
        dhis2 = served(flavour, version, Remembering(version))
        await dhis2.system_info()
        await (dhis2.close() if flavour == "sync" else dhis2.aclose())
        with pytest.raises(WrongUse, match="closed"):
            await dhis2.system_info()

    run(flavour, close_and_go_on)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("version", VERSIONS)
def test_http_to_another_machine_can_be_allowed_where_the_environment_names_it(
    version: str, flavour: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DHIS2_URL", "http://dhis2:8080")
    monkeypatch.setenv("DHIS2_TOKEN", "d2pat_x")
    with pytest.raises(InvalidInput, match="say allow_http=True"):
        pin(flavour, version).from_env()
    assert pin(flavour, version).from_env(allow_http=True).url == "http://dhis2:8080"
    file = tmp_path / "profiles.toml"
    for allowed in (True, False):
        file.write_text(f'[play]\nurl = "http://dhis2"\ntoken = "x"\nallow_http = {str(allowed).lower()}\n', "utf-8")
        file.chmod(0o600)
        assert pin(flavour, version).from_profile("play", file=str(file), **{} if allowed else {"allow_http": True})
        with pytest.raises(InvalidInput, match="say allow_http=True"):
            pin(flavour, version).from_profile("play", file=file, **{"allow_http": False} if allowed else {})


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"timezone": "Europe/Oslo", "check_version": False}, "^timezone: expected such as zoneinfo"),
        ({"timezone": "Europe/Oslo"}, "^timezone: expected such as zoneinfo"),
        ({"headers": {"content-TYPE": "application/json"}}, "^headers: each call has a Content-Type of its own$"),
        ({"user_agent": 5}, "^user_agent: at most"),
        ({"proxy": "socks5://127.0.0.1:1"}, "^proxy: .*socksio"),
        ({"verify": Path("no") / "such.pem"}, "^verify: .*such.pem cannot be read as certificates: No such file"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused_when_the_client_is_made(
    flavour: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        pin(flavour, "42")("https://dhis2.test", token="t", **settings)
