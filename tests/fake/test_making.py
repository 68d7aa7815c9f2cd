"""People, roles, groups and units, made and removed over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dhis2_facade.testing import FakeDhis2

PERSON = {"username": "dora", "password": "Aa1!dora", "firstName": "Dora", "surname": "Doctor"}


@pytest.fixture
def admin(server: FakeDhis2) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, auth=("admin", server.password("admin"))) as client:
        yield client


def made(client: httpx.Client, path: str, body: dict[str, Any]) -> str:
    answer = client.post(path, json=body)
    assert answer.status_code == 201
    uid = answer.json()["response"]["uid"]
    assert answer.headers["location"].endswith(f"{path}/{uid}")
    return str(uid)


def test_a_user_who_was_made_logs_in_until_removed(server: FakeDhis2, admin: httpx.Client) -> None:
    role = made(admin, "/api/userRoles", {"name": "Doctors", "authorities": ["F_X"]})
    unit = made(admin, "/api/organisationUnits", {"name": "North"})
    person = {**PERSON, "userRoles": [{"id": role}], "organisationUnits": [{"id": unit}]}
    uid = made(admin, "/api/users", person)
    group = made(admin, "/api/userGroups", {"name": "Round", "users": [{"id": uid}]})
    asked = {"fields": "id,authorities,userGroups[id],organisationUnits[id]"}
    me = httpx.get(f"{server.url}/api/me", params=asked, auth=("dora", "Aa1!dora")).json()
    assert (me["id"], me["authorities"]) == (uid, ["F_X"])
    assert (me["userGroups"], me["organisationUnits"]) == ([{"id": group}], [{"id": unit}])
    found = admin.get("/api/userRoles", params={"filter": "name:eq:Doctors", "fields": "id"}).json()
    assert found["userRoles"] == [{"id": role}]
    token = server.token("dora")
    assert admin.delete(f"/api/users/{uid}").status_code == 200
    headers = {"X-Requested-With": "XMLHttpRequest"}
    assert httpx.get(f"{server.url}/api/me", auth=("dora", "Aa1!dora"), headers=headers).status_code == 401
    answer = httpx.get(f"{server.url}/api/me", headers={**headers, "Authorization": f"ApiToken {token}"})
    assert answer.status_code == 401
    assert server.state.groups[group].users == []
    assert admin.delete(f"/api/users/{uid}").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/users", {**PERSON, "username": "clerk", "userRoles": [{"id": "aBcDeFgHiJk"}]}, 409),
        ("/api/users", PERSON, 409),
        ("/api/users", {**PERSON, "userRoles": [{"id": "aBcDeFgHiJk"}]}, 404),
        ("/api/userGroups", {"name": "x", "users": [{"id": "aBcDeFgHiJk"}]}, 404),
        ("/api/userGroups", {}, 409),
        ("/api/userRoles", {"name": ""}, 409),
    ],
)
def test_what_cannot_be_made_is_refused(
    server: FakeDhis2, admin: httpx.Client, path: str, body: dict[str, Any], status: int
) -> None:
    before = {name: len(getattr(server.state, name)) for name in ("users", "roles", "groups", "units")}
    assert admin.post(path, json=body).status_code == status
    assert {name: len(getattr(server.state, name)) for name in before} == before


def test_only_superusers_make_and_remove(server: FakeDhis2, clerk: httpx.Client) -> None:
    assert clerk.post("/api/userGroups", json={"name": "x"}).status_code == 403
    nurse = server.user("nurse").uid
    assert clerk.delete(f"/api/users/{nurse}").status_code == 403
    assert clerk.delete("/api/configuration/feedbackRecipients").status_code == 403
    assert nurse in server.state.users


def test_nobody_answers_feedback_once_that_is_unset(admin: httpx.Client, clerk: httpx.Client) -> None:
    assert admin.delete("/api/configuration/feedbackRecipients").status_code == 204
    asked = {"query": "test"}
    assert clerk.get("/api/userLookup/feedbackRecipients", params=asked).json()["errorCode"] == "E6200"
