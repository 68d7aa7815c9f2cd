"""One call as its handler sees it: who asks, what for, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen
from starlette.datastructures import FormData, Headers, QueryParams
from starlette.responses import Response

from .answers import UNCACHED, json_answer, message, refused, web_message
from .behaviour import Behaviour
from .jackson import Shape, read_object, read_words
from .queries import PAGE_SIZE, Test, filters, integer, matching, ordered, page_of
from .refusals import Container, Refused, Rejected
from .schema import Viewer
from .state import State, User

__all__ = ["Call", "split"]

DEFAULT_LIST_FIELDS = "displayName,id"
TRUE = frozenset({"true", "1", "yes", "on"})
JUNCTIONS = ("AND", "OR")
FALSE = frozenset({"false", "0", "no", "off"})


def split(values: Sequence[str]) -> list[str]:
    """A list parameter: a comma separates where it is given once."""
    if len(values) == 1:
        return [one for one in values[0].split(",") if one]
    return list(values)


@frozen(kw_only=True)
class Call:
    """A request of somebody who is logged in, and what it is answered from."""

    behaviour: Behaviour
    state: State
    user: User
    method: str
    path: str
    """As it was asked, for addresses in answers."""
    root: str
    """The address of the server, up to `/api` or `/api/42`."""
    query: QueryParams
    headers: Headers
    body: bytes
    form: FormData | None
    parameters: Mapping[str, str] = field(factory=dict)

    # -- what is asked -------------------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The address of the server without any path."""
        return self.root.rpartition("/api")[0]

    @property
    def version(self) -> str:
        """The version that answers."""
        return self.behaviour.version

    @property
    def accept(self) -> str:
        """The media types that are accepted."""
        return self.headers.get("accept", "")

    @property
    def media_type(self) -> str:
        """Of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def agent(self) -> str:
        """The User-Agent as it is kept with a message."""
        return "User-agent: " + self.headers.get("user-agent", "null")

    def given(self, name: str) -> str | None:
        """A parameter, the first one where it is repeated."""
        values = self.query.getlist(name)
        return values[0] if values else None

    def says(self, name: str, *, default: str) -> str:
        """A word in a parameter, whatever its case."""
        return (self.given(name) or default).lower()

    def flag(self, name: str, *, default: str = "false") -> bool:
        """A parameter that is true or false."""
        text = self.given(name) or default
        if text.lower() not in FALSE | TRUE:
            raise Refused("bad_type", text, name, "boolean")
        return text.lower() in TRUE

    def needed(self, name: str, type_: str = "String") -> str:
        """A parameter that must be given."""
        given = self.given(name)
        if given is not None:
            return given
        if self.behaviour.tomcat:
            raise Container(400, f"Required parameter '{name}' is not present.")
        raise Container(400, f"Required request parameter '{name}' for method parameter type {type_} is not present")

    def choice(self, name: str, type_: str, values: Sequence[str], *, given: str | None = None) -> str:
        """A parameter that must be one of these words, in any case."""
        text = self.needed(name, type_) if given is None else given
        if not text:
            raise Refused("empty_enum", name, ", ".join(values))
        if text.upper() not in values:
            raise Refused("bad_enum", text, name, ", ".join(values))
        return text.upper()

    @property
    def charset(self) -> str:
        """Of the body."""
        found = self.headers.get("content-type", "").lower().partition("charset=")[2]
        return found.partition(";")[0].strip(' "') or "utf-8"

    def text(self) -> str:
        """The body as text; a form of parts was read before, and nothing is left of it."""
        if self.media_type.startswith("multipart/"):
            return ""
        try:
            return self.body.decode(self.charset, "replace")
        except (LookupError, UnicodeError):
            return self.body.decode("utf-8", "replace")

    def expect(self, *media_types: str) -> None:
        """Take only a body of these media types."""
        if self.media_type in media_types:
            return
        given = self.headers.get("content-type", "")
        if not given:
            raise Rejected(415, self.behaviour.media_type_missing)
        first, *rest = (one.strip() for one in given.split(";"))
        if self.behaviour.charset_upper:
            rest = [f"{name}={value.upper()}" for name, _, value in (one.partition("=") for one in rest)]
        raise Rejected(415, self.behaviour.media_type_refused.format(";".join([first, *rest])))

    def object(self, shape: Shape, *, in_body: bool = False) -> dict[str, Any]:
        """The body as an object of a class of the server."""
        return read_object(self.behaviour, self.text(), shape, in_body=in_body)

    def words(self) -> list[str]:
        """The body as a list of words."""
        self.expect("application/json")
        return read_words(self.behaviour, self.text())

    # -- what is answered ----------------------------------------------------------------------------------------------

    def viewer(self, *, listing: bool = False) -> Viewer:
        """Who sees the objects of the answer."""
        return Viewer(self.state, self.user, self.root, listing)

    def fields(self, default: str) -> list[str]:
        """The fields that are asked for, as many times as they are."""
        asked = self.query.getlist("fields")
        return asked if any(asked) or (asked and self.behaviour.fields_of_nothing) else [default]

    def json(self, body: Any, status: int = 200) -> Response:
        """An object or a list."""
        return json_answer(self.behaviour, body, status)

    def uncached(self, body: Any) -> Response:
        """An object or a list that is not to be kept."""
        return json_answer(self.behaviour, body, headers=UNCACHED)

    def message(self, text: str, status: int = 200) -> Response:
        """Only `{"message": …}`."""
        return message(self.behaviour, text, status)

    def web_message(
        self, status: int, text: str | None = None, *, response: Any = None, location: str | None = None
    ) -> Response:
        """A WebMessage."""
        headers = {} if location is None else {"Location": f"{self.root}/{location}"}
        return web_message(self.behaviour, status, text, response=response, headers=headers, accept=self.accept)

    def refused(self, error: Refused) -> Response:
        """A refusal."""
        return refused(self.behaviour, error, accept=self.accept)

    # -- lists ---------------------------------------------------------------------------------------------------------

    def selected(
        self, kind: str, objects: Sequence[Any], *, default_order: Sequence[str], also: Sequence[Test] = ()
    ) -> list[Any]:
        """The objects that filters leave, in the order that is asked for; what else is tested is one more filter."""
        viewer = Viewer(self.state, self.user, self.root, listing=True, filtering=True)
        tests = [*filters(self.version, kind, self.query.getlist("filter"), cut=self.behaviour.filter_cut), *also]
        orders = self.query.getlist("order") + (self.query.getlist("orders") if self.behaviour.orders_alias else [])
        if tests:
            test = matching(tests, self.junction)
            objects = [one for one in objects if test(one, viewer)]
        return ordered(self.version, kind, objects, orders, viewer, default=default_order)

    @property
    def junction(self) -> str:
        """How filters are joined."""
        asked = self.says("rootJunction", default="and").upper()
        if asked not in JUNCTIONS and self.behaviour.page_checked:
            raise Refused("bad_enum", self.given("rootJunction"), "rootJunction", ", ".join(JUNCTIONS))
        return asked

    @property
    def paged(self) -> bool:
        """Whether pages are asked for; a word that says neither is left aside as "no", or refused."""
        if self.behaviour.page_checked:
            return self.flag("paging", default="true") and not self.flag("skipPaging")
        return self.says("paging", default="true") == "true" and self.says("skipPaging", default="false") != "true"

    def page(self, objects: Sequence[Any]) -> tuple[dict[str, Any], Sequence[Any]]:
        """The pager and the objects of the page that is asked for."""
        page, page_size = self.number("page", 1), self.number("pageSize", PAGE_SIZE)
        if page_size < 0:
            raise Rejected(400, self.behaviour.negative_page_size.format(page_size))
        pager, found = page_of(objects, page, page_size, empty_past_last=self.behaviour.past_last_page)
        return pager.written(self.host + self.path, self.query.multi_items()), found

    def number(self, name: str, default: int) -> int:
        """A parameter that is a number; what is none is left aside or refused."""
        text = self.given(name) or ""
        found = integer(text)
        if found is None and text and self.behaviour.page_checked:
            raise Refused("bad_type", text, name, "int")
        return default if found is None else found
