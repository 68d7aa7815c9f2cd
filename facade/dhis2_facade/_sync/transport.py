# Derived from _async/transport.py by `make sync`. Do not edit.
"""One attempt of a call: the only place that knows httpx, and that says what went out and what came back."""

from __future__ import annotations

import base64
import contextvars
import functools
import logging
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast
from urllib.parse import urlencode

import httpx
from attrs import evolve, frozen

from dhis2_facade import answers, errors, inputs, sources
from dhis2_facade._sync.backend import bound, call_in_thread, fail_after
from dhis2_wire import Request

log = logging.getLogger("dhis2_facade.transport")

Auth: TypeAlias = httpx.Auth | tuple[str, str] | Callable[[httpx.Request], httpx.Request]
BaseTransport: TypeAlias = httpx.BaseTransport
Headers: TypeAlias = Mapping[str, str]
Hooks: TypeAlias = Mapping[str, Sequence[Callable[..., object]]]
Limits: TypeAlias = httpx.Limits
Proxy: TypeAlias = str | httpx.URL | httpx.Proxy
Timeouts: TypeAlias = float | httpx.Timeout
Verify: TypeAlias = bool | str | os.PathLike[str] | ssl.SSLContext

TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds: of each wait for the network
IDLE = 5.0  # seconds: the longest that an unused connection is kept, so that few are found closed by the server
HEADERS = {
    "X-Requested-With": "XMLHttpRequest",  # else the server answers 302 instead of 401 (quirk 7)
    "Accept-Encoding": "gzip, deflate",
}
JSON_CAP = 32 * 1024 * 1024  # bytes of an answer in memory, after decompression
NAME, VALUE = rb"[\w!#$%&'*+.^`|~-]+", rb"|[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?"

_ours: contextvars.ContextVar[bool] = contextvars.ContextVar("dhis2_facade_call", default=False)


def _not_ours(_record: logging.LogRecord) -> bool:
    """Drop what httpx and httpcore log of our calls: URLs with subjects, and cookies. Those of others stay."""
    return not _ours.get()


for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(name).addFilter(_not_ours)


@frozen(kw_only=True)
class Content:
    """What is streamed with a call, and its limits."""

    size: int | None = None  # bytes of an upload
    progress: sources.Progress | None = None
    target: sources.Target | None = None  # of a download
    again: bool = True  # whether an upload can be read a second time
    cap: int = 0  # bytes of a download


class _Trace:
    """How far an attempt came: whether its body began to go out, as httpcore tells it, and what came back."""

    def __init__(self, request: Request[object], deadline: float, *, own: bool) -> None:
        self.answer, self.deadline = answers.Answer(request.method, request.path), deadline
        self.began, self.seen = False, own  # a transport of the user's own may tell nothing

    def __call__(self, event: str, info: Mapping[str, object]) -> None:
        self.seen = True
        if event.endswith("send_request_body.started"):
            tunnel = getattr(info.get("request"), "method", None) == b"CONNECT"  # to a proxy, before anything of ours
            self.began = self.began or not tunnel

    def check(self) -> None:
        """Raise TimeoutError when the time is over: a transport of the user's own may not look."""
        if self.deadline - time.monotonic() <= 0:
            raise TimeoutError

    def broken(self, why: str, *, timed_out: bool = False, oversized: bool = False) -> answers.Answer:
        """Give what is known of the answer; that no byte of the body went out only where that is proven."""
        unsent = self.seen and not self.began and not self.answer.status
        return evolve(self.answer, broken=why, timed_out=timed_out, oversized=oversized, unsent=unsent)


class _Pieces(httpx.SyncByteStream):
    """The body of an upload, read in a thread, counted for `progress`."""

    def __init__(self, stream: httpx.SyncByteStream, content: Content, trace: _Trace) -> None:
        self._stream, self._content, self._trace, self._begun = stream, content, trace, False

    def __iter__(self) -> Iterator[bytes]:
        # An auth that answers a challenge sends its request twice.
        inputs.require(
            self._content.again or not self._begun, "auth= sends it twice, but this file can be read only once"
        )
        done, size, progress, self._begun = 0, self._content.size, self._content.progress, True
        read = functools.partial(next, iter(self._stream), None)
        # A pipe may give nothing, for ever.
        while (piece := call_in_thread(read, abandon=not self._content.again)) is not None:
            self._trace.check()
            yield piece
            done += len(piece)
            if progress:
                progress(done if size is None else min(done, size), size)


