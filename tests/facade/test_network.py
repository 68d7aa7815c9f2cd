"""The network as it is: slow, broken, redirecting, behind proxies; and what is passed on to httpx."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dhis2_facade._async.transport import IDLE
from dhis2_facade._sync import backend
from dhis2_facade.errors import (
    Ambiguous,
    Conflict,
    ConnectionFailed,
    Dhis2Error,
    InvalidInput,
    NotDhis2,
    NotFound,
    Redirected,
    ServerError,
    TimedOut,
    TooLarge,
    Unauthenticated,
)
from tests.support.both import FLAVOURS, client, run
from tests.support.exchanges import VERSIONS
from tests.support.wire import INFO, Asked, Script, Talk, info, unused, wired, within

UID, ME = "yKLCFDYCzPy", b'{"id": "yKLCFDYCzPy", "username": "clerk"}'
EACH = pytest.mark.parametrize(("flavour", "version"), list(zip(FLAVOURS, VERSIONS, strict=True)))
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between attempts."""
    monkeypatch.setattr("random.random", lambda: 0.0)


def me(_asked: Asked, talk: Talk) -> None:
    talk.answer(200, ME)


# -- time -----------------------------------------------------------------------------------------------------------


def head_drips(_asked: Asked, talk: Talk) -> None:
    talk.drip(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 1000, 0.03)


def body_drips(_asked: Asked, talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    talk.drip(b" " * 1000, 0.03)


def nothing(_asked: Asked, talk: Talk) -> None:
    talk.hang()


def always_busy(_asked: Asked, talk: Talk) -> None:
    talk.answer(503, b"{}", retry_after="30")


@EACH
@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        (nothing, TimedOut, "no answer from"),
        (head_drips, TimedOut, "no answer from"),
        (body_drips, TimedOut, "the answer broke off"),
        (always_busy, ServerError, "503"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_call_ends_by_its_deadline_whatever_the_server_does(
    flavour: str, version: str, script: Script, kind: type[Dhis2Error], said: str
) -> None:
    async def scenario() -> None:
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                await dhis2.system_info()
                began = time.monotonic()
                with pytest.raises(kind, match=said) as failed:
                    await dhis2.people.me(timeout=0.25)
                assert type(failed.value) is kind
                assert within(0.25, began)

    run(flavour, scenario)


@EACH
def test_a_wait_of_the_network_is_bounded_by_timeout_and_the_call_by_deadline(flavour: str, version: str) -> None:
    async def scenario() -> None:
        with wired(nothing, version=version) as wire:
            for settings in (
                {"timeout": 0.1},
                {"timeout": httpx.Timeout(0.1)},
                {"deadline": 0.2, "timeout": httpx.Timeout(None)},
            ):
                async with client(flavour, version, wire.url, token="t", **settings) as dhis2:
                    await dhis2.system_info()
                    began = time.monotonic()
                    with pytest.raises(TimedOut):
                        await dhis2.people.me()
                    assert within(0.5, began)
            assert len(wire.of("/api/me")) == 4 + 4 + 1

    run(flavour, scenario)


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), "5", True])
def test_a_timeout_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^timeout: expected seconds, above 0"):
        client("sync", "42", "https://dhis2.test", token="t", timeout=wrong)


def test_who_waits_for_the_first_call_of_another_thread_waits_no_longer_than_its_own_deadline() -> None:
    with wired(nothing) as wire, client("sync", "42", wire.url, token="t").inner as dhis2:
        failures: list[Dhis2Error] = []

        def slow() -> None:
            with pytest.raises(Dhis2Error) as failed:
                dhis2.people.me(timeout=1)
            failures.append(failed.value)

        other = threading.Thread(target=slow)
        other.start()
        while not wire.asked:
            time.sleep(0.01)
        began = time.monotonic()
        with pytest.raises(TimedOut, match="to this client's first call, which is on its way"):
            dhis2.people.me(timeout=0.3)
        assert time.monotonic() - began < 0.9
        other.join()
        assert [type(one) for one in failures] == [TimedOut]


