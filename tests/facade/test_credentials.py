"""Credentials and profiles: where they come from, what is refused, and that they show nowhere."""

from __future__ import annotations

import base64
import copy
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_facade import profiles
from dhis2_facade._sync.transport import http_client
from dhis2_facade.errors import InvalidInput
from dhis2_facade.profiles import Profile, from_environment, load, profiles_file, read_profiles

NAMES = ("DHIS2_URL", "DHIS2_TOKEN", "DHIS2_PAT", "DHIS2_USERNAME", "DHIS2_PASSWORD", "DHIS2_PROFILE", "DHIS2_VERSION")


class Options:
    """The credentials that a client is given."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    def login(self) -> dict[str, str]:
        names = ("token", "username", "password", "auth", "proxy", "limits", "headers", "transport", "event_hooks")
        rest: dict[str, Any] = {"allow_http": False, "verify": True, **dict.fromkeys(names), **self.given}
        said, made = http_client("https://dhis2.test", **rest)
        if made is None:
            raise InvalidInput(said)
        with made as client:
            return {name.title(): value for name, value in client.headers.items() if name == "authorization"}


texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment that says nothing, with a home of its own."""
    for name in (*NAMES, "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def written(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


# -- credentials ----------------------------------------------------------------------------------------------------


@given(texts.filter(lambda text: text and ":" not in text), texts)
def test_username_and_password_are_sent_as_they_are(username: str, password: str) -> None:
    header = Options(username=username, password=password).login()["Authorization"]
    scheme, _, pair = header.partition(" ")
    assert (scheme, base64.b64decode(pair).decode()) == ("Basic", f"{username}:{password}")


def test_a_token_is_sent_without_the_line_end_of_its_file() -> None:
    assert Options(token="d2pat_abc\n").login() == {"Authorization": "ApiToken d2pat_abc"}


def test_without_credentials_nothing_is_sent_and_auth_is_left_to_httpx() -> None:
    assert Options().login() == Options(auth=("clerk", "x")).login() == {}


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"token": "a", "username": "b", "password": "hidden"}, "one of token="),
        ({"token": "hidden", "auth": ("a", "hidden")}, "one of token="),
        ({"password": "hidden", "auth": ("a", "hidden")}, "one of token="),
        ({"token": ""}, "token: expected a personal access token"),
        ({"token": "hidden hidden"}, "token: expected"),
        ({"token": "hidden\nX-Evil: a"}, "token: expected"),
        ({"token": "hiddenü"}, "token: expected"),
        ({"token": b"hidden"}, "token: expected"),
        ({"username": "clerk"}, "come together"),
        ({"password": "hidden"}, "come together"),
        ({"username": "clerk", "password": b"hidden"}, "come together"),
        ({"username": "", "password": "hidden"}, "username: it is empty"),
        ({"username": "a:b", "password": "hidden"}, "username: it is empty or holds a colon"),
        ({"username": "clerk", "password": "hidden\udcff"}, "half a surrogate"),
        ({"username": "clerk\udcff", "password": "hidden"}, "half a surrogate"),
    ],
)
def test_credentials_that_cannot_be_sent_are_refused_and_not_shown(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        Options(**given_).login()
    assert "hidden" not in f"{refused.value!r}{refused.value.__context__!r}{refused.value.__cause__!r}"


def test_credentials_show_in_no_repr_and_no_pickle() -> None:
    for one in (Profile(url="https://a:hidden@b.example.test", token="hidden"),):
        assert "hidden" not in repr(one)
        for taken in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="holds credentials: make one where it is needed"):
                taken(one)


# -- the environment ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "profile"),
    [
        ({"DHIS2_TOKEN": "t"}, Profile(url="https://a", token="t")),
        ({"DHIS2_PAT": "t"}, Profile(url="https://a", token="t")),
        ({"DHIS2_TOKEN": "", "DHIS2_PAT": "t"}, Profile(url="https://a", token="t")),
        ({"DHIS2_TOKEN": "t", "DHIS2_USERNAME": "u", "DHIS2_PASSWORD": "p"}, Profile(url="https://a", token="t")),
        ({"DHIS2_USERNAME": "u", "DHIS2_PASSWORD": "p"}, Profile(url="https://a", username="u", password="p")),
        ({"DHIS2_TOKEN": "t", "DHIS2_VERSION": "42"}, Profile(url="https://a", token="t", version="42")),
        ({"DHIS2_TOKEN": "t", "DHIS2_PROFILE": "x"}, Profile(url="https://a", token="t")),
    ],
)
def test_the_environment_names_server_and_credentials(
    environment: pytest.MonkeyPatch, given_: dict[str, str], profile: Profile
) -> None:
    environment.setenv("DHIS2_URL", "https://a")
    for name, value in given_.items():
        environment.setenv(name, value)
    assert from_environment() == profile