class Transport:
    """Sends requests of the bindings to one server: one pool of connections and one jar of cookies."""

    __getstate__ = inputs.refuse_pickle  # httpx's own state goes into no pickle, and no traceback of a failed one

    def __init__(self, client: httpx.Client, timeout: Timeouts | None, *, own: bool) -> None:
        self._client, self._own, self.close = client, own, client.close
        waits = TIMEOUT if timeout is None else timeout
        waits = waits if isinstance(waits, httpx.Timeout) else httpx.Timeout(inputs.seconds_of("timeout", waits))
        self._waits = waits.as_dict()

    def attempt(self, request: Request[object], deadline: float, agent: str, content: Content) -> answers.Answer:
        """Send a request once and give what is known afterwards, also where no answer came.

        Raises InvalidInput where it cannot be written, or a file not be read or written. No exception of httpx's
        leaves: their tracebacks hold headers with credentials.
        """
        trace, began = _Trace(request, deadline, own=self._own), time.monotonic()
        answer, problem, built = trace.answer, "", None
        try:
            built = self._built(request, trace, agent, content)
        except (ValueError, httpx.InvalidURL) as error:
            problem = str(error)
        if built is None:
            raise errors.InvalidInput(problem)
        token = _ours.set(True)
        try:
            with fail_after(deadline - began):
                answer = self._answer(built, trace, content)
        except errors.TooLarge as error:
            answer = trace.broken(str(error), oversized=True)
        except (TimeoutError, httpx.TimeoutException):
            answer = trace.broken(f"nothing within {time.monotonic() - began:.1f} s", timed_out=True)
        except httpx.LocalProtocolError as error:  # its words hold the header that it is about
            answer = trace.broken(type(error).__name__)
            if answer.unsent:
                problem = "a header that auth or event_hooks add is none: it holds a line end, or a blank at its ends"
        except httpx.HTTPStatusError as error:  # of a hook or of auth; its words hold the URL, and so what was sent
            mine = error.request is built  # else of a request of auth's own
            answer = _begun(trace.answer, error.response) if mine else trace.broken("HTTPStatusError")
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:  # OSError: of a transport of the user's own
            # Behind `bytearray` stands what was received, which may have been sent by us.
            words = f"{type(error).__name__}: {_words(error)}".partition(": bytearray")[0]
            answer = trace.broken(words.removesuffix(": "))
        except errors.InvalidInput as error:  # of a file
            problem = str(error)
        except BaseException as error:  # a cancellation, or an error of a hook: it goes on, without httpx's frames
            raise error.with_traceback(None) from None
        finally:
            _ours.reset(token)
            log.debug(
                "%s %s: %s in %.0f ms",
                request.method,
                request.path,
                trace.answer.status or "-",
                (time.monotonic() - began) * 1000,
            )
        if problem:
            raise errors.InvalidInput(problem)
        return answer

    def _built(self, request: Request[object], trace: _Trace, agent: str, content: Content) -> httpx.Request:
        inputs.require(request.path.startswith("/"), f"{request.path}: a path begins with /, and is the server's own")
        arguments = request.arguments()
        arguments["headers"]["User-Agent"] = agent
        if request.query:  # httpx would escape the commas of a long list of fields, and read all three times
            arguments["url"] += ("&" if "?" in arguments["url"] else "?") + urlencode(
                arguments.pop("params"), safe=",:"
            )
        left = max(0.0, trace.deadline - time.monotonic())
        waits = {kind: left if wait is None else min(wait, left) for kind, wait in self._waits.items()}
        built = self._client.build_request(**arguments, extensions={"timeout": waits, "trace": trace})
        if "files" in arguments or hasattr(request.body, "read"):
            built.stream = _Pieces(cast("httpx.SyncByteStream", built.stream), content, trace)
        return built

    def _answer(self, built: httpx.Request, trace: _Trace, content: Content) -> answers.Answer:
        response = self._client.send(built, stream=True)
        try:
            trace.answer = _begun(trace.answer, response)
            if "," in trace.answer.headers.get("content-encoding", ""):
                raise errors.TooLarge("the answer is packed more than once")
            body = self._body(response, trace, content)
            _whole(response)
            return evolve(trace.answer, body=body)
        finally:
            response.close()

    def _body(self, response: httpx.Response, trace: _Trace, content: Content) -> bytes:
        """Give the body, or write it to where a download goes."""
        headers, target, cap, what = response.headers, content.target, content.cap, "file"
        if target is None or response.status_code != 200 or trace.answer.is_page:
            target, cap, what = None, JSON_CAP, "answer"
        else:
            call_in_thread(target.begin, _file_name(headers))
        length = headers.get("content-length", "")
        size = int(length) if length.isdecimal() and "content-encoding" not in headers else None
        pieces, done = [], 0
        for piece in response.iter_bytes(sources.PIECE if target else None):
            trace.check()
            done += len(piece)
            if done > cap:
                raise errors.TooLarge(f"the {what} is larger than {cap} bytes")
            if target is None:
                pieces.append(piece)
            else:
                call_in_thread(target.write, piece)
                if content.progress:
                    content.progress(done, size)
        return b"".join(pieces)