@pytest.mark.parametrize(("flavour", "version"), [("asyncio", "41"), ("trio", "42")])
def test_a_task_too_waits_no_longer_than_its_own_deadline(flavour: str, version: str) -> None:
    async def scenario() -> None:
        with wired(nothing) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2, anyio.create_task_group() as tasks:

                async def slow() -> None:
                    with pytest.raises(TimedOut):
                        await dhis2.people.me(timeout=1)

                tasks.start_soon(slow)
                while not wire.asked:
                    await anyio.sleep(0.01)
                began = time.monotonic()
                with pytest.raises(TimedOut, match="to this client's first call, which is on its way"):
                    await dhis2.people.me(timeout=0.2)
                assert time.monotonic() - began < 0.9

    run(flavour, scenario)


class Slow(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a transport that looks at no time-out."""

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.02)
            yield b" "

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@EACH
def test_a_transport_of_ones_own_that_looks_at_no_time_is_ended_too(flavour: str, version: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Slow(), headers={"content-type": "application/json"})

    async def scenario() -> None:
        transport = httpx.MockTransport(handle)
        async with client(flavour, version, "https://dhis2.test", token="t", transport=transport) as dhis2:
            began = time.monotonic()
            with pytest.raises(TimedOut, match="the answer broke off"):
                await dhis2.people.me(timeout=0.1)
            assert time.monotonic() - began < 1.5

    run(flavour, scenario)


def test_a_wait_within_a_call_that_is_over_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend._left(3.0) == 3.0
    with backend.fail_after(100.0):
        assert backend._left(3.0) == 3.0
        with backend.fail_after(2.0):
            assert (backend._left(None) or 9) <= 2.0
        with backend.fail_after(0.0), pytest.raises(TimeoutError):
            backend._left(3.0)
        assert (backend._left(None) or 0) > 90.0
    assert backend._left(None) is None


def test_the_place_where_httpcore_keeps_its_network_is_there() -> None:
    """A sync call is bounded through a private place: without it drops of a head could go on for ever."""
    for settings in ({}, {"proxy": "http://127.0.0.1:1"}):
        with client("sync", "42", "https://dhis2.test", token="t", **settings).inner as dhis2:
            made = dhis2._session.transport._client
            transports = [made._transport, *(one for one in made._mounts.values() if one)]
            backends = [transport._pool._network_backend for transport in transports]
            assert {type(backend).__module__ for backend in backends} == {"dhis2_facade._sync.backend"}


# -- broken ---------------------------------------------------------------------------------------------------------


@EACH
def test_nobody_who_listens_and_who_breaks_off_are_said_so(flavour: str, version: str) -> None:
    async def scenario() -> None:
        async with client(flavour, version, unused(), token="t") as dhis2:
            with pytest.raises(ConnectionFailed, match=r"^GET /api/system/info: no answer from http://127"):
                await dhis2.people.me()
        with wired(lambda _, talk: talk.reset(), version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                with pytest.raises(ConnectionFailed, match=r"^GET /api/me: no answer from"):
                    await dhis2.people.me()
                assert len(wire.of("/api/me")) == 4

    run(flavour, scenario)


@EACH
@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_speaks_no_http_is_said_so(flavour: str, version: str, garbage: bytes) -> None:
    def script(_asked: Asked, talk: Talk) -> None:
        talk.send(garbage)
        talk.close()

    async def scenario() -> None:
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                with pytest.raises(ConnectionFailed, match="ProtocolError"):
                    await dhis2.people.me()

    run(flavour, scenario)


@EACH
def test_an_answer_in_memory_has_a_limit(flavour: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for side in ("_async", "_sync"):
        monkeypatch.setattr(f"dhis2_facade.{side}.transport.JSON_CAP", 1000)

    async def scenario() -> None:
        with wired(lambda _, talk: talk.answer(200, b" " * 1001)) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                with pytest.raises(TooLarge, match="larger than 1000 bytes"):
                    await dhis2.people.me()
                assert len(wire.asked) == 1

    run(flavour, scenario)


@EACH
def test_an_address_that_is_too_long_is_refused(flavour: str, version: str) -> None:
    uids = [f"a{number:010}" for number in range(6000)]

    async def scenario() -> None:
        with wired(me, version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                with pytest.raises(InvalidInput, match="URL"):
                    await dhis2.messaging.reply(uids[0], "Text", attachments=uids)
                with pytest.raises(InvalidInput, match="at most 300 at once"):
                    await dhis2.messaging.leave(uids)
                assert {one.path for one in wire.asked} == {INFO}

    run(flavour, scenario)


# -- redirects ------------------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize(
    ("location", "kind", "said"),
    [
        ("/dhis-web-login/", Unauthenticated, "the server asks to log in"),
        ("https://127.0.0.1/api/me", Redirected, "this server answers at https://127.0.0.1, use that as url"),
        ("http://127.0.0.1:1/elsewhere", Redirected, "redirected to http://127.0.0.1:1/elsewhere"),
        ("https://sso.test/login?token=hidden", Redirected, "redirected to https://sso.test/login"),
    ],
)
def test_no_redirect_is_followed(flavour: str, version: str, location: str, kind: type[Dhis2Error], said: str) -> None:
    async def scenario() -> None:
        with wired(lambda _, talk: talk.answer(302, b"", location=location), version=version) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                with pytest.raises(kind, match=said) as failed:
                    await dhis2.people.me()
                assert "hidden" not in str(failed.value)
                assert len(wire.of("/api/me")) == 1

    run(flavour, scenario)


@EACH
def test_a_redirected_send_is_not_followed_and_may_have_been_stored(flavour: str, version: str) -> None:
    def script(asked: Asked, talk: Talk) -> None:
        if asked.method == "POST":
            talk.answer(307, b"", location="/api/elsewhere")
        elif asked.path.endswith("/me"):
            me(asked, talk)
        else:
            talk.answer(
                200, b'{"messageConversations": [], "pager": {"page": 1, "pageSize": 50, "pageCount": 1, "total": 0}}'
            )

    async def scenario() -> None:
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, token="t", settle=0) as dhis2:
                with pytest.raises(Ambiguous, match="307"):
                    await dhis2.messaging.send("a", "b", users=UID)
                assert [one.path for one in wire.asked if one.method == "POST"] == ["/api/messageConversations"]

    run(flavour, scenario)


# -- connections, cookies, paths ------------------------------------------------------------------------------------


@EACH
def test_one_connection_and_one_session_serve_many_calls(flavour: str, version: str) -> None:
    def script(asked: Asked, talk: Talk) -> None:
        talk.answer(200, ME, set_cookie=f"JSESSIONID={asked.connection}; Path=/; HttpOnly")

    async def scenario() -> None:
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, username="clerk", password="x") as dhis2:
                for _ in range(5):
                    await dhis2.files.get(UID)
            assert {one.connection for one in wire.asked} == {1}
            assert [one.headers.get("cookie") for one in wire.asked] == [None, None, *["JSESSIONID=1"] * 4]
            assert all(one.headers["authorization"].startswith("Basic ") for one in wire.asked)

    run(flavour, scenario)


@EACH
def test_no_connection_is_kept_longer_than_servers_do(flavour: str, version: str) -> None:
    for limits in (None, httpx.Limits(), httpx.Limits(keepalive_expiry=60), httpx.Limits(keepalive_expiry=None)):
        dhis2 = client(flavour, version, "https://dhis2.test", token="t", limits=limits)
        assert dhis2._session.transport._client._transport._pool._keepalive_expiry == IDLE


@EACH
def test_a_server_may_be_below_a_path(flavour: str, version: str) -> None:
    def script(asked: Asked, talk: Talk) -> None:
        if asked.path == "/dhis" + INFO:
            info(asked, talk, version)
        else:
            talk.answer(200, ME)

    async def scenario() -> None:
        with wired(script) as wire:
            for path in ("/dhis", "/dhis/", "/dhis/api", f"/dhis/api/{version}/"):
                async with client(flavour, version, wire.url + path, token="t") as dhis2:
                    assert (await dhis2.people.me()).username == "clerk"
            assert {one.path for one in wire.asked} == {"/dhis" + INFO, "/dhis/api/me"}

    run(flavour, scenario)


# -- headers --------------------------------------------------------------------------------------------------------


@EACH
def test_headers_of_ones_own_are_sent_once_whatever_their_case(flavour: str, version: str) -> None:
    own = {"x-requested-with": "mine", "authorization": "Bearer other", "X-Own": "a b"}

    async def scenario() -> None:
        with wired(me, version=version) as wire:
            async with client(flavour, version, wire.url, token="t", headers=own) as dhis2:
                await dhis2.people.me()
            sent = wire.asked[-1].headers
            assert (sent["x-requested-with"], sent["authorization"], sent["x-own"]) == ("mine", "ApiToken t", "a b")

    run(flavour, scenario)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Key": "hidden\n"},
        {"X-Key": "hid\r\nden"},
        {"X-Key": " hidden"},
        {"X-Key": "hidden\x00"},
        {"X Key": "hidden"},
        {"": "hidden"},
    ],
)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_header_that_cannot_be_sent_is_refused_at_once_and_not_shown(flavour: str, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"^headers: \['.*'\] has a line end, a blank at an end") as refused:
        client(flavour, "42", "https://dhis2.test", token="t", headers=headers)
    assert "hidden" not in str(refused.value)


class Adding(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override] # is a generator
        request.headers["Authorization"] = "Bearer hidden\n"
        yield request


@EACH
def test_a_header_that_an_auth_adds_and_that_cannot_be_sent_is_not_shown(flavour: str, version: str) -> None:
    async def scenario() -> None:
        with wired(me) as wire:
            async with client(flavour, version, wire.url, auth=Adding()) as dhis2:
                with pytest.raises(InvalidInput, match=r"^a header that auth or event_hooks add is none") as failed:
                    await dhis2.people.me()
                assert "hidden" not in str(failed.value)
            assert wire.asked == []

    run(flavour, scenario)


# -- what is passed on to httpx -------------------------------------------------------------------------------------


@EACH
def test_event_hooks_see_requests_and_answers(flavour: str, version: str) -> None:
    seen: list[str] = []

    def saw_sync(one: Any) -> None:
        seen.append(type(one).__name__)

    async def saw_async(one: Any) -> None:
        seen.append(type(one).__name__)

    saw = saw_sync if flavour == "sync" else saw_async

    async def scenario() -> None:
        with wired(me, version=version) as wire:
            async with client(
                flavour, version, wire.url, token="t", event_hooks={"request": [saw], "response": [saw]}
            ) as dhis2:
                await dhis2.people.me()

    run(flavour, scenario)
    assert seen == ["Request", "Response"] * 2


@EACH
@pytest.mark.parametrize("error", [ValueError("mine"), ConnectionResetError("mine"), TypeError("mine")])
def test_what_a_hook_raises_after_a_send_is_never_said_to_have_sent_nothing(
    flavour: str, version: str, error: Exception
) -> None:
    def fail_sync(answer: httpx.Response) -> None:
        if answer.request.method == "POST":
            raise error

    async def fail_async(answer: httpx.Response) -> None:
        fail_sync(answer)

    def script(asked: Asked, talk: Talk) -> None:
        if asked.method == "POST":
            talk.answer(201, b"{}", location=f"/api/messageConversations/{UID}")
        elif asked.path.endswith("/me"):
            me(asked, talk)
        else:
            talk.answer(200, b'{"messageConversations": []}')

    async def scenario() -> None:
        with wired(script, version=version) as wire:
            hooks = {"response": [fail_sync if flavour == "sync" else fail_async]}
            async with client(flavour, version, wire.url, token="t", event_hooks=hooks, settle=0) as dhis2:
                with pytest.raises((type(error), Ambiguous)) as failed:
                    await dhis2.messaging.send("a", "b", users=UID)
        raised = failed.value
        assert not isinstance(raised, InvalidInput)
        assert isinstance(raised, Ambiguous) or "may or may not have been stored" in raised.__notes__[0]

    run(flavour, scenario)


@EACH
def test_a_transport_of_ones_own_is_used(flavour: str, version: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == INFO:
            return httpx.Response(200, json={"version": f"2.{version}.1", "userAgent": request.headers["user-agent"]})
        return httpx.Response(200, content=ME, headers={"content-type": "application/json"})

    async def scenario() -> None:
        async with client(
            flavour, version, "https://dhis2.test", token="t", transport=httpx.MockTransport(handle)
        ) as dhis2:
            assert (await dhis2.people.me()).username == "clerk"

    run(flavour, scenario)


@EACH
def test_what_a_transport_of_ones_own_raises_proves_nothing(flavour: str, version: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise OSError(101, "Network is unreachable")

    async def scenario() -> None:
        async with client(
            flavour, version, "https://dhis2.test", token="t", transport=httpx.MockTransport(handle)
        ) as dhis2:
            with pytest.raises(ConnectionFailed, match=r"no answer .*Network is unreachable"):
                await dhis2.people.me()

    run(flavour, scenario)


@EACH
def test_a_proxy_is_asked_instead_of_the_server(flavour: str, version: str) -> None:
    async def scenario() -> None:
        with wired(me, version=version) as proxy:
            url = proxy.url.replace("http://", "http://user:pass@")
            async with client(flavour, version, "http://dhis2.test", token="t", allow_http=True, proxy=url) as dhis2:
                assert (await dhis2.people.me()).username == "clerk"
            assert all(one.target.startswith("http://dhis2.test/api/") for one in proxy.asked)
            assert {one.headers["proxy-authorization"] for one in proxy.asked} == {"Basic dXNlcjpwYXNz"}

    run(flavour, scenario)


@EACH
def test_a_proxy_that_refuses_a_tunnel_proves_that_nothing_was_sent(flavour: str, version: str) -> None:
    tried: list[str] = []

    def script(asked: Asked, talk: Talk) -> None:
        tried.append(asked.method)
        talk.answer(502, b"")

    async def scenario() -> None:
        with wired(script) as proxy:
            settings = {"proxy": proxy.url, "check_version": False, "timezone": datetime.UTC}
            async with client(flavour, version, "https://dhis2.test", token="t", **settings) as dhis2:
                with pytest.raises(ConnectionFailed, match=r"ProxyError: 502") as failed:
                    await dhis2.messaging.send("a", "b", users=UID)
                assert type(failed.value) is ConnectionFailed

    run(flavour, scenario)
    assert tried == ["CONNECT"] * 4


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """The certificate of a server on loopback that signed itself, and the server's end of it."""
    folder = tmp_path_factory.mktemp("authority")
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dhis2.test")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).add_extension(alternative, critical=False)
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=1)
    )
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(certificate)
    (folder / "both.pem").write_bytes(private + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return folder / "ca.pem", context


@EACH
def test_a_certificate_is_checked_against_the_authority_that_is_named(
    flavour: str, version: str, authority: tuple[Path, ssl.SSLContext]
) -> None:
    path, context = authority

    async def scenario() -> None:
        with wired(me, version=version, context=context) as wire:
            for verify in (str(path), ssl.create_default_context(cafile=path), False):
                async with client(flavour, version, wire.url, token="t", verify=verify) as dhis2:
                    assert (await dhis2.people.me()).username == "clerk"
            asked = len(wire.asked)
            async with client(flavour, version, wire.url, token="t") as dhis2:
                with pytest.raises(ConnectionFailed, match="certificate verify failed"):
                    await dhis2.people.me()
            assert len(wire.asked) == asked == 6

    run(flavour, scenario)


@EACH
def test_a_drip_over_tls_ends_by_its_deadline(
    flavour: str, version: str, authority: tuple[Path, ssl.SSLContext]
) -> None:
    path, context = authority

    async def scenario() -> None:
        with wired(head_drips, version=version, context=context) as wire:
            async with client(flavour, version, wire.url, token="t", verify=str(path)) as dhis2:
                began = time.monotonic()
                with pytest.raises(TimedOut):
                    await dhis2.people.me(timeout=0.25)
                assert within(0.25, began)

    run(flavour, scenario)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"verify": "no/such/file"}, "verify: no/such/file cannot be read as certificates: No such file or directory"),
        ({"verify": __file__}, "verify: .* cannot be read as certificates"),
        ({"proxy": "ftp://user:hidden@proxy.example.test"}, r"httpx does not take what was passed \(ValueError\)"),
        (
            {"proxy": "http://user:hidden@proxy.example.test:port"},
            r"httpx does not take what was passed \(InvalidURL\)",
        ),
        ({"proxy": 5}, "httpx does not take what was passed"),
        ({"headers": 5}, "httpx does not take what was passed"),
        ({"headers": {"X": "hid\u00fcden"}}, r"httpx does not take what was passed \(UnicodeEncodeError\)"),
        ({"headers": {"X": 5}}, r"httpx does not take what was passed \(TypeError\)"),
        ({"auth": ("hidden", 5)}, "httpx does not take what was passed"),
        ({"auth": "hidden"}, r"httpx does not take what was passed \(TypeError\)"),
        ({"event_hooks": ["hidden"]}, r"httpx does not take what was passed \(AttributeError\)"),
    ],
)
def test_what_httpx_does_not_take_is_refused_without_its_words(flavour: str, settings: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        client(flavour, "42", "https://dhis2.test", **settings)
    assert "hidden" not in str(refused.value)


@EACH
def test_a_page_of_a_proxy_is_no_dhis2(flavour: str, version: str) -> None:
    async def scenario() -> None:
        with wired(lambda _, talk: talk.answer(200, b"<html>", content_type="text/html")) as wire:
            async with client(flavour, version, wire.url, token="t") as dhis2:
                with pytest.raises(NotDhis2, match="Is there a proxy or a login page before the server"):
                    await dhis2.people.me()

    run(flavour, scenario)


# -- hooks ----------------------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("status", [404, 409, 500, 302])
def test_a_hook_that_raises_what_an_answer_says_changes_nothing_of_what_it_means(
    flavour: str, version: str, status: int
) -> None:
    def script(_asked: Asked, talk: Talk) -> None:
        talk.answer(status, b'{"message": "no"}', location="/dhis-web-login/")

    def check(response: httpx.Response) -> None:
        response.raise_for_status()

    async def check_later(response: httpx.Response) -> None:
        response.raise_for_status()

    async def outcomes(**settings: Any) -> list[tuple[type[BaseException], int | None, int]]:
        found: list[tuple[type[BaseException], int | None, int]] = []
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, token="t", settle=0.0, **settings) as dhis2:
                for call in (dhis2.people.me, lambda: dhis2.messaging.send("Subject", "Text", users=UID, fetch=False)):
                    with pytest.raises(Dhis2Error) as failed:
                        await call()
                    found.append((failed.type, failed.value.status, len(wire.asked)))
        return found

    async def scenario() -> None:
        hook = check if flavour == "sync" else check_later
        assert await outcomes(event_hooks={"response": [hook]}) == await outcomes()

    run(flavour, scenario)


