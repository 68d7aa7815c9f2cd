"""The server as the author of an integration uses it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

import dhis2_facade.testing
from dhis2_facade.testing import FakeDhis2
from tests.support.exchanges import VERSIONS

MAIL = "/api/messageConversations"


def test_it_starts_again_where_it_was_and_runs_once() -> None:
    server = FakeDhis2()
    server.stop()  # nothing to stop
    for _ in range(2):
        server.start()
        url = server.url
        with pytest.raises(RuntimeError, match=f"runs already, at {url}"):
            server.start()
        assert httpx.get(f"{url}/api/ping").status_code == 200
        with pytest.raises(OSError, match="address already in use"):
            FakeDhis2(port=int(url.rpartition(":")[2])).start()
        server.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/api/ping")
    assert server.url == url


def test_a_port_that_was_taken_can_be_tried_again() -> None:
    with FakeDhis2() as first:
        second = FakeDhis2(port=int(first.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="address already in use"):
            second.start()
    with second:
        assert httpx.get(f"{second.url}/api/ping").status_code == 200


def test_several_run_at_once() -> None:
    with FakeDhis2("40") as one, FakeDhis2("41") as two, FakeDhis2("42") as three:
        servers = (one, two, three)
        found = [
            httpx.get(f"{server.url}/api/system/info", auth=("clerk", server.password("clerk"))).json()["version"]
            for server in servers
        ]
        assert [version.split(".")[1] for version in found] == list(VERSIONS)
        assert len({server.password("clerk") for server in servers}) == 3


@pytest.mark.parametrize("version", ["39", "2.42", "", 42])
def test_an_unknown_version_is_refused(version: Any) -> None:
    with pytest.raises(ValueError, match=f"no version {version!r} here, only '40', '41', '42'"):
        FakeDhis2(version)


def test_there_is_no_address_before_there_is_a_port() -> None:
    with pytest.raises(RuntimeError, match="no address before it starts"):
        _ = FakeDhis2().url
    assert FakeDhis2(port=8080).url == "http://127.0.0.1:8080"
    assert FakeDhis2(host="::1", port=8080, context="/").url == "http://[::1]:8080"


@pytest.mark.parametrize("context", ["/dhis", "dhis", "/dhis/"])
def test_it_may_stand_under_a_path(context: str) -> None:
    with FakeDhis2(context=context) as server, httpx.Client(auth=("clerk", server.password("clerk"))) as client:
        assert server.url.endswith("/dhis")
        assert client.get(f"{server.url}/api/system/info").json()["contextPath"] == server.url
        assert client.get(f"{server.url.removesuffix('/dhis')}/api/me").status_code == 404


def test_people_groups_and_units_can_be_added(server: FakeDhis2, clerk: httpx.Client) -> None:
    unit = server.add_organisation_unit("North", [server.user("outsider")])
    doctor = server.add_user("doctor", first_name="Dora", surname="Doctor", units=[unit])
    group = server.add_user_group("Doctors", [doctor])
    boss = server.add_user("boss", superuser=True)
    sent = {"subject": "s", "text": "t", "userGroups": [{"id": group.uid}], "organisationUnits": [{"id": unit.uid}]}
    assert clerk.post(MAIL, json=sent).status_code == 201
    taking_part = server.conversations[0].participants
    assert set(taking_part) == {server.user(name).uid for name in ("clerk", "doctor", "outsider")}
    for user in (doctor, boss):
        me = httpx.get(f"{server.url}/api/me", auth=(user.username, server.password(user.username))).json()
        assert ("ALL" in me["authorities"]) is user.superuser
        assert me["id"] == user.uid


@pytest.mark.parametrize("add", ["add_user", "add_user_group", "add_organisation_unit"])
def test_what_is_added_needs_a_name(server: FakeDhis2, add: str) -> None:
    for name in ("", " "):
        with pytest.raises(ValueError, match="needs a name"):
            getattr(server, add)(name)
    with pytest.raises(TypeError, match="must be text, not 7"):
        getattr(server, add)(7)


def test_a_name_is_taken_once(server: FakeDhis2) -> None:
    with pytest.raises(ValueError, match="a user 'nurse' already"):
        server.add_user("nurse")
    with pytest.raises(ValueError, match="a user group 'Test staff' already"):
        server.add_user_group("Test staff")
    # A real server keeps several units of one name, too.
    assert server.add_organisation_unit("North").uid != server.add_organisation_unit("North").uid


def test_only_what_the_server_keeps_is_put_together(server: FakeDhis2) -> None:
    nurse: Any = server.user("nurse")
    unit: Any = server.add_organisation_unit("North")
    stranger = FakeDhis2().user("nurse")
    before = [len(kept) for kept in (server.state.users, server.state.groups, server.state.units)]
    for add in (server.add_user_group, server.add_organisation_unit):
        wrongs: tuple[Any, ...] = (["nurse"], [nurse.uid], [nurse, unit], [None])
        for wrong in wrongs:
            with pytest.raises(TypeError, match="is no User, as this server gives them"):
                add("new", wrong)
        with pytest.raises(ValueError, match=f"User {stranger.uid} is of another server"):
            add("new", [stranger])
    with pytest.raises(TypeError, match="'North' is no OrganisationUnit"):
        server.add_user("new", units=["North"])  # type: ignore[list-item]
    assert before == [len(kept) for kept in (server.state.users, server.state.groups, server.state.units)]


@pytest.mark.parametrize("name", ["count.csv ", "count \t", " ", "Stück "])
def test_a_file_whose_name_ends_in_a_blank_can_be_fetched(server: FakeDhis2, clerk: httpx.Client, name: str) -> None:
    kept = server.state.add_file(server.user("clerk"), name, "text/plain", b"abc", domain="MESSAGE_ATTACHMENT")
    answer = clerk.get(f"/api/fileResources/{kept.uid}/data")
    assert (answer.status_code, answer.content) == (200, b"abc")
    assert answer.headers["content-disposition"].encode(answer.headers.encoding) == f"filename={name.rstrip()}".encode()


def test_a_token_is_the_same_until_it_is_revoked(server: FakeDhis2, clerk: httpx.Client) -> None:
    token = server.token("clerk")
    assert server.token("clerk") == token
    [listed] = clerk.get("/api/apiToken", params={"fields": "id"}).json()["apiToken"]
    clerk.delete(f"/api/apiToken/{listed['id']}")
    assert server.token("clerk") != token


def test_requests_are_remembered(server: FakeDhis2, clerk: httpx.Client, nurse: httpx.Client) -> None:
    clerk.headers["User-Agent"] = "a/1"
    clerk.post(MAIL, json={"subject": "s", "text": "t", "users": [{"id": server.user("nurse").uid}]})
    nurse.get(MAIL, params={"page": "1"})
    httpx.get(f"{server.url}/api/me", headers={"X-Requested-With": "XMLHttpRequest"})
    sent, listed, nobody = server.requests
    assert (sent.method, sent.path, sent.user, sent.agent, sent.status, sent.stored) == (
        "POST",
        MAIL,
        "clerk",
        "a/1",
        201,
        1,
    )
    assert (listed.query, listed.user, listed.stored) == ("page=1", "nurse", 0)
    assert (nobody.user, nobody.status) == (None, 401)


def test_one_can_look_inside(server: FakeDhis2, clerk: httpx.Client) -> None:
    uploaded = clerk.post(
        "/api/fileResources", data={"domain": "MESSAGE_ATTACHMENT"}, files={"file": ("a.txt", b"abc", "text/plain")}
    ).json()["response"]["fileResource"]["id"]
    sent = {"subject": "s", "text": "t", "users": [{"id": server.user("nurse").uid}], "attachments": [{"id": uploaded}]}
    clerk.post(MAIL, json=sent)
    assert [(one.name, one.content, one.assigned) for one in server.files] == [("a.txt", b"abc", True)]
    assert [one.subject for one in server.conversations] == ["s"]
    assert [one.attachments[0].uid for one in server.messages] == [uploaded]
    with pytest.raises(LookupError, match="no user 'nobody'"):
        server.user("nobody")


def test_a_session_goes_on_by_its_cookie(server: FakeDhis2) -> None:
    with httpx.Client(base_url=server.url, auth=("clerk", server.password("clerk"))) as client:
        client.get("/api/me")
        session = client.cookies["JSESSIONID"]
        client.get("/api/me")
        assert client.cookies["JSESSIONID"] == session
    alone = httpx.get(f"{server.url}/api/me", cookies={"JSESSIONID": session})
    assert alone.json()["username"] == "clerk"


# -- pytest ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "version", [pytest.param(version, marks=pytest.mark.dhis2(version=version)) for version in VERSIONS]
)
def test_the_fixture_gives_the_version_that_is_marked(dhis2_server: FakeDhis2, version: str) -> None:
    assert dhis2_server.version == version
    assert httpx.get(f"{dhis2_server.url}/api/me").status_code == 302


@pytest.mark.dhis2(version="41")
def test_the_client_is_of_the_same_version(dhis2: Any, dhis2_server: FakeDhis2) -> None:
    assert type(dhis2).__name__ == "Dhis2"
    assert dhis2.messaging.unread_count() == 0
    assert {one.user for one in dhis2_server.requests} == {"clerk"}


@pytest.mark.parametrize(
    "version",
    [pytest.param("41", marks=pytest.mark.dhis2("41")), pytest.param("40", marks=pytest.mark.dhis2(version=40))],
)
def test_the_marker_takes_the_version_by_place_and_as_a_number(dhis2_server: FakeDhis2, version: str) -> None:
    assert dhis2_server.version == version


def run_pytest(folder: Path, *tests: str, conftest: str = "") -> str:
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "test_it.py").write_text("import pytest\n" + "\n".join(tests), encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


def test_a_marker_that_says_something_else_is_refused(tmp_path: Path) -> None:
    said = run_pytest(tmp_path, '@pytest.mark.dhis2(versoin="41")', "def test_it(dhis2_server): ...")
    assert "unexpected keyword argument 'versoin'" in said
    assert "1 error" in said


# -- without the extra -------------------------------------------------------------------------------------------------

WITHOUT = "import sys; sys.modules.update(uvicorn=None, python_multipart=None, multipart=None)\n"
COMPLAINT = "the test server needs python-multipart and uvicorn; say: pip install 'dhis2-facade[testing]'"


def test_the_plugin_is_silent_until_a_fixture_is_used(tmp_path: Path) -> None:
    silent, server = "def test_silent(): ...", "def test_server(dhis2_server): ..."
    said = run_pytest(tmp_path, silent, server, "def test_client(dhis2): ...", conftest=WITHOUT)
    assert "1 passed, 2 errors" in said
    assert len(re.findall(rf"^E +ModuleNotFoundError: {re.escape(COMPLAINT)}$", said, re.MULTILINE)) == 2
    assert run_pytest(tmp_path, silent, conftest=WITHOUT).startswith(".")


@pytest.mark.parametrize("name", dhis2_facade.testing.__all__)
def test_the_package_says_what_to_install(name: str) -> None:
    program = f"{WITHOUT}import dhis2_facade.testing\nfrom dhis2_facade.testing import {name}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {COMPLAINT}"


def test_by_hand_it_says_so_in_one_line() -> None:
    program = f"{WITHOUT}import runpy; runpy.run_module('dhis2_facade.testing', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{COMPLAINT}\n")


def test_the_plugin_imports_nothing_of_the_extra() -> None:
    program = (
        "import sys, dhis2_facade.testing.plugin as plugin;"
        "assert not {'uvicorn', 'starlette', 'httpx'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_nothing_of_the_client_is_imported() -> None:
    for path in Path(dhis2_facade.testing.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, path
                names = [] if node.level else [str(node.module)]
            assert not {name.partition(".")[0] for name in names} & {"dhis2_facade", "dhis2_bindings", "httpx"}, path


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_it_can_be_run_by_hand() -> None:
    program = [sys.executable, "-m", "dhis2_facade.testing", "--version", "40"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = [running.stdout.readline().split() for _ in range(5)]
        url = said[0][-1]
        try:
            for name, password, token in (line for line in said[1:]):
                user = name.removesuffix(":")
                assert httpx.get(f"{url}/api/me", auth=(user, password)).json()["username"] == user
                answer = httpx.get(f"{url}/api/me", headers={"Authorization": f"ApiToken {token}"})
                assert answer.json()["username"] == user
        finally:
            running.terminate()
    assert url.startswith("http://127.0.0.1:")
