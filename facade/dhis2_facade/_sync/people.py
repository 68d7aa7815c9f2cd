# Derived from _async/people.py by `make sync`. Do not edit.
"""Who one is, and whom one can write to."""

from __future__ import annotations

from dhis2_facade import inputs
from dhis2_facade._sync.session import Session
from dhis2_facade.models import Found, OrganisationUnit, User, UserGroup

FIELDS = "id,displayName"
MOST = 50  # groups and units that a search gives


class People:
    """Users, user groups and organisation units, as every user may see them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def me(self, *, timeout: float | None = None) -> User:
        """Give the user as whom the client logs in, with the authorities: `GET /api/me`, asked once and kept."""
        return self._session.me(self._session.deadline(timeout))

    def search(self, text: str, *, timeout: float | None = None) -> Found:
        """Find users, user groups and organisation units by a part of their names; `everyone` has them all.

        Users are found through `GET /api/userLookup`, which every user may ask (quirk 22), groups and units through
        `GET /api/userGroups` and `/api/organisationUnits`, the first 50 of each: three requests.
        """
        text, deadline = inputs.text_of("text", text), self._session.deadline(timeout)
        rows, calls = self._session.rows, self._session.bindings
        return Found(
            users=rows(User, "users", calls.user_lookup.look_up_users(query=text), deadline),
            user_groups=rows(
                UserGroup,
                "userGroups",
                calls.user_group.list_(query=text, fields=FIELDS, page=1, page_size=MOST),
                deadline,
            ),
            organisation_units=rows(
                OrganisationUnit,
                "organisationUnits",
                calls.organisation_unit.list_(query=text, fields=FIELDS, page=1, page_size=MOST),
                deadline,
            ),
        )

    def feedback_recipients(self, text: str, *, timeout: float | None = None) -> tuple[User, ...]:
        """Find users who get feedback, by a part of their names: `GET /api/userLookup/feedbackRecipients`.

        Tickets can be assigned to them.
        """
        return self._session.rows(
            User,
            "users",
            self._session.bindings.user_lookup.look_up_feedback_recipients(query=inputs.text_of("text", text)),
            self._session.deadline(timeout),
        )