def test_an_environment_that_names_a_profile_is_taken_by_it(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written(profiles_file(), '[work]\nurl = "https://work"\ntoken = "t"\n')
    environment.setenv("DHIS2_PROFILE", "work")
    assert from_environment() == Profile(url="https://work", token="t")


def test_an_environment_that_says_nothing_is_refused(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match=r"^set DHIS2_URL and DHIS2_TOKEN \(or DHIS2_USERNAME .* or DHIS2_PROFILE$"):
        from_environment()


# -- profiles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", "", ".config"),
        ("linux", "XDG_CONFIG_HOME", ""),
        ("darwin", "", "Library/Application Support"),
        ("win32", "", "AppData/Roaming"),
        ("win32", "APPDATA", ""),
    ],
)
def test_profiles_are_in_the_users_configuration_folder(
    environment: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str, folder: str
) -> None:
    environment.setattr("dhis2_facade.profiles.sys.platform", platform)
    if variable:
        environment.setenv(variable, str(tmp_path / "own"))
    expected = tmp_path / "own" if variable else tmp_path / folder
    assert profiles_file() == expected / "dhis2-facade" / "profiles.toml"


def test_no_profile_is_taken_from_the_working_directory(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("XDG_CONFIG_HOME", "here")
    assert profiles_file() == tmp_path / ".config" / "dhis2-facade" / "profiles.toml"


def test_a_profile_has_all_that_a_client_needs(tmp_path: Path) -> None:
    path = written(
        tmp_path / "p.toml",
        '[a]\nurl = "https://a"\nusername = "u"\npassword = "p"\nversion = "42"\n[b]\nurl = "http://b"\nallow_http = true',
    )
    assert load("a", file=path) == Profile(url="https://a", username="u", password="p", version="42")
    assert load("b", file=path) == Profile(url="http://b", allow_http=True)


def test_a_file_that_an_editor_on_windows_wrote_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "p.toml", '\ufeff[a]\r\nurl = "https://a"\r\n')
    assert load("a", file=path).url == "https://a"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "p.toml", '[a]\nurl = "https://a"\n', mode)
    with pytest.raises(InvalidInput, match=r"others may read it, .* say: chmod 600 '.*p\.toml'$"):
        load("a", file=path)


def test_on_windows_permissions_are_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "p.toml", '[a]\nurl = "https://a"\n', 0o644)
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        found = profiles._read(path)
    assert found == {"a": Profile(url="https://a")}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "there are: none"),
        (b"[b]\nurl='https://b'\n[c]\nurl='https://c'", "there are: b, c"),
        (b"token = 'hidden'", "token stands outside of a profile"),
        (b"[a]\ntoken = 'hidden'", r"\[a\] has no url"),
        (b"[a]\nurl = ''\ntoken = 'hidden'", r"\[a\] has no url"),
        (b"[a]\nurl = 'https://a'\npasword = 'hidden'", r"\[a\] has pasword; a profile has allow_http, password"),
        (b"[a]\nurl = 'https://a'\ntoken = 5", r"\[a\] token is not text"),
        (b"[a]\nurl = 'https://a'\nallow_http = 'hidden'", r"\[a\] allow_http is not true or false"),
        (b"[a]\npassword = hidden", r"this is no TOML \(at line 2, column 12\)"),
        (b"[a]\npassword = 'hidden\xff'", "this is no TOML$"),
        (b"a = " + b"[" * 100_000, "this is no TOML"),
    ],
    ids=range(11),
)
def test_a_file_that_cannot_be_right_is_refused_without_showing_it(tmp_path: Path, content: bytes, said: str) -> None:
    path = written(tmp_path / "p.toml", content)
    with pytest.raises(InvalidInput, match=said) as refused:
        load("a", file=path)
    assert "hidden" not in f"{refused.value!r}{refused.value.__context__!r}"
    assert "p.toml" in str(refused.value)


def test_a_file_that_is_not_there_or_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^there is no profile 'a': .*missing\.toml does not exist$"):
        load("a", file=tmp_path / "missing.toml")
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        read_profiles(tmp_path)
