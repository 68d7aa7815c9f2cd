"""Lists and single objects of any kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from .calls import DEFAULT_LIST_FIELDS, Call
from .fields import render, writer
from .queries import filters, matching
from .refusals import Refused, Rejected
from .schema import Viewer, class_name, plural

__all__ = ["check_uid", "found", "listed", "searched"]

UID = re.compile(r"[A-Za-z0-9]{11}")


def listed(
    call: Call, kind: str, objects: Sequence[Any], *, default_order: Sequence[str], path: str | None = None
) -> Response:
    """A list."""
    selected = call.selected(kind, objects, default_order=default_order)
    body: dict[str, Any] = {}
    page: Sequence[Any] = selected
    if call.paged:
        body["pager"], page = call.page(selected)
    write = writer(call.version, kind, call.fields(DEFAULT_LIST_FIELDS))
    viewer = call.viewer(listing=True)
    body[path or plural(kind)] = [write(one, viewer) for one in page]
    return call.uncached(body)


def searched(call: Call, kind: str, objects: Sequence[Any], *names: str) -> list[Any]:
    """Those in whose properties the text of `query=` is."""
    text = call.given("query")
    if text is None:
        return list(objects)
    test = matching(filters(call.version, kind, [f"{name}:ilike:{text}" for name in names], cut=False), "OR")
    viewer = Viewer(call.state, call.user, call.root, listing=True, filtering=True)
    return [one for one in objects if test(one, viewer)]


def check_uid(call: Call) -> None:
    """Where the version looks, what is no uid has no GET (8b)."""
    if call.behaviour.uid_checked and not UID.fullmatch(call.parameters["uid"]):
        raise Rejected(405, call.behaviour.method_refused.format(call.method))


def found(call: Call, kind: str, objects: Mapping[str, Any]) -> Response:
    """One object."""
    uid = call.parameters["uid"]
    check_uid(call)
    if uid not in objects:
        raise Refused("no_object", class_name(kind), uid)
    return call.uncached(render(call.version, kind, call.fields("*"), objects[uid], call.viewer()))
