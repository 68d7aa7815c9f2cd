"""No credential shows anywhere: not in objects, pickles, logs, warnings, errors or tracebacks with all locals."""

from __future__ import annotations

import base64
import copy
import datetime
import gc
import importlib
import io
import logging
import pickle
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from dhis2_facade import profiles
from dhis2_facade.errors import Dhis2Error, InvalidInput
from tests.support.both import FLAVOURS, Awaited, client, run
from tests.support.exchanges import VERSIONS
from tests.support.wire import Asked, Script, Talk, unused, wired

TESTS = str(Path(__file__).parents[1])
SECRET = "wEvKt7hIdDeN"
UID, ME = "yKLCFDYCzPy", b'{"id": "yKLCFDYCzPy", "username": "clerk"}'
SUBJECT = "sUbJeCt of a patient"
EACH = pytest.mark.parametrize(("flavour", "version"), list(zip(FLAVOURS, VERSIONS, strict=True)))
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


class Bearer(httpx.Auth):
    """An auth of the user's own; what it shows of itself is the user's."""

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override] # is a generator
        request.headers["Authorization"] = f"Bearer {SECRET}"
        yield request


CREDENTIALS: dict[str, Callable[[], dict[str, Any]]] = {
    "token": lambda: {"token": f"d2pat_{SECRET}"},
    "password": lambda: {"username": "clerk", "password": SECRET},
    "username": lambda: {"username": SECRET, "password": SECRET},
    "pair": lambda: {"auth": ("clerk", SECRET)},
    "auth": lambda: {"auth": Bearer()},
    "header": lambda: {"headers": {"X-Api-Key": SECRET, "Cookie": f"own={SECRET}"}},
    "proxy": lambda: {"token": "t", "proxy": f"http://user:{SECRET}@127.0.0.1:1"},
}


def forms() -> list[str]:
    """All the ways in which the secret may be written."""
    pairs = [f"clerk:{SECRET}", f"{SECRET}:{SECRET}", f"user:{SECRET}"]
    return [SECRET, SECRET[::-1], *(base64.b64encode(pair.encode()).decode().rstrip("=") for pair in pairs)]


def shows(text: str | bytes) -> bool:
    text = text.decode("latin-1") if isinstance(text, bytes) else text
    return any(form in text for form in forms())


def assert_hidden(text: str | bytes, where: str) -> None:
    assert not shows(text), f"{where} shows it"


