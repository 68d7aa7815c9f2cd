"""Who one is, and whom one can write to."""

from __future__ import annotations

from typing import TypeVar

from attrs import AttrsInstance

from dhis2_facade import inputs, retry
from dhis2_facade._async.session import AsyncSession
from dhis2_facade.models import Found, OrganisationUnit, User, UserGroup, read_list
from dhis2_wire import Request

M = TypeVar("M", bound=AttrsInstance)

FIELDS = "id,displayName"
MOST = 50  # groups and units that a search gives


class AsyncPeople:
    """Users, user groups and organisation units, as every user may see them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def me(self, *, timeout: float | None = None) -> User:
        """Give the user as whom the client logs in, with the authorities: `GET /api/me`, asked once and kept."""
        return await self._session.me(self._session.deadline(timeout))

    async def search(self, text: str, *, timeout: float | None = None) -> Found:
        """Find users, user groups and organisation units by a part of their names; `everyone` has them all.

        Users are found through `GET /api/userLookup`, which every user may ask (quirk 22), groups and units through
        `GET /api/userGroups` and `/api/organisationUnits`, the first 50 of each: three requests.
        """
        text, deadline, calls = inputs.text_of("text", text), self._session.deadline(timeout), self._session.bindings
        return Found(
            users=await self._list(User, "users", calls.user_lookup.look_up_users(query=text), deadline),
            user_groups=await self._list(
                UserGroup,
                "userGroups",
                calls.user_group.list_(query=text, fields=FIELDS, page=1, page_size=MOST),
                deadline,
            ),
            organisation_units=await self._list(
                OrganisationUnit,
                "organisationUnits",
                calls.organisation_unit.list_(query=text, fields=FIELDS, page=1, page_size=MOST),
                deadline,
            ),
        )

    async def feedback_recipients(self, text: str, *, timeout: float | None = None) -> tuple[User, ...]:
        """Find users who get feedback, by a part of their names: `GET /api/userLookup/feedbackRecipients`.

        Tickets can be assigned to them.
        """
        request = self._session.bindings.user_lookup.look_up_feedback_recipients(query=inputs.text_of("text", text))
        return await self._list(User, "users", request, self._session.deadline(timeout))

    async def _list(self, kind: type[M], key: str, request: Request[object], deadline: retry.Deadline) -> tuple[M, ...]:
        return read_list(kind, await self._session.fetch(request, deadline), key, self._session.zone)