def http_client(
    url: str,
    *,
    allow_http: bool,
    token: str | None,
    username: str | None,
    password: str | None,
    auth: Auth | None,
    verify: Verify,
    proxy: Proxy | None,
    limits: Limits | None,
    headers: Headers | None,
    transport: BaseTransport | None,
    event_hooks: Hooks | None,
) -> tuple[str, httpx.Client | None]:
    """Give the server's address and httpx's client for it, or what is wrong and no client.

    It never raises: a traceback with locals would show credentials, and what httpx says may hold a proxy's password.
    """
    problem = _problem(token, username, password, auth)
    if problem:
        return problem, None
    login = {"Authorization": f"ApiToken {token.strip()}"} if token else {}
    if username is not None:
        login = {"Authorization": f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"}
    limits = limits or httpx.Limits(max_connections=100, max_keepalive_connections=20)
    try:
        base = inputs.base_url(url, allow_http=allow_http)
        sent = httpx.Headers(HEADERS)
        sent.update(headers)
        sent.update(login)
        bad = [
            name.decode() for name, value in sent.raw if not (re.fullmatch(NAME, name) and re.fullmatch(VALUE, value))
        ]
        inputs.require("content-type" not in sent, "headers: each call has a Content-Type of its own")
        inputs.require(
            not bad, f"headers: {bad[:1]} has a line end, a blank at an end, or another sign that is not sent"
        )
        client = httpx.Client(
            base_url=base,
            headers=sent,
            auth=auth,
            verify=ssl.create_default_context(cafile=verify) if isinstance(verify, str | os.PathLike) else verify,
            proxy=proxy,
            limits=httpx.Limits(
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_keepalive_connections,
                keepalive_expiry=IDLE if limits.keepalive_expiry is None else min(IDLE, limits.keepalive_expiry),
            ),
            transport=transport,
            event_hooks={name: list(hooks) for name, hooks in (event_hooks or {}).items()},
            follow_redirects=False,
        )
    except errors.InvalidInput as error:
        return str(error), None
    except OSError as error:
        return f"verify: {verify} cannot be read as certificates: {error.strerror or type(error).__name__}", None
    except ImportError as error:  # it names the package that a kind of proxy needs
        return f"proxy: {error}", None
    except Exception as error:  # whatever it is: its words may hold what is secret
        parts = "url, proxy, headers, auth, transport or event_hooks"
        return f"{parts}: httpx does not take what was passed ({type(error).__name__})", None
    bound(client)
    return base, client


def _problem(token: object, username: object, password: object, auth: object) -> str | None:
    """Say what is wrong with the credentials, without showing them."""
    pair, texts = (
        (username is not None) + (password is not None),
        isinstance(username, str) and isinstance(password, str),
    )
    sendable = isinstance(token, str) and re.fullmatch("[!-~]+", token.strip())
    problems = {
        "pass one of token=, username= with password=, and auth=": (
            (token is not None) + bool(pair) + (auth is not None) > 1
        ),
        "token: expected a personal access token, such as d2pat_ and letters and digits, without blanks": (
            token is not None and not sendable
        ),
        "username= and password= come together, both text": pair > 0 and not texts,
        "username: it is empty or holds a colon, which cannot be sent": pair > 0
        and (not username or ":" in str(username)),
        # The environment gives bytes that are no UTF-8 so; the error of encoding them would hold the password.
        "username or password: it has half a surrogate pair, which cannot be written in UTF-8": (
            re.search("[\ud800-\udfff]", f"{username}{password}") is not None
        ),
    }
    return next((problem for problem, so in problems.items() if so), None)


def _begun(answer: answers.Answer, response: httpx.Response) -> answers.Answer:
    return evolve(
        answer,
        status=response.status_code,
        headers=dict(response.headers),  # names in lower case
        body=getattr(response, "_content", b""),  # where a hook has read it, a private place of httpx's
    )


def _words(error: BaseException) -> str:
    """Give what an error says, or what it came from: on trio it is only there that a certificate is named."""
    inner = error.__cause__ or error.__context__
    return str(error) or (_words(inner) if inner else "")


def _whole(response: httpx.Response) -> None:
    """Raise DecodingError where a packed answer is cut off: httpx takes what it got for all of it."""
    unpacked = getattr(getattr(response, "_decoder", None), "decompressor", None)  # of zlib, a private place of httpx's
    if response.num_bytes_downloaded and (not getattr(unpacked, "eof", True) or getattr(unpacked, "unused_data", None)):
        raise httpx.DecodingError("what was packed is cut off", request=response.request)


def _file_name(headers: httpx.Headers) -> str | None:
    """Read the name of a file, which the server writes raw: neither quoted nor encoded, in UTF-8 (quirk 27)."""
    raw = next((value for name, value in headers.raw if name.lower() == b"content-disposition"), b"")
    _, found, name = raw.decode("utf-8", "replace").partition("filename=")
    return name.strip().strip('"') if found else None