def all_of(error: BaseException) -> Iterator[BaseException]:
    """The error with all that it came from, also where that is not shown."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]


def printed(error: BaseException) -> str:
    """All that can be printed of an error, with the locals of its frames that are ours or of what we use."""
    texts = []
    for one in all_of(error):
        made = traceback.TracebackException(type(one), one, one.__traceback__, capture_locals=True)
        # Frames that hold headers, whatever the reprs of today show of them.
        assert not [frame for frame in made.stack if re.search(r"[/\\](httpx|httpcore|h11)[/\\]", frame.filename)]
        # The tests themselves know the secret.
        made.stack[:] = [frame for frame in made.stack if not frame.filename.startswith(TESTS)]
        texts += [*made.format(chain=False), repr(one), str(one), repr(one.args), repr(one.__dict__)]
    return "\n".join(texts)


@pytest.fixture(autouse=True)
def logged() -> Iterator[io.StringIO]:
    """Everything that anybody logs at any level, and what is warned of."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, before = logging.StreamHandler(stream), root.level
    handler.setLevel(logging.DEBUG)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield stream
    root.removeHandler(handler)
    root.setLevel(before)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    assert_hidden(stream.getvalue(), "a log")
    assert SUBJECT.partition(" ")[0] not in stream.getvalue()
    assert_hidden("\n".join(str(one.message) for one in warned), "a warning")


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between attempts."""
    monkeypatch.setattr("random.random", lambda: 0.0)


async def failing(call: Any) -> BaseException:
    try:
        await call
    except BaseException as error:
        return error
    raise AssertionError("it did not fail")


# -- objects --------------------------------------------------------------------------------------------------------


def ours(start: object) -> dict[int, object]:
    """Every object of ours that can be reached."""
    found: dict[int, object] = {}
    waiting = [start]
    while waiting:
        one = waiting.pop()
        if id(one) in found or isinstance(one, type):
            continue
        module = type(one).__module__
        if not module.startswith("dhis2_facade") and not isinstance(one, dict | list | tuple):
            continue
        found[id(one)] = one
        waiting += gc.get_referents(one)
    return {key: one for key, one in found.items() if type(one).__module__.startswith("dhis2_facade")}


@EACH
@pytest.mark.parametrize("kind", CREDENTIALS)
def test_no_object_shows_a_credential(flavour: str, version: str, kind: str) -> None:
    made = client(flavour, version, "https://dhis2.test", **CREDENTIALS[kind]())
    dhis2 = made.inner if isinstance(made, Awaited) else made
    reached = list(ours(dhis2).values())
    names = {type(one).__name__ for one in reached}
    assert {name.removeprefix("Async") for name in names} >= {
        "Dhis2",
        "Session",
        "Transport",
        "Messaging",
        "Files",
        "People",
    }
    for one in reached:
        assert_hidden(f"{one!r} {one!s} {one:}", type(one).__name__)
        holds = type(one).__module__.startswith("dhis2_facade._")  # not the bindings, which are modules
        for copier in (pickle.dumps, copy.deepcopy) if holds else ():
            try:
                copied = copier(one)
            except Exception as error:
                assert_hidden(printed(error), f"{copier.__name__} of {type(one).__name__}")
            else:
                assert_hidden(copied if isinstance(copied, bytes) else repr(copied), f"a copy of {type(one).__name__}")


def test_a_profile_shows_no_credential(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        f'[a]\nurl = "https://user:{SECRET}@dhis2.example.test"\ntoken = "{SECRET}"\n[b]\nurl = "https://b"\npassword = "{SECRET}"'
    )
    path.chmod(0o600)
    for profile in (profiles.load("a", file=path), profiles.load("b", file=path)):
        assert_hidden(f"{profile!r} {profile!s}", "a profile")
        with pytest.raises(TypeError):
            pickle.dumps(profile)


# -- clients that cannot be made ------------------------------------------------------------------------------------

BAD: dict[str, dict[str, Any]] = {
    "url": {"url": "ftp://dhis2.test"},
    "url with credentials": {"url": f"https://clerk:{SECRET}@dhis2.example.test"},
    "url of no host": {"url": "https://*..-:0"},
    "http": {"url": "http://dhis2.test"},
    "deadline": {"deadline": -1},
    "timeout": {"timeout": "5"},
    "settle": {"settle": "x"},
    "agent": {"user_agent": "\u00fc"},
    "verify": {"verify": "no/such/file"},
    "timezone": {"check_version": False},
    "two ways": {"token": SECRET, "username": SECRET},
    "token": {"token": f"{SECRET} {SECRET}"},
    "token type": {"token": SECRET.encode()},
    "password": {"username": "clerk", "password": f"{SECRET}\udcff"},
    "password type": {"username": "clerk", "password": [SECRET]},
    "colon": {"username": f"a:{SECRET}", "password": SECRET},
    "auth": {"auth": SECRET},
    "auth pair": {"auth": ("clerk", f"{SECRET}\udcff")},
    "auth tuple": {"auth": (SECRET, 5)},
    "header value": {"headers": {"X-Api-Key": f"{SECRET}\n"}},
    "header text": {"headers": {"X-Api-Key": f"\u00fc{SECRET}"}},
    "header type": {"headers": {"X-Api-Key": [SECRET]}},
    "headers": {"headers": SECRET},
    "header pairs": {"headers": [("X-Api-Key", SECRET, 5)]},
    "proxy port": {"proxy": f"http://user:{SECRET}@proxy.example.test:port"},
    "proxy scheme": {"proxy": f"gopher://user:{SECRET}@proxy.example.test"},
    "proxy type": {"proxy": [SECRET]},
    "socks": {"proxy": f"socks5://user:{SECRET}@proxy.example.test"},
    "hooks": {"event_hooks": [SECRET]},
    "hooks of": {"event_hooks": {"request": 5}},
    "limits": {"limits": 5},
    "transport": {"transport": 5, "token": SECRET},
}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("bad", BAD)
def test_a_client_that_cannot_be_made_shows_nothing(flavour: str, bad: str) -> None:
    given = BAD[bad]
    plain = {"token": SECRET, "headers": {"X-Api-Key": SECRET}, "proxy": f"http://u:{SECRET}@127.0.0.1:1"}
    if {"username", "password", "auth"} & set(given):
        plain.pop("token")
    settings = {"url": "https://dhis2.test", **plain, **given}
    try:
        client(flavour, "42", settings.pop("url"), **settings)
    except InvalidInput as error:
        assert_hidden(printed(error), bad)
        assert_hidden(pickle.dumps(error), bad)
    else:
        assert bad in ("transport", "url of no host"), f"{bad} is taken"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_an_environment_or_profile_that_cannot_be_right_shows_nothing(
    flavour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = importlib.import_module("dhis2_facade.v42")
    kind = pin.Dhis2 if flavour == "sync" else pin.AsyncDhis2
    options = {"headers": {"X-Api-Key": SECRET}, "proxy": f"http://user:{SECRET}@127.0.0.1:1"}
    path = tmp_path / "p.toml"
    path.touch(0o600)
    contents = [
        f"token = {SECRET}",
        f'[a]\ntoken = "{SECRET}"',
        f'[a]\nurl = "http://b"\ntoken = "{SECRET}"',
        f'[a]\nurl="https://c:{SECRET}@d.example.test"',
    ]
    for content in contents:
        path.write_text(content, encoding="utf-8")
        with pytest.raises(InvalidInput) as refused:
            kind.from_profile("a", file=path, **options)
        assert_hidden(printed(refused.value), content)
    for name in ("DHIS2_PAT", "DHIS2_USERNAME", "DHIS2_PASSWORD", "DHIS2_PROFILE", "DHIS2_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DHIS2_TOKEN", SECRET)
    for url in (None, "http://dhis2.test", f"https://clerk:{SECRET}@dhis2.example.test"):
        if url:
            monkeypatch.setenv("DHIS2_URL", url)
        with pytest.raises(InvalidInput) as refused:
            kind.from_env(**options)
        assert_hidden(printed(refused.value), f"the environment with {url}")
    monkeypatch.setenv("DHIS2_URL", "https://dhis2.test")
    made = kind.from_env(headers={"X-Api-Key": SECRET})
    assert_hidden(repr(list(ours(made).values())), "a client of the environment")


# -- calls that fail ------------------------------------------------------------------------------------------------


def refused(status: int) -> Script:
    return lambda _, talk: talk.answer(status, b'{"message": "no"}', set_cookie=f"JSESSIONID={SECRET}; Path=/")


def echoed(asked: Asked, talk: Talk) -> None:
    """A server that sends back what it was sent, as a header of its own and as garbage."""
    sent = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
    talk.send(f"HTTP/1.1 200 OK\r\n{sent}\x01broken {asked.headers}\r\n\r\n".encode())
    talk.close()


def mirrored(asked: Asked, talk: Talk) -> None:
    talk.send(f"{asked.method} {asked.target} {asked.headers}\r\n\r\n".encode())
    talk.close()


def garbage(_asked: Asked, talk: Talk) -> None:
    talk.answer(200, b"{", set_cookie=f"JSESSIONID={SECRET}")


def cut(_asked: Asked, talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
    talk.close()


def broken_packing(_asked: Asked, talk: Talk) -> None:
    talk.answer(200, b"no gzip", content_encoding="gzip")


FAILURES: dict[str, Script] = {
    "reset": lambda _, talk: talk.reset(),
    "timeout": lambda _, talk: talk.hang(),
    "400": refused(400),
    "401": refused(401),
    "403": refused(403),
    "404": refused(404),
    "409": refused(409),
    "500": refused(500),
    "redirect": lambda _, talk: talk.answer(302, b"", location="/dhis-web-login/"),
    "page": lambda _, talk: talk.answer(200, b"<html>", content_type="text/html"),
    "garbage": garbage,
    "cut": cut,
    "packed": broken_packing,
    "no object": lambda _, talk: talk.answer(200, b"[]"),
    "wrong object": lambda _, talk: talk.answer(200, b'{"id": 5, "messages": 5, "messageConversations": 5}'),
    "echoed": echoed,
    "mirrored": mirrored,
}


async def everything(dhis2: Any, timeout: float = 1.0) -> list[BaseException]:
    """The failures of a call of every kind."""
    return [
        await failing(dhis2.people.me(timeout=timeout)),
        await failing(dhis2.files.upload(("a.txt", b"text"), timeout=timeout)),
        await failing(dhis2.files.get(UID, timeout=timeout)),
        await failing(dhis2.messaging.send(SUBJECT, "text", users=UID, timeout=timeout)),
        await failing(dhis2.messaging.feedback(SUBJECT, "text", timeout=timeout)),
        await failing(dhis2.messaging.feedback(SUBJECT, "text", key="k", timeout=timeout)),
        await failing(dhis2.messaging.mark_read(UID, timeout=timeout)),
    ]


@EACH
@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_of_a_call_shows_a_credential(flavour: str, version: str, failure: str) -> None:
    kinds = ("token", "password", "pair", "auth", "header")

    async def scenario() -> None:
        with wired(FAILURES[failure], version=version) as wire:
            for kind in kinds if failure in ("401", "mirrored") else kinds[:1] + kinds[-1:]:
                async with client(flavour, version, wire.url, settle=0, **CREDENTIALS[kind]()) as dhis2:
                    for error in await everything(dhis2, 0.06 if failure == "timeout" else 1.0):
                        assert isinstance(error, Dhis2Error), repr(error)
                        assert_hidden(printed(error), f"{kind}: {error}")
                        assert_hidden(pickle.dumps(error), f"{kind}: the pickle of {error!r}")
                    if failure == "401":
                        for one in ours(dhis2.inner if isinstance(dhis2, Awaited) else dhis2).values():
                            assert_hidden(repr(one), f"{type(one).__name__} after a cookie")

    run(flavour, scenario)


@EACH
@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_connection_that_is_refused_shows_nothing(flavour: str, version: str, kind: str) -> None:
    async def scenario() -> None:
        settings = {"check_version": False, "timezone": datetime.UTC, "settle": 0}
        async with client(flavour, version, unused(), **settings, **CREDENTIALS[kind]()) as dhis2:
            for error in await everything(dhis2):
                assert_hidden(printed(error), f"{kind}: {error}")

    run(flavour, scenario)


@EACH
def test_a_wrong_version_and_a_strange_server_show_nothing(flavour: str, version: str) -> None:
    other = {"40": "41", "41": "42", "42": "40"}[version]

    async def scenario() -> None:
        for script, pretends in ((refused(401), None), (garbage, None), (refused(401), other)):
            with wired(script, version=pretends) as wire:
                async with client(flavour, version, wire.url, token=SECRET) as dhis2:
                    assert_hidden(printed(await failing(dhis2.people.me())), "the first call")

    run(flavour, scenario)


class Hooked(Exception):
    """An error of the user's own."""