@EACH
def test_what_a_hook_read_before_it_raised_is_what_the_server_said(flavour: str, version: str) -> None:
    def script(_asked: Asked, talk: Talk) -> None:
        talk.answer(409, b'{"message": "no", "errorCode": "E1"}')

    def check(response: httpx.Response) -> None:
        response.read()
        response.raise_for_status()

    async def check_later(response: httpx.Response) -> None:
        await response.aread()
        response.raise_for_status()

    async def scenario() -> None:
        hook = check if flavour == "sync" else check_later
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, token="t", event_hooks={"response": [hook]}) as dhis2:
                with pytest.raises(Conflict) as failed:
                    await dhis2.people.me()
        assert (failed.value.server_message, failed.value.error_code) == ("no", "E1")

    run(flavour, scenario)


@EACH
def test_a_server_that_is_not_where_the_url_says_is_looked_for_there(flavour: str, version: str) -> None:
    def script(_asked: Asked, talk: Talk) -> None:
        talk.answer(404, b"", content_type="text/html")

    async def scenario() -> None:
        with wired(script) as wire:
            async with client(flavour, version, f"{wire.url}/wrong", token="t") as dhis2:
                with pytest.raises(NotFound, match="Check the url: the server may have a path"):
                    await dhis2.people.me()

    run(flavour, scenario)


