"""One attempt of a call: the only place that knows httpx, and that says what went out and what came back."""

from __future__ import annotations

import contextvars
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast

import httpx
from attrs import field, frozen

from dhis2_facade._async.backend import bound, call_in_thread, fail_after
from dhis2_facade.answers import Answer
from dhis2_facade.errors import InvalidInput, TooLarge
from dhis2_facade.retry import Deadline
from dhis2_facade.sources import Progress, Target
from dhis2_wire import Request

__all__ = [
    "AsyncTransport",
    "Auth",
    "BaseTransport",
    "Headers",
    "Hooks",
    "Limits",
    "Lost",
    "Options",
    "Proxy",
    "Sending",
    "Timeouts",
    "Verify",
]

log = logging.getLogger("dhis2_facade.transport")

Auth: TypeAlias = "httpx.Auth | tuple[str, str] | Callable[[httpx.Request], httpx.Request]"
BaseTransport: TypeAlias = httpx.AsyncBaseTransport
Headers: TypeAlias = Mapping[str, str]
Hooks: TypeAlias = "Mapping[str, Sequence[Callable[..., object]]]"
Limits: TypeAlias = httpx.Limits
Proxy: TypeAlias = "str | httpx.URL | httpx.Proxy"
Timeouts: TypeAlias = "float | httpx.Timeout"
Verify: TypeAlias = "bool | str | ssl.SSLContext"

TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds: of each wait for the network
IDLE = 5.0  # seconds: the longest that an unused connection is kept, so that few are found closed by the server
HEADERS = {
    "X-Requested-With": "XMLHttpRequest",  # else the server answers 302 instead of 401 (quirk 7)
    "Accept-Encoding": "gzip, deflate",
}
JSON_CAP = 32 * 1024 * 1024  # bytes of an answer in memory, after decompression
PIECE = 64 * 1024  # bytes of a download that are handled at once
LOUD = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")

_ours: contextvars.ContextVar[bool] = contextvars.ContextVar("dhis2_facade_call", default=False)


def _not_ours(_record: logging.LogRecord) -> bool:
    """Drop what httpx and httpcore log of our calls: URLs with subjects, and cookies. Those of others stay."""
    return not _ours.get()


for name in LOUD:
    logging.getLogger(name).addFilter(_not_ours)


@frozen(kw_only=True)
class Options:
    """What is passed on to httpx. Nothing of it is ever printed: most of it may hold credentials."""

    verify: Verify = field(default=True, repr=False)
    proxy: Proxy | None = field(default=None, repr=False)
    timeout: Timeouts | None = field(default=None, repr=False)
    limits: Limits | None = field(default=None, repr=False)
    headers: Headers = field(factory=dict, repr=False)
    auth: Auth | None = field(default=None, repr=False)
    transport: BaseTransport | None = field(default=None, repr=False)
    event_hooks: Hooks = field(factory=dict, repr=False)


class Lost(Exception):
    """No answer came. `unsent` is true only where it is proven that no byte of the body went out."""

    def __init__(self, reason: str, *, unsent: bool, timed_out: bool) -> None:
        super().__init__(reason)
        self.unsent, self.timed_out = unsent, timed_out


@frozen(kw_only=True)
class Sending:
    """How one attempt is made, beyond its request."""

    deadline: Deadline
    agent: str
    cap: int = JSON_CAP
    size: int | None = None  # bytes of the content, for `progress`
    progress: Progress | None = None
    target: Target | None = None

    def check(self) -> None:
        """Raise TimeoutError when the time is over: a transport of the user's own may not look."""
        if self.deadline.left(time.monotonic()) <= 0:
            raise TimeoutError


class _Head:
    """What is known of an answer once its head was read, whatever becomes of its body."""

    def __init__(self, method: str, path: str) -> None:
        self.method, self.path = method, path
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}

    def answer(self, body: bytes) -> Answer:
        return Answer(self.method, self.path, self.status or 0, self.headers, body)

    def broken(self, why: str) -> Answer | None:
        """Give the answer without its body, or None where not even its head came."""
        if self.status is None:
            return None
        return Answer(self.method, self.path, self.status, self.headers, b"", why)


class _Trace:
    """Whether the body had begun to go out when an attempt failed, as httpcore tells it."""

    def __init__(self, *, own: bool) -> None:
        self.began, self.seen = False, own

    def see(self, event: str) -> None:
        self.seen = True
        self.began = self.began or event.endswith("send_request_body.started")

    async def __call__(self, event: str, _info: object) -> None:
        self.see(event)

    @property
    def unsent(self) -> bool:
        """Proven only where there were traces to see; a user's own transport may give none."""
        return self.seen and not self.began


class _Pieces(httpx.AsyncByteStream):
    """The body of an upload, read in a thread, counted for `progress`."""

    def __init__(self, stream: Iterator[bytes], sending: Sending) -> None:
        self._stream, self._sending = stream, sending

    async def __aiter__(self) -> AsyncIterator[bytes]:
        done, size = 0, self._sending.size
        while piece := await call_in_thread(next, self._stream, b""):
            self._sending.check()
            yield piece
            done += len(piece)
            if self._sending.progress:
                self._sending.progress(done if size is None else min(done, size), size)


