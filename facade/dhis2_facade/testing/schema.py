"""Which properties each kind of object has in a version, and how they are read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from .behaviour import BEHAVIOURS
from .state import Conversation, FileResource, OrganisationUnit, State, Token, User, UserGroup

__all__ = [
    "KEPT_AS_REFERENCE",
    "PERSON",
    "Getter",
    "Kind",
    "Property",
    "Viewer",
    "class_name",
    "kinds",
    "plural",
    "uploaded",
]

PERSON = "userReference"
"""A user as other objects name one: always the same five properties (30)."""
KEPT_AS_REFERENCE = frozenset({"user", "userGroup", "userRole", "organisationUnit", "fileResource", "message"})
"""Kinds of which only the uid is given, unless more is asked for."""
USER_SETTINGS = {
    "keyMessageSmsNotification": True,
    "keyStyle": "light_blue/light_blue.css",
    "keyUiLocale": "en",
    "keyAnalysisDisplayProperty": "name",
    "keyMessageEmailNotification": True,
}


@frozen
class Viewer:
    """Who looks, at which server, and whether in a list or by a filter, which sees everything."""

    state: State
    user: User
    root: str
    listing: bool = False
    filtering: bool = False


Getter = Callable[[Any, Viewer], Any]


@frozen
class Property:
    """How a property is read, of which kind of object what it holds is, and whether it is a plain value or a list."""

    get: Getter
    of: str | None = None
    simple: bool = True
    many: bool = False


Kind = Mapping[str, Property]


def plural(kind: str) -> str:
    """The kind, as paths and lists call it."""
    return f"{kind}s"


def class_name(kind: str) -> str:
    """What the server calls a kind of object."""
    return kind[0].upper() + kind[1:]


def _held(get: Getter, of: str, *, many: bool = False) -> Property:
    return Property(get, of, simple=False, many=many)


def _fixed(value: object) -> Property:
    many = isinstance(value, list)
    return Property(lambda _one, _viewer: value, simple=not isinstance(value, (list, dict)), many=many)


def _nothing(_one: object, _viewer: Viewer) -> None:
    return None


def _access(version: str, allowed: Callable[[Any, Viewer], bool]) -> Property:
    externalize = BEHAVIOURS[version].externalize

    def get(one: Any, viewer: Viewer) -> dict[str, bool]:
        yes = allowed(one, viewer)
        found = {"manage": yes, "write": yes, "read": yes, "update": yes, "delete": yes}
        return {**found, "externalize": viewer.user.superuser} if externalize else found

    return Property(get, simple=False)


def _sharing(version: str, owner: Callable[[Any], User | None], public: str | None) -> Property:
    externalize = BEHAVIOURS[version].externalize

    def get(one: Any, _viewer: Viewer) -> dict[str, object]:
        found: dict[str, object] = {"users": {}, "userGroups": {}}
        if externalize:
            found["external"] = False
        owning = owner(one)
        if owning is not None:
            found["owner"] = owning.uid
        if public is not None:
            found["public"] = public
        return found

    return Property(get, simple=False)


def _nobody(_one: object) -> User | None:
    return None


def _identifiable(
    version: str,
    kind: str,
    *,
    name: Getter,
    creator: Getter = _nothing,
    editor: Getter = _nothing,
    owner: Callable[[Any], User | None] = _nobody,
    public: str | None = None,
    allowed: Callable[[Any, Viewer], bool] = lambda _one, _viewer: True,
    own: Mapping[str, Property],
) -> Kind:
    """What every object has, with its own properties in between."""
    path = plural(kind)
    old = {
        "externalAccess": _fixed(False),
        "publicAccess": _fixed(public),
        "userGroupAccesses": _fixed([]),
        "userAccesses": _fixed([]),
    }
    return {
        "href": Property(lambda one, viewer: f"{viewer.root}/{path}/{one.uid}"),
        "name": Property(name),
        "code": Property(lambda one, _viewer: getattr(one, "code", None)),
        "created": Property(lambda one, _viewer: one.created),
        "lastUpdated": Property(lambda one, _viewer: one.last_updated),
        "translations": _fixed([]),
        **(old if BEHAVIOURS[version].old_sharing else {}),
        "createdBy": _held(creator, PERSON),
        "favorites": _fixed([]),
        "lastUpdatedBy": _held(editor, PERSON),
        "sharing": _sharing(version, owner, public),
        **own,
        "displayName": Property(name),
        "access": _access(version, allowed),
        "favorite": _fixed(False),
        "user": _held(creator, PERSON),
        "id": Property(lambda one, _viewer: one.uid),
        "attributeValues": _fixed([]),
    }


def _messages(conversation: Conversation, viewer: Viewer) -> list[Any]:
    if viewer.listing or viewer.state.answers_feedback(viewer.user):
        return conversation.messages
    return [message for message in conversation.messages if not message.internal]


def _participants(conversation: Conversation, viewer: Viewer) -> list[Any]:
    if viewer.filtering or not viewer.listing:
        return list(conversation.participants.values())
    own = conversation.of(viewer.user)
    return [] if own is None else [own]


def _read(conversation: Conversation, viewer: Viewer) -> bool:
    own = conversation.participants.get(viewer.user.uid)
    return own is not None and own.read


def _follow_up(conversation: Conversation, viewer: Viewer) -> bool:
    own = conversation.participants.get(viewer.user.uid)
    return own is not None and own.follow_up


def _when_listing(get: Callable[[Conversation], object]) -> Property:
    return Property(lambda one, viewer: get(one) if viewer.listing else None)


def _creator(one: Any, _viewer: Viewer) -> Any:
    return one.creator


def _owner(one: Any, _viewer: Viewer) -> Any:
    return one.owner


def _admin(_one: object, viewer: Viewer) -> User | None:
    """People, groups and units are made by the first superuser."""
    return next((user for user in viewer.state.users.values() if user.superuser), None)


def _conversation(version: str) -> Kind:
    own = {
        "subject": Property(lambda one, _viewer: one.subject),
        "lastSender": _held(lambda one, _viewer: one.last_sender, "user"),
        "lastMessage": Property(lambda one, _viewer: one.last_message),
        "userMessages": _held(_participants, "userMessage", many=True),
        "messages": _held(_messages, "message", many=True),
        "messageCount": Property(lambda one, _viewer: one.message_count),
        "messageType": Property(lambda one, _viewer: one.message_type),
        "priority": Property(lambda one, _viewer: one.priority),
        "status": Property(lambda one, _viewer: one.status),
        "assignee": _held(lambda one, _viewer: one.assignee, "user"),
        "read": Property(_read),
        "followUp": Property(_follow_up),
        "userFirstname": _when_listing(lambda one: one.creator.first_name),
        "userSurname": _when_listing(lambda one: one.creator.surname),
        "lastSenderFirstname": _when_listing(lambda one: one.last_sender.first_name),
        "lastSenderSurname": _when_listing(lambda one: one.last_sender.surname),
    }
    return _identifiable(
        version, "messageConversation", name=lambda one, _viewer: one.subject, creator=_creator, own=own
    )


def _message(version: str) -> Kind:
    own = {
        "text": Property(lambda one, _viewer: one.text),
        "metaData": Property(lambda one, _viewer: one.metadata),
        "sender": _held(lambda one, _viewer: one.sender, "user"),
        "internal": Property(lambda one, _viewer: one.internal),
        "attachments": _held(lambda one, _viewer: one.attachments, "fileResource", many=True),
    }
    return _identifiable(version, "message", name=lambda one, _viewer: one.text, own=own)


def _file(version: str) -> Kind:
    own = {
        "contentType": Property(lambda one, _viewer: one.content_type),
        "contentLength": Property(lambda one, _viewer: len(one.content)),
        "contentMd5": Property(lambda one, _viewer: one.md5),
        **({"assigned": Property(lambda one, _viewer: one.assigned)} if BEHAVIOURS[version].file_assigned else {}),
        "domain": Property(lambda one, _viewer: one.domain),
        "hasMultipleStorageFiles": _fixed(False),
        "storageStatus": _fixed("NONE"),  # whatever is true, when fields are chosen (10)
    }
    return _identifiable(
        version, "fileResource", name=lambda one, _viewer: one.name, creator=_owner, editor=_owner, own=own
    )


def _credentials(version: str, owner: Callable[[Any], User | None]) -> Property:
    sharing = _sharing(version, owner, None).get

    def get(one: User, viewer: Viewer) -> dict[str, object]:
        return {
            "id": one.uid,
            "username": one.username,
            "externalAuth": False,
            "twoFA": False,
            "passwordLastUpdated": one.created,
            "cogsDimensionConstraints": [],
            "catDimensionConstraints": [],
            "previousPasswords": [],
            **({} if one.last_login is None else {"lastLogin": one.last_login}),
            "selfRegistered": False,
            "invitation": False,
            "disabled": False,
            "access": _access(version, lambda _one, seen_by: seen_by.user.superuser).get(one, viewer),
            "sharing": sharing(one, viewer),
            "userRoles": [{"id": one.role.uid}],
        }

    return Property(get, simple=False)


def _user(version: str) -> Kind:
    behaviour = BEHAVIOURS[version]
    own = {
        "username": Property(lambda one, _viewer: one.username),
        "externalAuth": _fixed(False),
        "passwordLastUpdated": Property(lambda one, _viewer: one.created),
        "cogsDimensionConstraints": _fixed([]),
        "catDimensionConstraints": _fixed([]),
        "lastLogin": Property(lambda one, _viewer: one.last_login),
        "selfRegistered": _fixed(False),
        "invitation": _fixed(False),
        "disabled": _fixed(False),
        "surname": Property(lambda one, _viewer: one.surname),
        "firstName": Property(lambda one, _viewer: one.first_name),
        "email": Property(lambda one, _viewer: one.email),
        "organisationUnits": _held(lambda one, _viewer: one.units, "organisationUnit", many=True),
        "dataViewOrganisationUnits": _fixed([]),
        "teiSearchOrganisationUnits": _fixed([]),
        **({"userCredentials": _credentials(version, _nobody)} if behaviour.user_credentials else {}),
        **({"twoFactorEnabled": _fixed(False)} if behaviour.two_factor else {}),
        **({"emailVerified": _fixed(False)} if behaviour.email_verified else {}),
        "userRoles": _held(lambda one, _viewer: [one.role], "userRole", many=True),
        "userGroups": _held(lambda one, viewer: viewer.state.groups_of(one), "userGroup", many=True),
    }
    return _identifiable(
        version,
        "user",
        name=lambda one, _viewer: one.name,
        creator=_admin,
        editor=_admin,
        allowed=lambda _one, viewer: viewer.user.superuser,
        own=own,
    )


def _me(version: str) -> Kind:
    """Oneself; other than a user in what stands there and in who owns it."""
    user = _user(version)
    own = {
        "access": _access(version, lambda _one, viewer: viewer.user.superuser),
        "settings": _fixed(USER_SETTINGS),
        "programs": _fixed([]),
        "authorities": Property(lambda one, _viewer: sorted(one.role.authorities), simple=False, many=True),
        "dataSets": _fixed([]),
    }
    if BEHAVIOURS[version].user_credentials:
        own["userCredentials"] = _credentials(version, lambda one: one)
    own |= (
        {"sharing": _sharing(version, lambda one: one, None)}
        if BEHAVIOURS[version].old_sharing
        else {"patTokens": _fixed([])}
    )
    names = (
        "id username surname firstName created lastUpdated dataViewOrganisationUnits favorites userGroupAccesses"
        " userAccesses userGroups translations teiSearchOrganisationUnits organisationUnits externalAccess displayName"
        " name email userRoles"
    )
    return {name: user[name] for name in names.split() if name in user} | own


def _group(version: str) -> Kind:
    own = {
        "users": _held(lambda one, _viewer: one.users, PERSON, many=True),
        "managedGroups": _fixed([]),
        "managedByGroups": _fixed([]),
    }
    found = _identifiable(
        version,
        "userGroup",
        name=lambda one, _viewer: one.name,
        creator=_admin,
        editor=_admin,
        public="rw------",
        own=own,
    )
    return {**found, "sharing": Property(functools.partial(_group_sharing, version), simple=False)}


def _group_sharing(version: str, one: UserGroup, viewer: Viewer) -> Any:
    return _sharing(version, lambda _one: _admin(one, viewer), "rw------").get(one, viewer)


def _unit(version: str) -> Kind:
    def opened(one: OrganisationUnit, _viewer: Viewer) -> str:
        return one.created[:10] + "T00:00:00.000"

    own = {
        "shortName": Property(lambda one, _viewer: one.name),
        "dimensionItemType": _fixed("ORGANISATION_UNIT"),
        "legendSets": _fixed([]),
        "children": _fixed([]),
        "path": Property(lambda one, _viewer: f"/{one.uid}"),
        "openingDate": Property(opened),
        "dataSets": _fixed([]),
        "programs": _fixed([]),
        "leaf": _fixed(True),
        "dimensionItem": Property(lambda one, _viewer: one.uid),
        "displayShortName": Property(lambda one, _viewer: one.name),
        "displayFormName": Property(lambda one, _viewer: one.name),
        "organisationUnitGroups": _fixed([]),
        "users": _held(lambda one, viewer: viewer.state.users_of(one), PERSON, many=True),
        "level": _fixed(1),
        "ancestors": _fixed([]),
    }
    return _identifiable(
        version,
        "organisationUnit",
        name=lambda one, _viewer: one.name,
        creator=_admin,
        editor=_admin,
        allowed=lambda _one, viewer: viewer.user.superuser,
        own=own,
    )


def _token(version: str) -> Kind:
    def owned_by(one: Token) -> User:
        return one.owner

    return _identifiable(version, "apiToken", name=_nothing, creator=_owner, editor=_owner, owner=owned_by, own={})


def _role(version: str) -> Kind:
    own = {"authorities": Property(lambda one, _viewer: sorted(one.authorities), simple=False, many=True)}
    return _identifiable(
        version, "userRole", name=lambda one, _viewer: one.name, creator=_admin, editor=_admin, own=own
    )


def _constant(version: str) -> Kind:
    own = {
        "shortName": Property(lambda one, _viewer: one.short_name),
        "value": Property(lambda one, _viewer: one.value),
    }
    return _identifiable(
        version, "constant", name=lambda one, _viewer: one.name, creator=_admin, editor=_admin, own=own
    )


_PERSON: Kind = {
    "id": Property(lambda one, _viewer: one.uid),
    "code": Property(lambda one, _viewer: one.code),
    "name": Property(lambda one, _viewer: one.name),
    "displayName": Property(lambda one, _viewer: one.name),
    "username": Property(lambda one, _viewer: one.username),
}
_USER_MESSAGE: Kind = {
    "key": Property(lambda one, _viewer: one.key),
    "user": _held(lambda one, _viewer: one.user, PERSON),
    "read": Property(lambda one, _viewer: one.read),
    "followUp": Property(lambda one, _viewer: one.follow_up),
}


@functools.cache
def kinds(version: str) -> Mapping[str, Kind]:
    """All kinds of objects of this version."""
    return {
        "messageConversation": _conversation(version),
        "message": _message(version),
        "userMessage": _USER_MESSAGE,
        "fileResource": _file(version),
        "user": _user(version),
        "me": _me(version),
        "userGroup": _group(version),
        "organisationUnit": _unit(version),
        "userRole": _role(version),
        "apiToken": _token(version),
        "constant": _constant(version),
        PERSON: _PERSON,
    }


def uploaded(one: FileResource, version: str, *, fresh: bool) -> dict[str, Any]:
    """The few properties of a file that are other than in a list: its storage, and right after the upload its owner."""
    changed: dict[str, Any] = {"storageStatus": "PENDING" if fresh else "STORED"}
    if fresh:
        externalize = {"external": False} if BEHAVIOURS[version].externalize else {}
        changed["sharing"] = {
            "owner": one.owner.uid,
            **externalize,
            "users": {},
            "userGroups": {},
            "public": "--------",
        }
        if BEHAVIOURS[version].old_sharing:
            changed["publicAccess"] = "--------"
    return changed