class Fetching(httpx.Auth):
    """Asks for a token before, and raises what the answer says."""

    def __init__(self, url: str) -> None:
        self.url = url

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        answer = yield httpx.Request("GET", f"{self.url}/token")
        answer.raise_for_status()
        yield request


@EACH
def test_what_the_answer_to_a_request_of_auths_own_says_is_not_said_of_the_call(flavour: str, version: str) -> None:
    def script(asked: Asked, talk: Talk) -> None:
        talk.answer(404 if asked.path == "/token" else 200, ME)

    async def scenario() -> None:
        with wired(script, version=version) as wire:
            async with client(flavour, version, wire.url, auth=Fetching(wire.url)) as dhis2:
                with pytest.raises(ConnectionFailed, match=r"no answer from .* \(HTTPStatusError\)") as failed:
                    await dhis2.people.me()
                assert (failed.type, failed.value.status) == (ConnectionFailed, None)
                assert {one.path for one in wire.asked} == {"/token"}

    run(flavour, scenario)


def test_who_waits_for_a_connection_of_the_pool_waits_no_longer_than_it_may() -> None:
    with wired(nothing, version="42") as wire:
        limits = httpx.Limits(max_connections=1)
        with client("sync", "42", wire.url, token="t", limits=limits).inner as dhis2, ThreadPoolExecutor() as threads:
            dhis2.system_info()
            holding = threads.submit(dhis2.people.me, timeout=4.0)
            while not wire.of("/api/me"):
                time.sleep(0.01)
            began = time.monotonic()
            with pytest.raises(TimedOut):
                dhis2.files.get(UID, timeout=0.2)
            assert within(0.2, began)
            with pytest.raises(TimedOut):
                holding.result()
