"""Rules of the server beyond what was recorded."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_facade.testing import FakeDhis2
from dhis2_facade.testing.app import ROUTES
from dhis2_facade.testing.queries import OPERATORS
from dhis2_facade.testing.security import COOKIE
from dhis2_facade.testing.state import new_token
from tests.support.exchanges import VERSIONS

MAIL = "/api/messageConversations"
UNKNOWN = "aBcDeFgHiJk"
JSON = {"Content-Type": "application/json"}


def upload(client: httpx.Client, **fields: str) -> str:
    data = {"domain": "MESSAGE_ATTACHMENT", **fields}
    answer = client.post("/api/fileResources", data=data, files={"file": ("a.txt", b"abc", "text/plain")})
    return str(answer.json()["response"]["fileResource"]["id"])


def send(client: httpx.Client, server: FakeDhis2, **changed: Any) -> httpx.Response:
    body = {"subject": "s", "text": "t", "users": [{"id": server.user("nurse").uid}], **changed}
    return client.post(MAIL, json=body)


def uid_of(answer: httpx.Response) -> str:
    return answer.headers["location"].rpartition("/")[2]


def as_(server: FakeDhis2, username: str) -> httpx.Client:
    return httpx.Client(base_url=server.url, auth=(username, server.password(username)))


# -- what a refusal spends (6) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "headers", "spent"),
    [
        ({"subject": None}, {}, True),
        ({"subject": "s" * 256}, {}, True),
        ({"text": "a\0b"}, {}, True),
        ({}, {"User-Agent": "a" * 244}, True),
        ({"users": []}, {}, False),
        ({"users": [{"id": UNKNOWN}]}, {}, False),
        ({}, {"User-Agent": "a" * 243}, True),
    ],
)
def test_what_the_database_refuses_spends_the_files(
    server: FakeDhis2, clerk: httpx.Client, changed: dict[str, Any], headers: dict[str, str], spent: bool
) -> None:
    uid = upload(clerk)
    clerk.headers.update(headers)
    send(clerk, server, attachments=[{"id": uid}], **changed)
    assert [one.assigned for one in server.files] == [spent]


def test_an_agent_of_243_characters_is_kept(server: FakeDhis2, clerk: httpx.Client) -> None:
    clerk.headers["User-Agent"] = "a" * 243
    assert send(clerk, server).status_code == 201
    clerk.headers["User-Agent"] = "a" * 244
    answer = send(clerk, server)
    assert (answer.status_code, answer.json()["message"].startswith("ERROR: value too long")) == (409, True)


# -- feedback ----------------------------------------------------------------------------------------------------------


def test_without_a_feedback_group_a_ticket_is_its_senders_alone(server: FakeDhis2, clerk: httpx.Client) -> None:
    server.state.feedback_group = None
    assert clerk.get("/api/configuration/feedbackRecipients").status_code == 204
    answer = clerk.get("/api/userLookup/feedbackRecipients", params={"query": "a"})
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "E6200")
    assert clerk.post(f"{MAIL}/feedback", params={"subject": "s"}, content="t").status_code == 201
    assert list(server.conversations[0].participants) == [server.user("clerk").uid]


def test_a_superuser_chooses_the_feedback_group(server: FakeDhis2, clerk: httpx.Client) -> None:
    group = server.add_user_group("Help", [server.user("nurse")])
    path = "/api/configuration/feedbackRecipients"
    assert clerk.post(path, content=group.uid).status_code == 403
    with as_(server, "admin") as admin:
        assert admin.post(path, content=UNKNOWN).status_code == 404
        assert admin.post(path, content=group.uid).status_code == 204
    assert clerk.get(path).json()["id"] == group.uid


def test_an_internal_note_is_news_only_to_who_manages_tickets(server: FakeDhis2, clerk: httpx.Client) -> None:
    with as_(server, "outsider") as outsider, as_(server, "admin") as admin:
        outsider.post(f"{MAIL}/feedback", params={"subject": "s"}, content="t")
        ticket = server.conversations[0]
        for client in (admin, clerk):
            client.post(f"{MAIL}/read", json=[ticket.uid])
        uid = upload(clerk)
        clerk.post(f"{MAIL}/{ticket.uid}", params={"internal": "true", "attachments": uid}, content="note")
        reads = {one.user.username: one.read for one in ticket.participants.values()}
        assert reads == {"admin": False, "clerk": True, "outsider": True}
        path = f"{MAIL}/{ticket.uid}/{ticket.messages[1].uid}/attachments/{uid}"
        assert clerk.get(path).content == b"abc"
        assert outsider.get(path).status_code == 409


# -- conversations -----------------------------------------------------------------------------------------------------


def test_a_superuser_who_replies_does_not_take_part(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    with as_(server, "admin") as admin:
        admin.headers["User-Agent"] = "key=1"
        assert admin.post(f"{MAIL}/{uid}", content="by admin").status_code == 201
        search = {"filter": "messages.metaData:like:key=1", "fields": "id"}
        assert admin.get(MAIL, params=search).json()["messageConversations"] == []
        assert clerk.get(MAIL, params=search).json()["messageConversations"] == [{"id": uid}]
        thread = admin.get(f"{MAIL}/{uid}", params={"fields": "messages[metaData]"}).json()
    assert thread["messages"][1] == {"metaData": "User-agent: key=1"}


def test_what_is_deleted_for_everybody_is_still_there(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    with as_(server, "admin") as admin:
        assert admin.delete(f"{MAIL}/{uid}").status_code == 200
    assert clerk.get(f"{MAIL}/{uid}").json()["id"] == uid


def test_removing_an_unknown_user_from_many_is_said_so(clerk: httpx.Client) -> None:
    answer = clerk.delete(MAIL, params={"mc": UNKNOWN, "user": UNKNOWN})
    assert (answer.status_code, answer.json()) == (404, {"message": f"User does not exist: {UNKNOWN}"})


def test_a_flag_that_is_none_is_refused(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    answer = clerk.post(f"{MAIL}/{uid}", params={"internal": "maybe"}, content="x")
    said = "Value 'maybe' is not valid for parameter internal. It should be of type boolean"
    assert (answer.status_code, answer.json()["message"]) == (400, said)


def test_a_file_named_twice_is_attached_once(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = upload(clerk)
    answer = send(clerk, server, attachments=[{"id": uid}, {"id": uid}])
    assert answer.status_code == 201
    assert [len(message.attachments) for message in server.messages] == [1]
    answer = send(clerk, server, attachments=[{"name": "a.txt"}])
    assert answer.json()["message"] == "Attachment 'null' not found."


def test_xml_that_is_none_is_refused(server: FakeDhis2, clerk: httpx.Client) -> None:
    answer = clerk.post(MAIL, content="<a", headers={"Content-Type": "application/xml"})
    assert answer.status_code == (415 if server.version == "42" else 409)


def test_the_first_of_a_repeated_parameter_counts(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    answer = clerk.post(f"{MAIL}/{uid}/priority", params={"messageConversationPriority": ["low", "high"]})
    assert answer.json() == {"LOW": [uid]}


@pytest.mark.parametrize("charset", ["nope", "idna", "rot13"])
def test_a_reply_in_an_unknown_charset_is_read_as_utf_8(server: FakeDhis2, clerk: httpx.Client, charset: str) -> None:
    uid = uid_of(send(clerk, server))
    clerk.post(f"{MAIL}/{uid}", content="ü".encode(), headers={"Content-Type": f"text/plain; charset={charset}"})
    assert server.messages[-1].text == "ü"


def test_only_who_takes_part_unassigns(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    with as_(server, "outsider") as outsider:
        answer = outsider.delete(f"{MAIL}/{uid}/assign")
    said = "Not authorized to remove the assigned user to this conversation."
    expected = (200, "Message is no longer assigned to user") if server.version == "40" else (403, said)
    assert (answer.status_code, answer.json()["message"]) == expected


def test_a_search_by_a_list_is_refused_in_the_words_of_filters(clerk: httpx.Client) -> None:
    answer = clerk.get(MAIL, params={"queryString": "x", "queryOperator": "in"})
    assert (answer.status_code, answer.json()["message"]) == (409, "Collection size must be integer `x`")


def test_fields_of_nothing(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    [one] = clerk.get(MAIL, params={"fields": ""}).json()["messageConversations"]
    assert one == ({"displayName": "s", "id": uid} if server.version == "42" else {})


def test_one_property_can_be_asked_with_fields(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    assert clerk.get(f"{MAIL}/{uid}/messages", params={"fields": "text"}).json() == {"messages": [{"text": "t"}]}
    assert clerk.get(f"{MAIL}/{UNKNOWN}/messages").status_code == 404
    assert clerk.get(f"{MAIL}/no/messages").status_code == (405 if server.version == "42" else 404)
    with as_(server, "outsider") as outsider:
        assert outsider.get(f"{MAIL}/{uid}").status_code == 403
        assert outsider.get(f"{MAIL}/{uid}/subject").json() == {"subject": "s"}


def test_one_conversation_names_the_addresses_of_what_it_holds(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    fields = {"fields": "lastSender[href],messages[href]"}
    address = f"{server.url}/api/users/{server.user('clerk').uid}"
    assert clerk.get(f"{MAIL}/{uid}", params=fields).json() == {"lastSender": {"href": address}, "messages": [{}]}
    assert clerk.get(MAIL, params=fields).json()["messageConversations"] == [{"lastSender": {}, "messages": [{}]}]


def test_a_general_query_of_nothing(server: FakeDhis2, clerk: httpx.Client) -> None:
    assert clerk.get(MAIL, params={"query": ""}).status_code == (200 if server.version == "42" else 400)


def test_there_is_nothing_to_add_to_a_property(server: FakeDhis2, clerk: httpx.Client) -> None:
    uid = uid_of(send(clerk, server))
    assert clerk.post(f"{MAIL}/{uid}/followup", json={}).status_code == 404


# -- bodies ------------------------------------------------------------------------------------------------------------

SAID = {
    "40": (500, "Cannot construct instance of"),
    "41": (400, "JSON parse error: Cannot construct instance of"),
    "42": (400, "JSON parse error: Cannot construct instance of"),
}


def test_recipients_are_read_by_the_framework(server: FakeDhis2, clerk: httpx.Client) -> None:
    answer = clerk.post(f"{MAIL}/{UNKNOWN}/recipients", json={"users": ["x"]})
    status, said = SAID[server.version]
    assert answer.status_code == status
    assert answer.json()["message"].startswith(said)
    assert ("reference chain" in answer.json()["message"]) is (server.version != "42")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"users": }', "Unexpected character ('}' (code 125))"),
        ("[1", "from Array value (token `JsonToken.START_ARRAY`)"),
        ('{"users": [', "Unexpected end-of-input: expected close marker for Array (start marker at [Source: "),
        ('{"text": "x"', "Unexpected end-of-input: expected close marker for Object (start marker at [Source: "),
        ('{"text"', "Unexpected end-of-input within/between Object entries"),
        ('{"users": [{"id": "x"},', "Unexpected end-of-input within/between Array entries"),
        ('{"text": "x', "Unexpected end-of-input: was expecting closing quote for a string value"),
        ('{"text": NaN}', "Non-standard token 'NaN'"),
        (
            '{"users": "x"}',
            "`java.util.HashSet<org.hisp.dhis.user.User>` from String value (token `JsonToken.VALUE_STRING`)",
        ),
        ('{"users": [\n 1.5]}', "from Number value (1.5)\n at [Source: "),
        ('{"users": [\n 1.5]}', "; line: 2, column: 2]"),
        ("[" * 5000, "from Array value"),
        ('{"a":' * 5000, "Document nesting depth (1001) exceeds the maximum allowed (1000, from "),
        ('{"users": [' + "7" * 5000 + "]}", "Number value length (5000) exceeds the maximum allowed (1000, from "),
        ("null", "is null"),
        ('{"users": [5]}', "no int/Int-argument constructor/factory method to deserialize from Number value (5)"),
        (
            "true",
            "no boolean/Boolean-argument constructor/factory method to deserialize from boolean value (true)",
        ),
    ],
)
def test_what_is_no_conversation_is_refused_in_the_librarys_words(clerk: httpx.Client, body: str, said: str) -> None:
    answer = clerk.post(MAIL, content=body, headers=JSON)
    assert answer.status_code in {409, 500}
    assert said in answer.json()["message"]


def test_what_follows_the_object_is_not_read(server: FakeDhis2, clerk: httpx.Client) -> None:
    body = f'{{"subject": 5, "text": true, "users": [{{"id": "{server.user("nurse").uid}"}}]}} and so on'
    assert clerk.post(MAIL, content=body, headers=JSON).status_code == 201
    assert (server.conversations[0].subject, server.messages[0].text) == ("5", "true")


def test_brackets_where_text_should_be_end_the_object(server: FakeDhis2, clerk: httpx.Client) -> None:
    answer = send(clerk, server, text={"a": "b"})
    assert (answer.status_code, answer.json()["message"]) == (409, "No recipients selected.")


def test_half_a_letter_does_not_break_the_list(server: FakeDhis2, clerk: httpx.Client) -> None:
    body = f'{{"subject": "\\ud800", "users": [{{"id": "{server.user("nurse").uid}"}}]}}'
    assert clerk.post(MAIL, content=body, headers=JSON).status_code == 201
    assert [one["displayName"] for one in clerk.get(MAIL).json()["messageConversations"]] == ["?"]


def test_half_a_letter_does_not_break_an_error_in_xml(server: FakeDhis2, clerk: httpx.Client) -> None:
    headers = {**JSON, "Accept": "application/xml"}
    answer = clerk.post(f"{MAIL}/{UNKNOWN}/recipients", content='"\\ud800"', headers=headers)
    assert answer.status_code == SAID[server.version][0]
    assert "('?')" in answer.text


def test_a_mark_without_a_body_is_refused(server: FakeDhis2, clerk: httpx.Client) -> None:
    for body in ("", "null"):
        answer = clerk.post(f"{MAIL}/read", content=body, headers=JSON)
        assert answer.status_code == (500 if server.version == "40" else 400)
        assert answer.json()["message"].startswith("Required request body is missing")


def test_a_broken_form_is_refused(clerk: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = clerk.post("/api/fileResources", content=b"--x\r\nnonsense", headers=headers)
    assert answer.status_code == 400


# -- people ------------------------------------------------------------------------------------------------------------


def test_users_are_looked_up_by_uid_and_name(server: FakeDhis2, clerk: httpx.Client) -> None:
    nurse = server.user("nurse")
    for name in (nurse.uid, "nurse"):
        assert clerk.get(f"/api/userLookup/{name}").json()["id"] == nurse.uid
    nobody = clerk.get(f"/api/userLookup/{UNKNOWN}")
    assert (nobody.status_code, nobody.content) == (200, b"")


def test_plain_users_see_no_users(server: FakeDhis2, clerk: httpx.Client) -> None:
    assert clerk.get(f"/api/users/{server.user('nurse').uid}").status_code == 403
    with as_(server, "admin") as admin:
        found = admin.get("/api/users", params={"query": "nur", "fields": "username"}).json()["users"]
        assert admin.get(f"/api/users/{UNKNOWN}").status_code == 404
    assert found == [{"username": "nurse"}]


def test_groups_and_units_are_found_by_what_names_them(clerk: httpx.Client) -> None:
    for path in ("userGroups", "organisationUnits"):
        for query in ({"query": "test"}, {"filter": "identifiable:token:test"}):
            found = clerk.get(f"/api/{path}", params={**query, "fields": "name"}).json()[path]
            assert found
            assert all("Test" in one["name"] for one in found)


def test_constants_are_made_and_found(server: FakeDhis2, clerk: httpx.Client) -> None:
    body = {"name": "Pi", "shortName": "Pi", "value": 3.14}
    assert clerk.post("/api/constants", json=body).status_code == 403
    with as_(server, "admin") as admin:
        uid = admin.post("/api/constants", json=body).json()["response"]["uid"]
    listed = clerk.get("/api/constants", params={"fields": "id,value"}).json()["constants"]
    assert listed == [{"id": uid, "value": 3.14}]
    assert clerk.get(f"/api/constants/{uid}").json()["name"] == "Pi"


# -- tokens and sessions -----------------------------------------------------------------------------------------------


def test_tokens_are_ones_own(server: FakeDhis2, clerk: httpx.Client, nurse: httpx.Client) -> None:
    made = clerk.post("/api/apiToken", json={}).json()["response"]
    path = f"/api/apiToken/{made['uid']}"
    assert clerk.get(path).json()["id"] == made["uid"]
    assert "key" not in clerk.get(path).json()
    assert nurse.get(path).status_code == nurse.delete(path).status_code == 404
    assert clerk.delete(path).status_code == 200


def test_a_well_formed_token_that_nobody_has_is_unauthorized(server: FakeDhis2) -> None:
    answer = httpx.get(f"{server.url}/api/me", headers={"Authorization": f"ApiToken {new_token()}"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "ApiToken")


def test_who_logs_in_gets_a_session(server: FakeDhis2) -> None:
    body = {"username": "clerk", "password": server.password("clerk")}
    answer = httpx.post(f"{server.url}/api/auth/login", json=body, headers={"X-Requested-With": "XMLHttpRequest"})
    wrong = httpx.post(
        f"{server.url}/api/auth/login",
        json={**body, "password": "x"},
        headers={"X-Requested-With": "XMLHttpRequest"},
    )
    assert wrong.status_code == 401
    if server.version == "40":  # there is no such call
        assert answer.status_code == 401
        return
    session = answer.cookies[COOKIE]
    assert httpx.get(f"{server.url}/api/me", cookies={COOKIE: session}).json()["username"] == "clerk"


def test_sessions_are_bounded(server: FakeDhis2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhis2_facade.testing.state.SESSIONS", 3)
    for _ in range(5):
        httpx.get(f"{server.url}/api/me", auth=("clerk", server.password("clerk")))
    assert len(server.state.sessions) == 3


# -- methods, media types and what is no uid ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (f"{MAIL}/{UNKNOWN}", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        (f"{MAIL}/{UNKNOWN}/read", {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}),
        (f"/api/users/{UNKNOWN}", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("/api/userLookup", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_what_may_be_asked_of_a_path(clerk: httpx.Client, path: str, methods: set[str]) -> None:
    assert set(clerk.options(path).headers["allow"].split(",")) == methods


def test_files_have_a_list_since_a_version(server: FakeDhis2, clerk: httpx.Client) -> None:
    listed = set() if server.version == "40" else {"GET", "HEAD"}
    assert set(clerk.options("/api/fileResources").headers["allow"].split(",")) == listed | {"POST", "OPTIONS"}


@pytest.mark.parametrize("path", [MAIL, "/api/users", "/api/userGroups", "/api/organisationUnits", "/api/constants"])
def test_changing_looks_at_the_media_type_then_at_the_uid(server: FakeDhis2, clerk: httpx.Client, path: str) -> None:
    for method, media_type in (("PUT", "application/json"), ("PATCH", "application/json-patch+json")):
        plain = clerk.request(method, f"{path}/{UNKNOWN}", content="x", headers={"Content-Type": "text/plain"})
        assert plain.status_code == 415
        unknown = clerk.request(method, f"{path}/{UNKNOWN}", content="{}", headers={"Content-Type": media_type})
        assert (unknown.status_code, unknown.json()["errorCode"]) == (404, "E1005")
    nurse = clerk.put(f"/api/users/{server.user('nurse').uid}", json={})
    assert nurse.status_code == 403


@pytest.mark.parametrize("path", ["users", "userGroups", "organisationUnits", "constants", "messageConversations"])
def test_what_is_no_uid_has_no_get_since_a_version(server: FakeDhis2, path: str) -> None:
    with as_(server, "admin") as admin:
        answer = admin.get(f"/api/{path}/no")
    older = 200 if path == "messageConversations" else 404
    assert answer.status_code == (405 if server.version == "42" else older)


def test_only_lists_are_asked_for_as_csv(server: FakeDhis2, clerk: httpx.Client) -> None:
    headers = {"Accept": "text/csv"}
    assert clerk.get(MAIL, headers=headers).status_code == 500
    for path in ("/api/me", "/api/system/info", f"{MAIL}/{uid_of(send(clerk, server))}"):
        assert clerk.get(path, headers=headers).status_code == 406


def test_a_word_that_is_no_flag(server: FakeDhis2, clerk: httpx.Client) -> None:
    strict = server.version == "42"
    for name in ("paging", "rootJunction"):
        answer = clerk.get(MAIL, params={name: "maybe"})
        assert answer.status_code == (400 if strict else 200)
    assert ("pager" in clerk.get(MAIL, params={"paging": "1"}).json()) is strict
    for size in ("99999999999", "9" * 5000):
        assert clerk.get(MAIL, params={"pageSize": size}).status_code == (400 if strict else 200)
    assert clerk.get(f"/api/{'9' * 5000}/me").status_code == 404


# -- whatever is asked -------------------------------------------------------------------------------------------------

ODD = [
    "",
    "x",
    "no",
    UNKNOWN,
    "-1",
    "9" * 20,
    "9" * 5000,
    "null",
    "true",
    "[",
    "[1]",
    "2020",
    "a:b",
    "s" * 300,
    "\0",
    "ü",
]
NAMES = ["*", ":simple", "!id", "id", "messages", "userMessages", "access", "users", "read", "value", "[", ",", ""]
STEPS = ["", "~", "~size", "~keyBy(id)", "~pluck(text)", "~rename(x)", "~isEmpty", "[id]", "[*]", "]"]
PATHS = [
    "id",
    "subject",
    "messages",
    "messages.text",
    "users",
    "read",
    "created",
    "priority",
    "access.read",
    "value",
    "",
]
BODIES = [
    "",
    "null",
    "[]",
    "{}",
    "5",
    '"x"',
    "[null]",
    '["x"]',
    "[[1], 2]",
    '{"users": [null]}',
    '{"users": [{"id": {"a": 1}}]}',
]
BODIES += [
    '{"name": 5, "value": []}',
    '{"name": {}, "users": "x"}',
    '{"subject"',
    '{"a": NaN}',
    "[1e999",
    "{'a': 1}",
    "[" * 2000,
]
BODIES += [
    '{"subject": "s", "users": [{"id": "NURSE"}], "attachments": [{"id": 5}]}',
    '{"type": 5}',
    "<a><users/></a>",
    "\ufeff{}",
]
LISTS = ["/messageConversations", "/messageConversations/{uid}", "/users", "/userGroups"]
TYPES = ["", "application/json", "text/plain; charset=idna", "application/xml", "multipart/form-data; boundary=x", ";"]

odd = st.sampled_from(ODD)
filled = st.tuples(st.sampled_from(PATHS), st.sampled_from([*OPERATORS, "null", "!empty", "!in", "x"]), odd).map(
    ":".join
)
parameters = st.one_of(
    st.tuples(st.just("filter"), filled | odd),
    st.tuples(st.just("fields"), st.tuples(st.sampled_from(NAMES), st.sampled_from(STEPS)).map("".join)),
    st.tuples(st.just("order"), st.sampled_from(PATHS).flatmap(lambda one: odd.map(lambda other: f"{one}:{other}"))),
    st.tuples(
        st.sampled_from(
            [
                "page",
                "pageSize",
                "paging",
                "query",
                "queryString",
                "queryOperator",
                "rootJunction",
                "markRead",
                "user",
                "mc",
                "key",
            ]
        ),
        odd,
    ),
)


@pytest.mark.parametrize("version", VERSIONS)
def test_whatever_is_asked_the_server_itself_does_not_fail(version: str) -> None:
    with FakeDhis2(version=version) as server, as_(server, "admin") as admin, as_(server, "clerk") as clerk:
        nurse = server.user("nurse").uid
        uids = [
            uid_of(send(clerk, server)),
            upload(clerk),
            nurse,
            next(iter(server.state.groups)),
            UNKNOWN,
            "no",
            "messages",
        ]

        @settings(max_examples=300, deadline=None)
        @given(
            st.sampled_from([route.path for route in ROUTES] + 8 * LISTS),
            st.sampled_from(["GET", "POST", "GET", "POST", "GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"]),
            st.sampled_from([*uids, *ODD[2:4]]),
            st.lists(parameters, max_size=3),
            st.sampled_from(BODIES),
            st.sampled_from(TYPES),
            st.sampled_from(["application/json", "*/*", "text/html", "application/xml", "text/csv", ""]),
        )
        def ask(path: str, method: str, uid: str, query: Any, body: str, media_type: str, accept: str) -> None:
            url = "/api" + re.sub(r"{\w+}", uid, path)
            headers = {"Content-Type": media_type, "Accept": accept}
            content = body.replace("NURSE", nurse).encode()
            answer = admin.request(method, url, params=query, headers=headers, content=content)
            assert (answer.status_code, answer.text) != (500, "Internal Server Error")

        ask()
        assert clerk.get(MAIL, params={"fields": "*"}).status_code == 200


# -- pages and forms of lists ------------------------------------------------------------------------------------------


def test_every_page_follows_the_next_link(server: FakeDhis2, clerk: httpx.Client) -> None:
    for number in range(7):
        send(clerk, server, subject=f"s {number}")
    link: str | None = f"{server.url}{MAIL}?fields=subject&order=subject:desc&pageSize=3&filter=subject:like:s"
    found = []
    for _ in range(5):
        if link is None:
            break
        page = clerk.get(link).json()
        found += [one["subject"] for one in page["messageConversations"]]
        link = page["pager"].get("nextPage")
    assert found == [f"s {number}" for number in reversed(range(7))]


def test_a_file_that_is_not_listed_is_a_method_that_is_not_there(server: FakeDhis2, clerk: httpx.Client) -> None:
    upload(clerk)
    answer = clerk.get("/api/fileResources", params={"fields": "name,storageStatus"})
    if server.version == "40":
        assert answer.status_code == 405
    else:
        assert answer.json()["fileResources"] == [{"name": "a.txt", "storageStatus": "NONE"}]


def test_a_proxy_may_say_where_the_server_is(server: FakeDhis2, clerk: httpx.Client) -> None:
    clerk.headers.update({"X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443"})
    assert send(clerk, server).headers["location"].startswith("https://127.0.0.1:8443/api/messageConversations/")
    clerk.headers["X-Forwarded-Port"] = "443"
    assert clerk.get("/api/system/info").json()["contextPath"] == "https://127.0.0.1"