@EACH
@pytest.mark.parametrize("event", ["request", "response"])
def test_an_error_of_a_hook_comes_without_frames_that_hold_credentials(flavour: str, version: str, event: str) -> None:
    def fail(_one: Any) -> None:
        raise Hooked

    async def fail_async(_one: Any) -> None:
        raise Hooked

    async def scenario() -> None:
        with wired(refused(200), version=version) as wire:
            hooks = {event: [fail if flavour == "sync" else fail_async]}
            settings = {"headers": {"X-Api-Key": SECRET}, "event_hooks": hooks}
            async with client(flavour, version, wire.url, token=SECRET, **settings) as dhis2:
                error = await failing(dhis2.people.me())
                assert isinstance(error, Hooked)
                assert_hidden(printed(error), "the hook's error")

    run(flavour, scenario)


@pytest.mark.parametrize(("flavour", "version"), [("asyncio", "41"), ("trio", "42")])
@pytest.mark.parametrize("kind", ["token", "password", "header", "auth"])
def test_a_cancellation_shows_nothing(flavour: str, version: str, kind: str) -> None:
    seen: list[BaseException] = []

    async def scenario() -> None:
        with wired(lambda _, talk: talk.hang(), version=version) as wire:
            async with client(flavour, version, wire.url, **CREDENTIALS[kind]()) as dhis2:
                for call in (
                    dhis2.people.me(),
                    dhis2.messaging.feedback(SUBJECT, "text"),
                    dhis2.files.upload(("a", b"text")),
                ):
                    with anyio.move_on_after(0.08):
                        try:
                            await call
                        except BaseException as cancelled:
                            seen.append(cancelled)
                            raise

    run(flavour, scenario)
    assert len(seen) == 3
    for cancelled in seen:
        assert_hidden(printed(cancelled), "a cancellation")


