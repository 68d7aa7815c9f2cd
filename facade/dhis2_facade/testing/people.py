"""The calls of users, user groups, organisation units and tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from .calls import Call
from .fields import render
from .jackson import TOKEN
from .listing import found, listed, searched
from .refusals import Refused
from .state import Token, User

__all__ = [
    "create_token",
    "feedback_group",
    "group",
    "groups",
    "lookup",
    "lookup_feedback",
    "lookup_one",
    "me",
    "revoke_token",
    "role",
    "roles",
    "set_feedback_group",
    "token",
    "tokens",
    "unit",
    "units",
    "unset_feedback_group",
    "user",
    "users",
]

LOOKED_UP = 25  # users at most
_TOKEN_CLASS = "org.hisp.dhis.security.apikey.ApiToken"  # noqa: S105 - a class


def me(call: Call) -> Response:
    """Who asks."""
    return call.json(render(call.version, "me", call.fields("*"), call.user, call.viewer()))


# -- users -------------------------------------------------------------------------------------------------------------


def _may_see_users(call: Call) -> None:
    if not call.user.superuser and "F_USER_VIEW" not in call.user.role.authorities:
        raise Refused("read_type")


def users(call: Call) -> Response:
    """All users, for those who may see them (22)."""
    _may_see_users(call)
    every = searched(call, "user", list(call.state.users.values()), "displayName", "username", "email")
    return listed(call, "user", every, default_order=["name:iasc"] if call.behaviour.users_by_name else ["surname"])


def user(call: Call) -> Response:
    """One user."""
    _may_see_users(call)
    return found(call, "user", call.state.users)


def _looked_up(one: User) -> dict[str, str]:
    return {
        "id": one.uid,
        "username": one.username,
        "firstName": one.first_name,
        "surname": one.surname,
        "displayName": one.name,
    }


def _lookup(call: Call, among: Iterable[User]) -> Response:
    text = call.needed("query").lower()
    matching = [one for one in among if text in f"{one.name}\n{one.username}\n{one.email or ''}\n{one.uid}".lower()]
    matching.sort(key=lambda one: (one.surname, one.first_name))
    return call.json({"users": [_looked_up(one) for one in matching[:LOOKED_UP]]})


def lookup(call: Call) -> Response:
    """Users by a part of their name, for everybody."""
    return _lookup(call, call.state.users.values())


def lookup_feedback(call: Call) -> Response:
    """The same among those who answer feedback."""
    group = call.state.feedback_group
    if group is None:
        raise Refused("no_feedback_group")
    return _lookup(call, group.users)


def lookup_one(call: Call) -> Response:
    """One user by uid or username."""
    name = call.parameters["uid"]
    one = call.state.users.get(name) or call.state.user_named(name)
    return Response(status_code=200) if one is None else call.json(_looked_up(one))


# -- groups and units --------------------------------------------------------------------------------------------------


def groups(call: Call) -> Response:
    """All user groups."""
    every = searched(call, "userGroup", list(call.state.groups.values()), "name", "code", "id")
    return listed(call, "userGroup", every, default_order=["name:iasc"])


def group(call: Call) -> Response:
    """One user group."""
    return found(call, "userGroup", call.state.groups)


def units(call: Call) -> Response:
    """All organisation units."""
    every = searched(call, "organisationUnit", list(call.state.units.values()), "name", "code", "id")
    return listed(call, "organisationUnit", every, default_order=["name:iasc"])


def unit(call: Call) -> Response:
    """One organisation unit."""
    return found(call, "organisationUnit", call.state.units)


def roles(call: Call) -> Response:
    """All user roles."""
    return listed(call, "userRole", list(call.state.roles.values()), default_order=["name:iasc"])


def role(call: Call) -> Response:
    """One user role."""
    return found(call, "userRole", call.state.roles)


def feedback_group(call: Call) -> Response:
    """The group that answers feedback."""
    group = call.state.feedback_group
    if group is None:
        return Response(status_code=204)
    return call.json(render(call.version, "userGroup", "*,!href,!access", group, call.viewer()))


def set_feedback_group(call: Call) -> Response:
    """Choose the group that answers feedback."""
    if not call.user.superuser:
        raise Refused("read_type")
    uid = call.text().strip().strip('"')
    if uid not in call.state.groups:
        raise Refused("no_object", "UserGroup", uid)
    call.state.feedback_group = call.state.groups[uid]
    return Response(status_code=204)


def unset_feedback_group(call: Call) -> Response:
    """Let nobody answer feedback."""
    if not call.user.superuser:
        raise Refused("read_type")
    call.state.feedback_group = None
    return Response(status_code=204)


# -- tokens ------------------------------------------------------------------------------------------------------------


def create_token(call: Call) -> Response:
    """Make a personal access token; its key is told only now."""
    call.expect("application/json")
    call.object(TOKEN)
    made = call.state.add_token(call.user)
    report = {"key": made.key, **_report(made, call.behaviour.key_response)}
    return call.web_message(201, response=report, location=f"apiToken/{made.uid}")


def _report(one: Token, response_type: str = "ObjectReport") -> dict[str, Any]:
    return {"responseType": response_type, "uid": one.uid, "klass": _TOKEN_CLASS, "errorReports": []}


def _own(call: Call) -> dict[str, Token]:
    kept = (one for one in call.state.tokens.values() if not one.revoked)
    return {one.uid: one for one in kept if call.user.superuser or one.owner is call.user}


def tokens(call: Call) -> Response:
    """One's own tokens, without their keys."""
    return listed(call, "apiToken", list(_own(call).values()), default_order=["id"], path="apiToken")


def token(call: Call) -> Response:
    """One of them."""
    return found(call, "apiToken", _own(call))


def revoke_token(call: Call) -> Response:
    """Make a token useless."""
    uid = call.parameters["uid"]
    own = _own(call)
    if uid not in own:
        raise Refused("no_object", "ApiToken", uid)
    own[uid].revoked = True
    return call.web_message(200, response=_report(own[uid]))
