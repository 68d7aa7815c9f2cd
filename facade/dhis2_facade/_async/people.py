"""Who one is, and whom one can write to."""

from __future__ import annotations

from dhis2_facade._async.session import AsyncSession
from dhis2_facade.answers import object_of
from dhis2_facade.bindings import SearchApi
from dhis2_facade.inputs import text_of
from dhis2_facade.models import Found, OrganisationUnit, User, UserGroup, read_list
from dhis2_facade.retry import Deadline, Meaning
from dhis2_wire import Request

__all__ = ["AsyncPeople"]

FIELDS = "id,displayName"
MOST = 50  # groups and units that a search gives


class AsyncPeople:
    """Users, user groups and organisation units."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def me(self, *, timeout: float | None = None) -> User:
        """Say who one is, with one's authorities: `GET /api/me`, asked once and kept."""
        return await self._session.me(self._session.deadline(timeout))

    async def search(self, text: str, *, timeout: float | None = None) -> Found:
        """Find users, user groups and organisation units by a part of their names.

        Users are found through `GET /api/userLookup`, which every user may ask (quirk 22), groups and units through
        `GET /api/userGroups` and `/api/organisationUnits`, the first 50 of each: three requests.
        """
        text, deadline = text_of("text", text), self._session.deadline(timeout)
        calls = self._session.bindings
        users = await self._list(calls.user_lookup.look_up_users(query=text), "users", deadline)
        groups = await self._list(self._query(calls.user_group, text), "userGroups", deadline)
        units = await self._list(self._query(calls.organisation_unit, text), "organisationUnits", deadline)
        zone = self._session.zone
        return Found(
            users=read_list(User, users, zone, "users"),
            user_groups=read_list(UserGroup, groups, zone, "userGroups"),
            organisation_units=read_list(OrganisationUnit, units, zone, "organisationUnits"),
        )

    async def feedback_recipients(self, text: str, *, timeout: float | None = None) -> tuple[User, ...]:
        """Find users who get feedback and can be assigned to it: `GET /api/userLookup/feedbackRecipients`."""
        session = self._session
        request = session.bindings.user_lookup.look_up_feedback_recipients(query=text_of("text", text))
        return read_list(User, await self._list(request, "users", session.deadline(timeout)), session.zone, "users")

    def _query(self, calls: SearchApi, text: str) -> Request[object]:
        return calls.list_(query=text, fields=FIELDS, page=1, page_size=MOST)

    async def _list(self, request: Request[object], key: str, deadline: Deadline) -> object:
        done = await self._session.run(request, Meaning.READ, deadline)
        return object_of(done.answer).get(key)
