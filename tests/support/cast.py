"""The people of the recorded day, made on a server by its superuser and removed again."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
from attrs import Factory, define, field

ACTORS = ("admin", "clerk", "nurse", "outsider")
MADE = ACTORS[1:]
PATIENCE = 60.0  # seconds for one call
FEEDBACK = "/api/configuration/feedbackRecipients"
MAIL = "/api/messageConversations"
AT_ONCE = 50  # conversations that are left with one call


class CannotPrepare(Exception):
    """The server does not let itself be prepared; the message says at what."""


@define
class Cast:
    """Who plays: `ids` as in ids.yaml, and how each logs in. A search for the word finds them and nobody else."""

    url: str
    word: str
    ids: dict[str, str] = field(factory=dict)
    logins: dict[str, tuple[str, str]] = field(factory=dict)
    left: list[str] = field(factory=list)
    """What could not be removed afterwards."""


@contextmanager
def cast(url: str, username: str, password: str, word: str) -> Iterator[Cast]:
    """Make a unit, a role, three users, a group of two of them and one for feedback; in the end remove them."""
    with httpx.Client(
        base_url=url,
        auth=(username, password),
        headers={"X-Requested-With": "XMLHttpRequest", "Accept": "application/json"},
        timeout=PATIENCE,
    ) as client:
        made = Cast(url, word, logins={"admin": (username, password)})
        with ExitStack() as stack:
            _Stage(client, made, stack).prepare()
            yield made


@define
class _Stage:
    """One preparation, as the superuser."""

    client: httpx.Client
    cast: Cast
    stack: ExitStack
    uids: dict[str, str] = Factory(dict)

    def prepare(self) -> None:
        ids, word = self.cast.ids, self.cast.word
        ids["admin"] = self._asked("GET", "/api/me", params={"fields": "id"}).json()["id"]
        ids["unit"] = self._make(
            "organisationUnits",
            f"name:eq:{word} district",
            {"name": f"{word} district", "shortName": f"{word} district", "openingDate": "2020-01-01"},
        )
        role = self._make(
            "userRoles",
            f"name:eq:{word} clerk",
            {"name": f"{word} clerk", "authorities": ["M_dhis-web-messaging"]},
        )
        for actor in MADE:
            ids[actor] = self._user(actor, role)
        ids["group"] = self._group("staff", "clerk", "nurse")
        ids["feedback"] = self._group("feedback", "admin", "clerk")
        self._take_feedback()
        for actor in MADE:
            self._empty_mailbox(actor)

    def _user(self, actor: str, role: str) -> str:
        username = f"{actor}.{self.cast.word.lower()}"
        # The same however often it is made, so that a user whom an earlier run could not remove can play again.
        secret = hmac.digest("\n".join(self.cast.logins["admin"]).encode(), username.encode(), hashlib.sha256)
        password = f"Aa1!{secret.hex()[:28]}"
        self.cast.logins[actor] = (username, password)
        names = {"username": username, "password": password, "userRoles": [{"id": role}]}
        person = {
            **names,
            "firstName": actor.title(),
            "surname": self.cast.word,
            "email": f"{actor}@example.org",
            "organisationUnits": [] if actor == "outsider" else [{"id": self.cast.ids["unit"]}],
            "userCredentials": names,  # where 2.40 wants them
        }
        return self._make("users", f"username:eq:{username}", person)

    def _group(self, name: str, *actors: str) -> str:
        name = f"{self.cast.word} {name}"
        users = [{"id": self.cast.ids[actor]} for actor in actors]
        return self._make("userGroups", f"name:eq:{name}", {"name": name, "users": users})

    def _make(self, kind: str, chosen: str, body: Mapping[str, Any]) -> str:
        """Give the uid of the one that an earlier run left, or of a new one."""
        uid = self._find(kind, chosen)
        if uid is None:
            self._asked("POST", f"/api/{kind}", json=body)
            uid = self._find(kind, chosen)
        if uid is None:
            raise CannotPrepare(f"/api/{kind}: what was made there is not found by {chosen}")
        self.stack.callback(self._remove, kind, uid)
        return uid

    def _find(self, kind: str, chosen: str) -> str | None:
        found = self._asked("GET", f"/api/{kind}", params={"filter": chosen, "fields": "id"}).json()[kind]
        return str(found[0]["id"]) if found else None

    def _remove(self, kind: str, uid: str) -> None:
        answer = self.client.delete(f"/api/{kind}/{uid}")
        if answer.is_success:
            return
        if kind == "users":  # a server may keep who has written something: then nobody can log in as them any more
            self.client.post(f"/api/users/{uid}/disabled")
        self.cast.left.append(f"{kind}/{uid}: {answer.status_code} {answer.text:.200}")

    def _take_feedback(self) -> None:
        """Let the feedback group be the one that was made, and later the one that it was."""
        before = self._asked("GET", FEEDBACK)
        uid = before.json().get("id") if before.content else None
        if uid:
            self.stack.callback(self._set_feedback, uid)
        else:
            self.stack.callback(self.client.delete, FEEDBACK)
        self._set_feedback(self.cast.ids["feedback"])
        known = self._asked("GET", "/api/userLookup/feedbackRecipients", params={"query": self.cast.word}).json()
        if self.cast.ids["clerk"] not in {one["id"] for one in known["users"]}:
            raise CannotPrepare(f"{FEEDBACK}: the group that was set is not in force")

    def _set_feedback(self, uid: str) -> None:
        self._asked("POST", FEEDBACK, content=uid, headers={"Content-Type": "text/plain"})

    def _empty_mailbox(self, actor: str) -> None:
        """Let an actor who played before leave what there was."""
        listed = {"fields": "id", "paging": "false"}
        with httpx.Client(base_url=self.cast.url, auth=self.cast.logins[actor], timeout=PATIENCE) as client:
            answer = client.get(MAIL, params=listed)
            if answer.status_code != httpx.codes.OK:
                raise CannotPrepare(f"{self.cast.logins[actor][0]} cannot log in: {answer.status_code}")
            uids = [one["id"] for one in answer.json()["messageConversations"]]
            for at in range(0, len(uids), AT_ONCE):
                client.delete(MAIL, params={"mc": uids[at : at + AT_ONCE]}).raise_for_status()

    def _asked(self, method: str, path: str, **given: Any) -> httpx.Response:
        answer = self.client.request(method, path, **given)
        if not answer.is_success:
            raise CannotPrepare(f"{method} {path}: {answer.status_code} {answer.text:.300}")
        return answer
