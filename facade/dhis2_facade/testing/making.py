"""The calls by which a superuser makes and removes people, roles, groups and units.

No recording shows them: they are here so that what prepares a real server prepares this one too. They take what is
needed for that, and leave aside the rest of what a server checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from starlette.responses import Response

from .calls import Call
from .jackson import Shape, word
from .refusals import Refused, Rejected
from .state import OrganisationUnit, State, User, UserGroup, UserRole

__all__ = ["changes", "create", "remove"]


JSON = ("application/json",)
XML = ("application/xml", "text/xml")
TEXTS = frozenset({"name", "shortName", "username", "password", "firstName", "surname", "email"})
SETS = {
    "users": "org.hisp.dhis.user.User",
    "userRoles": "org.hisp.dhis.user.UserRole",
    "organisationUnits": "org.hisp.dhis.organisationunit.OrganisationUnit",
}


def _chosen(kept: Mapping[str, Any], given: object, kind: str) -> list[Any]:
    """The objects that `[{"id": …}]` names."""
    uids = [word(one.get("id")) or "null" for one in given] if isinstance(given, list) else []
    for uid in uids:
        if uid not in kept:
            raise Refused("no_object", kind, uid)
    return [kept[uid] for uid in uids]


def _role(state: State, given: Mapping[str, Any]) -> UserRole:
    given_authorities = given.get("authorities")
    return state.add_role(given["name"], map(str, given_authorities if isinstance(given_authorities, list) else ()))


def _user(state: State, given: Mapping[str, Any]) -> User:
    if state.user_named(given["username"]) is not None:
        raise Refused("known_user", given["username"])
    return state.add_user(
        given["username"],
        given["password"],
        first_name=given["firstName"],
        surname=given["surname"],
        role=_chosen(state.roles, given["userRoles"], "UserRole")[0],
        email=given.get("email"),
        units=_chosen(state.units, given.get("organisationUnits"), "OrganisationUnit"),
    )


def _group(state: State, given: Mapping[str, Any]) -> UserGroup:
    return state.add_group(given["name"], _chosen(state.users, given.get("users"), "User"))


def _unit(state: State, given: Mapping[str, Any]) -> OrganisationUnit:
    return state.add_unit(given["name"])


@frozen
class Made:
    """A kind of object: its class on the server, what must be given, where it is kept, how it is made."""

    class_: str
    needed: tuple[str, ...]
    kept: Callable[[State], dict[str, Any]]
    make: Callable[[State, Mapping[str, Any]], Any]


KINDS = {
    "userRoles": Made("user.UserRole", ("name",), lambda state: state.roles, _role),
    "users": Made(
        "user.User",
        ("username", "password", "firstName", "surname", "userRoles"),
        lambda state: state.users,
        _user,
    ),
    "userGroups": Made("user.UserGroup", ("name",), lambda state: state.groups, _group),
    "organisationUnits": Made("organisationunit.OrganisationUnit", ("name",), lambda state: state.units, _unit),
}


def create(path: str) -> Callable[[Call], Response]:
    """Make one of the kind that has this path."""
    kind = KINDS[path]
    shape = Shape(f"org.hisp.dhis.{kind.class_}", TEXTS, SETS)

    def handle(call: Call) -> Response:
        call.expect("application/json")
        given = call.object(shape)
        if not call.user.superuser:
            raise Refused("create_type")
        for name in kind.needed:
            if not given.get(name):
                raise Refused("missing", name)
        made = kind.make(call.state, given)
        return call.web_message(201, response=_report(shape, made.uid), location=f"{path}/{made.uid}")

    return handle


def remove(path: str) -> Callable[[Call], Response]:
    """Remove one of the kind that has this path; what a removed user wrote stays."""
    kind = KINDS[path]
    shape = Shape(f"org.hisp.dhis.{kind.class_}", TEXTS, SETS)

    def handle(call: Call) -> Response:
        kept, uid = kind.kept(call.state), call.parameters["uid"]
        if not call.user.superuser:
            raise Refused("delete_type")
        if uid not in kept:
            raise Refused("no_object", kind.class_.rpartition(".")[2], uid)
        call.state.forget(kept.pop(uid))
        return call.web_message(200, response=_report(shape, uid))

    return handle


def _change(class_: str, kept: Callable[[State], Mapping[str, Any]], *media_types: str) -> Callable[[Call], Response]:
    """Change an object: what is refused is; nothing is changed here."""

    def handle(call: Call) -> Response:
        call.expect(*media_types, *(XML if media_types == JSON and call.behaviour.xml_accepted else ()))
        uid = call.parameters["uid"]
        if uid not in kept(call.state):
            raise Refused("no_object", class_, uid)
        if class_ != "MessageConversation" and not call.user.superuser:
            raise Refused("update_type")
        raise Rejected(405, call.behaviour.method_refused.format(call.method))

    return handle


def changes(class_: str, kept: Callable[[State], Mapping[str, Any]]) -> dict[str, Callable[[Call], Response]]:
    """The two methods that change an object."""
    return {"PUT": _change(class_, kept, *JSON), "PATCH": _change(class_, kept, "application/json-patch+json")}


def _report(shape: Shape, uid: str) -> dict[str, Any]:
    return {"responseType": "ObjectReport", "uid": uid, "klass": shape.name, "errorReports": []}