class AsyncTransport:
    """Sends requests of the bindings to one server: one pool of connections and one jar of cookies."""

    def __init__(self, base: str, options: Options) -> None:
        self.base = base
        self._own = options.transport is None
        self._timeout = httpx.Timeout(TIMEOUT if options.timeout is None else options.timeout)
        made = _client(base, options)
        if isinstance(made, str):
            raise InvalidInput(made)
        bound(made)
        self._client = made

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def attempt(self, request: Request[object], sending: Sending) -> Answer:
        """Send a request once.

        Raises Lost where no answer came, InvalidInput where it cannot be written, TooLarge where the answer is larger
        than `cap`. No exception of httpx's leaves: their tracebacks hold headers with credentials.
        """
        trace, head = _Trace(own=self._own), _Head(request.method, request.path)
        began, token = time.monotonic(), _ours.set(True)
        result: Answer | Exception
        try:
            built = self._built(request, sending, trace)
            async with fail_after(sending.deadline.left(began)):
                result = await self._answer(request, built, sending, head)
        except (InvalidInput, TooLarge) as error:
            result = error
        except ValueError as error:
            result = InvalidInput(str(error))
        except (TimeoutError, httpx.TimeoutException):
            why = f"nothing within {time.monotonic() - began:.1f} s"
            result = head.broken(why) or Lost(why, unsent=trace.unsent, timed_out=True)
        except OSError as error:  # httpx has errors of its own for the network
            result = InvalidInput(f"the file cannot be read or written: {error.strerror or error}")
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            why = _words(error)
            result = head.broken(why) or Lost(why, unsent=trace.unsent, timed_out=False)
        except BaseException as error:  # a cancellation, or an error of a hook: it goes on, without httpx's frames
            raise error.with_traceback(None) from None
        finally:
            _ours.reset(token)
        what = result.status if isinstance(result, Answer) else type(result).__name__
        log.debug("%s %s: %s in %.0f ms", request.method, request.path, what, (time.monotonic() - began) * 1000)
        if isinstance(result, Answer):
            return result
        raise result.with_traceback(None) from None

    def _built(self, request: Request[object], sending: Sending, trace: _Trace) -> httpx.Request:
        arguments = request.arguments()
        arguments["headers"]["User-Agent"] = sending.agent
        left = max(0.0, sending.deadline.left(time.monotonic()))
        waits = {kind: left if wait is None else min(wait, left) for kind, wait in self._timeout.as_dict().items()}
        built = self._client.build_request(**arguments, extensions={"timeout": waits, "trace": trace})
        if "files" in arguments:
            built.stream = _Pieces(iter(cast("httpx.SyncByteStream", built.stream)), sending)
        return built

    async def _answer(self, request: Request[object], built: httpx.Request, sending: Sending, head: _Head) -> Answer:
        response = await self._client.send(built, stream=True)
        try:
            head.status = response.status_code
            head.headers = {name.lower(): value for name, value in response.headers.items()}
            if "," in head.headers.get("content-encoding", ""):
                raise TooLarge(f"{request.method} {request.path}: the answer is packed more than once")
            page = head.answer(b"").is_page
            if sending.target is not None and response.status_code == 200 and not page:
                await self._download(response, sending, sending.target)
                return head.answer(b"")
            return head.answer(await self._read(request, response, sending))
        finally:
            await response.aclose()

    async def _read(self, request: Request[object], response: httpx.Response, sending: Sending) -> bytes:
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            sending.check()
            size += len(piece)
            if size > sending.cap:
                raise TooLarge(f"{request.method} {request.path}: the answer is larger than {sending.cap} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def _download(self, response: httpx.Response, sending: Sending, target: Target) -> None:
        length = response.headers.get("content-length", "")
        size = int(length) if length.isdecimal() and "content-encoding" not in response.headers else None
        await call_in_thread(target.begin, _file_name(response.headers))
        async for piece in response.aiter_bytes(PIECE):
            sending.check()
            if target.written + len(piece) > sending.cap:
                raise TooLarge(f"the file is larger than {sending.cap} bytes")
            await call_in_thread(target.write, piece)
            if sending.progress:
                sending.progress(target.written, size)


def _client(base: str, options: Options) -> httpx.AsyncClient | str:
    """Make httpx's client, or say what is wrong; what httpx itself says may hold a proxy's password."""
    limits = options.limits or httpx.Limits(max_connections=100, max_keepalive_connections=20)
    expiry = IDLE if limits.keepalive_expiry is None else min(IDLE, limits.keepalive_expiry)
    verify = options.verify
    try:
        if isinstance(verify, str):
            verify = ssl.create_default_context(cafile=verify)
        return httpx.AsyncClient(
            base_url=base,
            headers={**HEADERS, **options.headers},
            auth=options.auth,
            verify=verify,
            proxy=options.proxy,
            limits=httpx.Limits(
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_keepalive_connections,
                keepalive_expiry=expiry,
            ),
            transport=options.transport,
            event_hooks={name: list(hooks) for name, hooks in options.event_hooks.items()},
            follow_redirects=False,
        )
    except OSError as error:
        return f"verify: {options.verify} cannot be read as certificates: {error.strerror or type(error).__name__}"
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        kind = type(error).__name__
    return f"proxy, headers, auth, transport or event_hooks: httpx does not take what was passed ({kind})"


def _file_name(headers: httpx.Headers) -> str | None:
    """Read the name of a file, which the server writes raw: neither quoted nor encoded, in UTF-8 (quirk 27)."""
    raw = dict(headers.raw).get(b"content-disposition") or dict(headers.raw).get(b"Content-Disposition") or b""
    _, found, name = raw.decode("utf-8", "replace").partition("filename=")
    return name.strip().strip('"') if found else None


def _words(error: Exception) -> str:
    """Say what httpx says, which holds neither headers nor bodies."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
