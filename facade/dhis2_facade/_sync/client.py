# Derived from _async/client.py by `make sync`. Do not edit.
"""The client of one server: its settings, and what it offers."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, ClassVar, Self, TypedDict, TypeVar, Unpack

from attrs import evolve, has

from dhis2_facade import answers, bindings, errors, inputs, keys, models, retry
from dhis2_facade._sync import files, messaging, people, session
from dhis2_facade._sync.transport import (
    Auth,
    BaseTransport,
    Content,
    Headers,
    Hooks,
    Limits,
    Proxy,
    Timeouts,
    Transport,
    Verify,
    http_client,
)
from dhis2_wire import UNSET, DecodeError, Request
from dhis2_wire.encoding import wire_names

if TYPE_CHECKING:
    from dhis2_facade.profiles import Profile

T = TypeVar("T")

DEADLINE = 120.0  # seconds: of a call, with every repeat and wait
SETTLE = 10.0  # seconds: the longest that a server takes to store what it received


ClientOptions = TypedDict(  # noqa: UP013 - the arguments of a client once more, for those who make one otherwise
    "ClientOptions",
    {
        "timeout": Timeouts | None,
        "verify": Verify,
        "proxy": Proxy | None,
        "headers": Headers | None,
        "transport": BaseTransport | None,
        "event_hooks": Hooks | None,
        "limits": Limits | None,
        "user_agent": str | None,
        "allow_http": bool,
        "check_version": bool,
        "timezone": tzinfo | None,
        "deadline": float,
        "settle": float,
    },
    total=False,
)


class _Told:
    """Options on their way through frames that may be printed, where its repr shows none."""

    def __init__(self, options: ClientOptions) -> None:
        self.options = options


class Dhis2:
    """A client of one DHIS2 server; import it from the pin of the server's version, such as `dhis2_facade.v42`.

    `url` is the server's address, with its path if it has one; `/api` at its end does no harm. `http://` to another
    machine than this one needs `allow_http=True`. Credentials are `token=` (a personal access token), or `username=`
    and `password=`, or `auth=`, what httpx takes as such. `timeout` (seconds, or httpx.Timeout) is that of each wait
    for the network: 30, to connect 10. `deadline` is that of a whole call (120 seconds; 6 hours for uploads and
    downloads); `timeout=` of a call takes its place. `settle` is the longest that the server takes to store what it
    received (10 seconds): for so long a message is looked for whose answer was lost. `user_agent` stands before the
    client's own. `verify`, `proxy`, `headers`, `transport`, `event_hooks` and `limits` are httpx's.

    Nothing is asked when a client is made. Its first call asks `GET /api/system/info` and raises VersionMismatch where
    the server is of another version. `check_version=False` leaves that out: then the server's `timezone` must be given,
    and no `key=` can be kept. All times that the client gives are aware, in the server's zone or in `timezone`.

    What is sent again when an answer is lost: reads; marks, status, priority, assignee, recipients and leaving, which
    done twice are done once; uploads, if the file can be read again. Sends, replies and feedback are never sent twice,
    but looked for: see `messaging.send`. `call` repeats reads alone. There are four attempts at most;
    before each but the first a random part of 0.25, 0.5 and 1 seconds passes, and what a Retry-After asks for.

    One client is one pool of connections and one session with the server. A sync client may be shared by threads; an
    async client belongs to one event loop (asyncio or trio).
    """

    __getstate__ = inputs.refuse_pickle
    _bindings: ClassVar[bindings.Bindings]
    url = ""  # until it is made: a traceback with locals prints what is half made

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        auth: Auth | None = None,
        timeout: Timeouts | None = None,
        verify: Verify = True,
        proxy: Proxy | None = None,
        headers: Headers | None = None,
        transport: BaseTransport | None = None,
        event_hooks: Hooks | None = None,
        limits: Limits | None = None,
        user_agent: str | None = None,
        allow_http: bool = False,
        check_version: bool = True,
        timezone: tzinfo | None = None,
        deadline: float = DEADLINE,
        settle: float = SETTLE,
    ) -> None:
        base, client = http_client(
            url,
            allow_http=allow_http,
            token=token,
            username=username,
            password=password,
            auth=auth,
            verify=verify,
            proxy=proxy,
            limits=limits,
            headers=headers,
            transport=transport,
            event_hooks=event_hooks,
        )
        # From here on no local of this frame shows a secret, whoever prints a traceback with locals.
        del url, token, username, password, auth, verify, proxy, headers, event_hooks
        if client is None:
            raise errors.InvalidInput(base)
        inputs.require(
            timezone is None or isinstance(timezone, tzinfo),
            "timezone: expected such as zoneinfo.ZoneInfo('Africa/Accra')",
        )
        inputs.require(
            timezone or check_version, "timezone: needed with check_version=False, since only the first call tells it"
        )
        self._session = session.Session(
            Transport(client, timeout, own=transport is None),
            self._bindings,
            base=base,
            agent=keys.agent_of(user_agent),
            deadline=inputs.seconds_of("deadline", deadline),
            settle=inputs.seconds_of("settle", settle, zero=True),
            check_version=check_version,
            timezone=timezone,
        )
        self.url = base
        self.files = files.Files(self._session)
        self.people = people.People(self._session)
        self.messaging = messaging.Messaging(self._session, self.files)

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Self:
        """Make a client of DHIS2_URL with DHIS2_TOKEN (or DHIS2_PAT), or with DHIS2_USERNAME and DHIS2_PASSWORD.

        Without DHIS2_URL it is made of the profile that DHIS2_PROFILE names. The options are those of the class. Raises
        InvalidInput where the environment names neither.
        """
        told = _Told(options)
        del options
        from dhis2_facade.profiles import from_environment  # with the parser of TOML, when it is needed

        return cls._of(from_environment(), told)

    @classmethod
    def from_profile(
        cls, name: str, *, file: str | os.PathLike[str] | None = None, **options: Unpack[ClientOptions]
    ) -> Self:
        """Make a client of a profile in `dhis2-facade/profiles.toml` of the user's configuration folder, or in `file`.

        A profile is a TOML table with `url`, and `token` or `username` and `password`. The options are those of the
        class. Raises InvalidInput where there is none of this name, or where other users of this machine may read the
        file.
        """
        told = _Told(options)
        del options
        from dhis2_facade.profiles import load

        return cls._of(load(name, file=file), told)

    @classmethod
    def _of(cls, profile: Profile, told: _Told) -> Self:
        told.options.setdefault("allow_http", profile.allow_http)
        return cls(
            profile.url,
            token=profile.token,
            username=profile.username,
            password=profile.password,
            **told.options,
        )

    # -- every other call of the server ---------------------------------------------------------------------------

    def call(self, request: Request[T], *, timeout: float | None = None) -> T:
        """Make any call of the bindings, and give its answer as the type that its function names.

        Only reads are repeated. Raises the error of the answer's status, NotFound also where the server says that with
        200, UnreadableAnswer where the answer is not what the server's document says. Times in these answers are the
        server's, without a zone.
        """
        meaning = retry.Meaning.READ if request.method in ("GET", "HEAD", "OPTIONS") else retry.Meaning.ONCE
        return _parsed(
            request,
            self._session.run(
                request,
                meaning,
                self._session.deadline(timeout),
                # What is read from a file cannot be read a second time, as far as is known here.
                Content(again=request.content_type != "multipart/form-data" and not hasattr(request.body, "read")),
            ),
        )

    def pages(self, request: Request[T], *, timeout: float | None = None) -> Generator[T]:
        """Give all pages of a list of the bindings, from the page that the request names, or the first: a call a page.

        Raises as `call`; `timeout` (seconds) is that of each page.
        """
        query = [(name, value) for name, value in request.query if name != "page"]
        for number in itertools.count(int(dict(request.query).get("page", "1"))):
            page = self.call(evolve(request, query=[*query, ("page", str(number))]), timeout=timeout)
            pager = getattr(page, "pager", UNSET)
            if getattr(pager, "page", number) not in (number, UNSET):
                return  # a page behind the last (quirk 9b)
            yield page
            count = getattr(pager, "page_count", UNSET)
            if not (count > number if isinstance(count, int) else getattr(pager, "next_page", None)):
                return

    def raw(self, request: Request[object], *, timeout: float | None = None) -> answers.Answer:
        """Make any call once, and give its status, headers and body as they came, whatever they are.

        No status is an error here. Raises ConnectionFailed where no answer came, or not all of it.
        """
        deadline = self._session.deadline(timeout)
        self._session.start(deadline)
        answer = self._session.attempt(request, deadline)
        error = answers.error_of(answer, self.url)
        if error is not None and answer.broken is not None:
            raise error
        return answer

    def system_info(self, *, timeout: float | None = None) -> models.SystemInfo:
        """Give the server's version, date and time zone, asked anew each time: `GET /api/system/info`."""
        return self._session.info(self._session.deadline(timeout))

    # -- its life -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} 2.{self._bindings.version} {self.url}>"


def _parsed(request: Request[T], answer: answers.Answer) -> T:
    if request.result not in ("bytes", "str", "None"):
        answers.require_json(answer)
    elif answer.is_page and "html" not in request.accept and request.result != "None":
        raise answers.no_dhis2(answer, request.accept)
    if answer.broken:
        raise answers.unreadable(answer, f"its body broke off ({answer.broken})")
    try:
        value = request.parse(answer.body)
    except DecodeError as error:
        raise answers.unreadable(answer, str(error)) from None
    cls: type = type(value)
    unknown: Mapping[str, object] = getattr(value, "unknown_", None) or {}
    if unknown.keys() == {"message"} and has(cls) and all(getattr(value, name) is UNSET for name in wire_names(cls)):
        raise answers.not_found(answer, unknown["message"])
    return value
