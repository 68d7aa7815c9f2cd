"""The application: which handler answers which call, for whom, and how errors become answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, evolve, frozen
from starlette.datastructures import FormData, Headers, QueryParams
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from . import conversations, files, making, marks, people, system, tickets
from .answers import LOGIN_PAGE, THROWN, container, message, refused, web_message
from .behaviour import Behaviour
from .calls import Call
from .queries import QueryError
from .refusals import Bare, Container, Refused, Rejected
from .security import authenticate, log_in, session_cookie
from .state import State, User, new_session

__all__ = ["App", "address"]

OLDEST_API = 28  # the lowest number after /api/
ENCODED_SLASH = re.compile(rb"%2f", re.IGNORECASE)
JSON_TYPES = ("application/json", "application/json+gzip", "application/json+zip", "application/*+json")
ANY_JSON = frozenset({"", "*/*", "application/*", "application/json"})
_API = re.compile(r"/api(?:/(?P<number>[0-9]{1,9}))?(?P<path>/.*)?")
_SUFFIX = re.compile(r"\.(json|xml|csv)$")

Handler = Callable[[Call], Response]


@frozen
class Route:
    """A path, and what answers each method."""

    path: str
    methods: Mapping[str, Handler]
    json: bool = True
    """GET gives JSON, and only to who accepts it (33)."""

    def answered(self, behaviour: Behaviour) -> Mapping[str, Handler]:
        """What answers each method in a version."""
        if self.path == "/fileResources" and not behaviour.file_list:
            return {method: handler for method, handler in self.methods.items() if method != "GET"}
        return self.methods

    @property
    def listing(self) -> bool:
        """Whether GET gives a list, which comes as CSV too where the objects are metadata."""
        return self.path in {MAIL, "/fileResources"}


MAIL = "/messageConversations"
ROUTES = (
    Route("/ping", {"GET": system.ping}, json=False),
    Route("/system/info", {"GET": system.info}),
    Route("/systemSettings", {"GET": system.settings}),
    Route("/me", {"GET": people.me}),
    Route("/users", {"GET": people.users, "POST": making.create("users")}),
    Route(
        "/users/{uid}",
        {"GET": people.user, "DELETE": making.remove("users"), **making.changes("User", lambda state: state.users)},
    ),
    Route("/userLookup", {"GET": people.lookup}),
    Route("/userLookup/feedbackRecipients", {"GET": people.lookup_feedback}),
    Route("/userLookup/{uid}", {"GET": people.lookup_one}),
    Route("/userGroups", {"GET": people.groups, "POST": making.create("userGroups")}),
    Route(
        "/userGroups/{uid}",
        {
            "GET": people.group,
            "DELETE": making.remove("userGroups"),
            **making.changes("UserGroup", lambda state: state.groups),
        },
    ),
    Route("/organisationUnits", {"GET": people.units, "POST": making.create("organisationUnits")}),
    Route(
        "/organisationUnits/{uid}",
        {
            "GET": people.unit,
            "DELETE": making.remove("organisationUnits"),
            **making.changes("OrganisationUnit", lambda state: state.units),
        },
    ),
    Route("/userRoles", {"GET": people.roles, "POST": making.create("userRoles")}),
    Route(
        "/userRoles/{uid}",
        {
            "GET": people.role,
            "DELETE": making.remove("userRoles"),
            **making.changes("UserRole", lambda state: state.roles),
        },
    ),
    Route(
        "/configuration/feedbackRecipients",
        {
            "GET": people.feedback_group,
            "POST": people.set_feedback_group,
            "DELETE": people.unset_feedback_group,
        },
    ),
    Route("/apiToken", {"GET": people.tokens, "POST": people.create_token}),
    Route(
        "/apiToken/{uid}",
        {
            "GET": people.token,
            "DELETE": people.revoke_token,
            **making.changes("ApiToken", lambda state: {one.uid: one for one in state.tokens.values()}),
        },
    ),
    Route("/fileResources", {"GET": files.listed, "POST": files.upload}),
    Route("/fileResources/{uid}", {"GET": files.one}),
    Route("/fileResources/{uid}/data", {"GET": files.data}, json=False),
    Route(MAIL, {"GET": conversations.listed, "POST": conversations.create, "DELETE": marks.leave}),
    Route(f"{MAIL}/gist", {"GET": conversations.gist}),
    Route(f"{MAIL}/feedback", {"POST": conversations.feedback}),
    Route(f"{MAIL}/read", {"POST": marks.mark(read=True)}),
    Route(f"{MAIL}/unread", {"POST": marks.mark(read=False)}),
    Route(f"{MAIL}/followup", {"POST": marks.follow_up(marked=True)}),
    Route(f"{MAIL}/unfollowup", {"POST": marks.follow_up(marked=False)}),
    Route(
        f"{MAIL}/{{uid}}",
        {
            "GET": conversations.one,
            "POST": conversations.reply,
            "DELETE": marks.delete,
            **making.changes("MessageConversation", lambda state: state.conversations),
        },
    ),
    Route(f"{MAIL}/{{uid}}/read", {"POST": marks.mark_one(read=True)}),
    Route(f"{MAIL}/{{uid}}/unread", {"POST": marks.mark_one(read=False)}),
    Route(f"{MAIL}/{{uid}}/recipients", {"POST": conversations.add_recipients}),
    Route(f"{MAIL}/{{uid}}/priority", {"POST": tickets.set_priority}),
    Route(f"{MAIL}/{{uid}}/status", {"POST": tickets.set_status}),
    Route(f"{MAIL}/{{uid}}/assign", {"POST": tickets.assign, "DELETE": tickets.unassign}),
    Route(
        f"{MAIL}/{{uid}}/{{property}}",
        {
            "GET": conversations.one_property,
            "POST": conversations.other_property,
            "PUT": conversations.other_property,
            "DELETE": marks.leave_one,
        },
    ),
    Route(f"{MAIL}/{{uid}}/{{message}}/attachments/{{file}}", {"GET": conversations.download}, json=False),
    Route("/constants", {"GET": system.constants, "POST": system.create_constant}),
    Route("/constants/{uid}", {"GET": system.constant, **making.changes("Constant", lambda state: state.constants)}),
    Route("/{kind}", {"GET": system.empty}),
)
COMPILED = [(compile_path(route.path)[0], route) for route in ROUTES]


@define
class App:
    """One server's application."""

    behaviour: Behaviour
    state: State
    context: str = ""
    """The path of the server, such as /dhis."""
    commit_delay: float = 0.0  # seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        body = await request.body()
        form: FormData | None = None
        try:
            if request.headers.get("content-type", "").startswith("multipart/form-data"):
                form = await request.form()
            self.state.commit_delay = scope["state"].get("commit_delay", self.commit_delay)
            stored = self.state.stored
            try:
                answer = self._answer(scope, request, body, form)
            finally:
                self.state.commit_delay = 0.0  # what a test stores itself is seen at once
            scope["state"]["stored"] = self.state.stored - stored
        except MultiPartException as error:
            answer = self._failed(Container(400, error.message), scope, request.headers)
        except (Refused, Rejected, Bare, Container, QueryError) as error:
            answer = self._failed(error, scope, request.headers)
        session = scope["state"].get("session")
        if session is not None:
            answer.raw_headers.append((b"set-cookie", session_cookie(self.behaviour, session).encode()))
        await answer(scope, receive, send)
        if form is not None:
            await form.close()

    def _answer(self, scope: Scope, request: Request, body: bytes, form: FormData | None) -> Response:
        path, raw = scope["path"], scope["raw_path"]
        if ENCODED_SLASH.search(raw):
            raise self._firewall()
        if not (path + "/").startswith(self.context + "/"):
            raise Container(404, f"No static resource {path}.")
        path = path.removeprefix(self.context) or "/"
        behaviour = self.behaviour
        host = address(scope, request.headers) + self.context
        if path.rstrip("/") == behaviour.login.rstrip("/") or path == behaviour.login_html:
            return Response(LOGIN_PAGE, headers={"Content-Type": "text/html;charset=utf-8"})
        matched = _API.fullmatch(path)
        inner, suffix = _inner(matched["path"] or "/" if matched else "")
        user = self._user(scope, request, body, inner, host=host, path=path)
        if isinstance(user, Response):
            return user
        if matched is None or not self._has(matched["number"]):
            raise Container(404, "Not Found" if not behaviour.tomcat else f"No static resource {path[1:]}.")
        prefix = "/api" + ("" if matched["number"] is None else f"/{matched['number']}")
        call = Call(
            behaviour=behaviour,
            state=self.state,
            user=user,
            method="GET" if request.method == "HEAD" else request.method,
            path=path,
            root=host + prefix,
            query=QueryParams(scope["query_string"]),
            headers=request.headers,
            body=body,
            form=form,
        )
        return self._handled(call, inner, suffix)

    def _has(self, number: str | None) -> bool:
        return number is None or OLDEST_API <= int(number) <= int(self.behaviour.version)

    def _user(
        self, scope: Scope, request: Request, body: bytes, inner: str, *, host: str, path: str
    ) -> User | Response:
        """Who asks, or the answer to nobody; a new session is remembered for the answer."""
        behaviour, state = self.behaviour, self.state
        if inner == "/auth/login" and behaviour.login_redirect is not None and request.method == "POST":
            return log_in(behaviour, state, body)
        found = authenticate(behaviour, state, request.headers, request.cookies, host=host, path=path)
        if found.user is None:
            if inner == "/ping" and behaviour.ping_is_open:
                return Response(status_code=200)
            assert found.answer is not None
            if behaviour.session_on_refusal and path != "/":
                scope["state"]["session"] = new_session()
            return found.answer
        scope["state"]["user"] = found.user.username
        if not found.known:
            scope["state"]["session"] = state.open_session(found.user)
        return found.user

    def _handled(self, call: Call, inner: str, suffix: str) -> Response:
        routes = [(match, route) for pattern, route in COMPILED if (match := pattern.fullmatch(inner))]
        known = [(match, route) for match, route in routes if _knows(match.groupdict())]
        if not known:
            text = f"No static resource {call.path[1:]}." if self.behaviour.tomcat else "Not Found"
            raise Container(404, text)
        if call.method == "OPTIONS":
            return Response(headers={"Allow": ",".join(_allowed(route.answered(self.behaviour) for _, route in known))})
        for match, route in known:
            handler = route.answered(self.behaviour).get(call.method)
            if handler is not None:
                if route.json and call.method == "GET":
                    self._negotiate(call, suffix, listing=route.listing)
                return handler(evolve(call, parameters=match.groupdict()))
        raise Rejected(405, self.behaviour.method_refused.format(call.method))

    def _negotiate(self, call: Call, suffix: str, *, listing: bool) -> None:
        accepted = {one.partition(";")[0].strip() for one in call.accept.split(",")}
        if listing and (suffix == "csv" or accepted == {"text/csv"}):
            tomcat = "Request processing failed: Not a metadata object type" if self.behaviour.tomcat else ""
            raise Container(500, tomcat)
        if suffix in {"xml", "csv"} or not any(one in ANY_JSON or one.endswith("+json") for one in accepted):
            raise Container(406, f"Acceptable representations: [{', '.join(JSON_TYPES)}].")

    def _firewall(self) -> Container:
        if self.behaviour.tomcat:
            return Container(400, "Invalid URI: [The encoded slash character is not allowed]")
        said = (
            "org.springframework.security.web.firewall.RequestRejectedException: The request was rejected because the"
            ' URL contained a potentially malicious String "%2F"'
        )
        return Container(500, said, said)

    def _failed(self, error: Exception, scope: Scope, headers: Headers) -> Response:
        accept = headers.get("accept", "")
        behaviour = self.behaviour
        if isinstance(error, Refused):
            return refused(behaviour, error, accept=accept)
        if isinstance(error, Bare):
            return message(behaviour, error.text, error.status)
        if isinstance(error, Container):
            return container(behaviour, error, path=scope["raw_path"].decode("latin-1"), method=scope["method"])
        if isinstance(error, QueryError):
            return web_message(
                behaviour,
                behaviour.query_refused,
                str(error),
                code=behaviour.query_code,
                headers=THROWN,
                accept=accept,
            )
        assert isinstance(error, Rejected)
        return web_message(behaviour, error.status, error.text, headers=THROWN, accept=accept)


def _inner(path: str) -> tuple[str, str]:
    """The path of a call without its suffix and trailing slash."""
    path = path.rstrip("/") or "/"
    suffix = _SUFFIX.search(path)
    return (path[: suffix.start()], suffix[1]) if suffix else (path, "")


def address(scope: Scope, headers: Headers) -> str:
    """The address of the server; a proxy may say which scheme and port it was asked on (29)."""
    scheme = headers.get("x-forwarded-proto", scope["scheme"])
    host = headers.get("host", "localhost")
    port = headers.get("x-forwarded-port")
    if port is not None:
        host = host.rpartition(":")[0] or host
        host += "" if port in {"80", "443"} else f":{port}"
    return f"{scheme}://{host}"


def _knows(parameters: Mapping[str, Any]) -> bool:
    return "kind" not in parameters or parameters["kind"] in system.EMPTY


def _allowed(answered: Iterable[Mapping[str, Handler]]) -> list[str]:
    methods = list(dict.fromkeys(method for methods in answered for method in methods))
    return [*(["GET", "HEAD"] if "GET" in methods else []), *(one for one in methods if one != "GET"), "OPTIONS"]