def test_an_interruption_shows_nothing() -> None:
    class Interrupting(httpx.BaseTransport):
        def handle_request(self, _request: httpx.Request) -> httpx.Response:
            raise KeyboardInterrupt

    for kind in ("token", "password", "header", "auth", "pair"):
        with client("sync", "42", "https://dhis2.test", transport=Interrupting(), **CREDENTIALS[kind]()).inner as dhis2:
            with pytest.raises(KeyboardInterrupt) as interrupted:
                dhis2.people.me()
            assert_hidden(printed(interrupted.value), kind)


@EACH
def test_what_is_done_right_logs_no_credential_no_cookie_and_no_subject(
    flavour: str, version: str, logged: io.StringIO
) -> None:
    def script(asked: Asked, talk: Talk) -> None:
        cookie = f"JSESSIONID={SECRET}; Path=/"
        if asked.method == "POST":
            talk.answer(201, b"{}", location=f"/api/messageConversations/{UID}", set_cookie=cookie)
        else:
            talk.answer(200, ME, set_cookie=cookie)

    async def scenario() -> None:
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, username="clerk", password=SECRET) as dhis2:
                await dhis2.people.me()
                await dhis2.messaging.feedback(SUBJECT, "text", fetch=False)
                assert any(SECRET in one.headers.get("cookie", "") for one in wire.asked)
                for one in ours(dhis2.inner if isinstance(dhis2, Awaited) else dhis2).values():
                    assert_hidden(repr(one), f"{type(one).__name__} after a cookie")

    run(flavour, scenario)
    assert "POST /api/messageConversations/feedback: 201" in logged.getvalue()


def test_the_search_for_the_secret_finds_it_where_it_is() -> None:
    """The tests above look where there is something to find."""

    def fail(token: str) -> None:
        raise ValueError(str(len(token)))

    code = compile("def outer(secret, inner):\n    inner(secret)\n", "elsewhere.py", "exec")
    space: dict[str, Any] = {}
    exec(code, space)
    with pytest.raises(ValueError, match=str(len(SECRET))) as raised:
        space["outer"](SECRET, fail)
    assert shows(printed(raised.value))
    assert shows(f"Basic {base64.b64encode(f'clerk:{SECRET}'.encode()).decode()}")
    assert shows(pickle.dumps({"a": SECRET}))
