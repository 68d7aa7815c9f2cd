"""`make record` and `make live`, as programs, against a server that answers as the real ones did."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dhis2_facade.testing import FakeDhis2
from scripts.record.mask import Mask
from tests.facade.test_journey import day
from tests.support.both import run
from tests.support.cast import CannotPrepare, Cast, cast
from tests.support.exchanges import ORDER, VERSIONS, exchanges, ids
from tests.support.secrets import RECORDED_RULES, RULES, leaks

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds
OTHERWISE = {("attachments", "malformed own uid")}
"""What only a server that was recorded before refuses: it is taken once (quirk 26b)."""

each_version = pytest.mark.parametrize("version", VERSIONS)


def program(server: FakeDhis2, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DHIS2_")}
    login = {"DHIS2_USERNAME": "admin", "DHIS2_PASSWORD": server.password("admin")}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env=kept | login | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def record(server: FakeDhis2, folder: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    arguments = ("--url", server.url, "--version", server.version, "--out", str(folder), *more)
    return program(server, "scripts.record", *arguments, **environment)


@pytest.fixture(scope="module", params=VERSIONS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, FakeDhis2]]:
    """What was recorded from a server, and the server."""
    folder = tmp_path_factory.mktemp("cassettes")
    with FakeDhis2(version=request.param) as server:
        done = record(server, folder, "--test-server", "yes")
        assert (done.returncode, done.stderr) == (0, "")
        yield folder, server


@pytest.fixture
def folder(made: tuple[Path, FakeDhis2]) -> Path:
    return made[0]


@pytest.fixture
def server(made: tuple[Path, FakeDhis2]) -> FakeDhis2:
    return made[1]


# -- record ------------------------------------------------------------------------------------------------------------


def test_the_day_that_was_recorded_anew_is_played_whole(folder: Path, server: FakeDhis2) -> None:
    seen = run("sync", day, "sync", server.version, folder)
    assert seen["ticket"].assignee.display_name == "Clerk Corpus"
    assert [one.username for one in seen["found"].users] == ["clerk", "nurse", "outsider"]


def test_every_step_is_recorded_anew_and_answered_as_it_was(folder: Path, server: FakeDhis2) -> None:
    for scenario in ORDER:
        before, after = (
            [(one.step, one.actor, one.method, one.status) for one in exchanges(server.version, scenario, **where)]
            for where in ({}, {"folder": folder})
        )
        if scenario == "journey":  # each client asks what the server is when it is first used
            before, after = sorted(before), sorted(after)
        kept = [pair for pair in zip(before, after, strict=True) if (scenario, pair[0][0]) not in OTHERWISE]
        assert [one for one, _ in kept] == [other for _, other in kept]


def test_the_cassettes_have_no_secret(folder: Path, server: FakeDhis2) -> None:
    secrets = [server.password("admin"), server.url, server.url.partition("//")[2], ".corpus"]
    for path in sorted(folder.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        assert [*leaks(text, RULES), *leaks(text, RECORDED_RULES)] == []
        assert [one for one in secrets if one in text] == []
    everything = list(exchanges(server.version, folder=folder))
    sent = {one.request_headers.get("authorization", "Basic <nobody>").split()[1] for one in everything}
    assert sent == {"<admin>", "<clerk>", "<nurse>", "<outsider>", "<nobody>"}
    assert {one.headers.get("set-cookie", "").partition(";")[0] for one in everything} == {"", "JSESSIONID=<secret>"}
    told = [one.json() for one in everything if one.path == "/api/system/info" and one.actor == "admin"]
    assert {one["osName"] for one in told} == {one["databaseInfo"]["user"] for one in told} == {"masked"}


def test_the_server_is_afterwards_as_it_was(server: FakeDhis2) -> None:
    assert {one.username for one in server.state.users.values()} == {"admin", "clerk", "nurse", "outsider"}
    assert {one.name for one in server.state.groups.values()} == {"Test staff", "Test feedback"}
    assert {one.name for one in server.state.units.values()} == {"Test district"}
    assert server.state.feedback_group is not None
    assert server.state.feedback_group.name == "Test feedback"


def test_it_can_be_recorded_twice(folder: Path, server: FakeDhis2, tmp_path: Path) -> None:
    done = record(server, tmp_path, "--test-server", "yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(exchanges(server.version, folder=tmp_path))) == len(list(exchanges(server.version, folder=folder)))
    assert ids(server.version, tmp_path).keys() == ids(server.version).keys()


def test_only_a_server_that_is_said_to_be_for_tests_is_recorded(tmp_path: Path) -> None:
    with FakeDhis2() as server:
        done = record(server, tmp_path / "out")
        assert done.returncode == 1
        assert "say TEST_SERVER=yes" in done.stderr
        assert server.requests == []
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"DHIS2_PASSWORD": ""}, "set DHIS2_USERNAME and DHIS2_PASSWORD"),
        ({"DHIS2_PASSWORD": "wrong"}, "no DHIS2 that takes these credentials"),
    ],
)
def test_nothing_is_recorded_without_credentials(environment: dict[str, str], complaint: str, tmp_path: Path) -> None:
    with FakeDhis2() as server:
        done = record(server, tmp_path / "out", "--test-server", "yes", **environment)
        assert done.returncode == 1
        assert complaint in done.stderr
        assert not (tmp_path / "out").exists()


def test_another_version_is_not_recorded(tmp_path: Path) -> None:
    with FakeDhis2(version="41") as server:
        arguments = ("--url", server.url, "--version", "42", "--out", str(tmp_path / "out"), "--test-server", "yes")
        done = program(server, "scripts.record", *arguments)
        assert done.returncode == 1
        assert "is DHIS2 2.41.9.1, not 2.42" in done.stderr
        assert not (tmp_path / "out").exists()


def test_what_breaks_off_is_kept_and_said(tmp_path: Path) -> None:
    with FakeDhis2() as server:
        server.next(fail=500, times=100, method="POST", path="/feedback$")
        done = record(server, tmp_path, "--test-server", "yes")
        assert done.returncode == 1
        assert "journey: broke off: Ambiguous" in done.stderr
        assert "what is" in done.stderr  # later steps of the ticket, whose uid nobody knows
        steps = {one.step for one in exchanges("42", "journey", folder=tmp_path)}
        assert "leave many" in steps
        assert "status solved" not in steps


# -- masks -------------------------------------------------------------------------------------------------------------

PEOPLE = Cast(
    "https://dhis2.ministry.gov/app",
    "Corpus",
    logins={"admin": ("jane", "district"), "clerk": ("clerk.corpus", "Aa1!0123456789")},
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://dhis2.ministry.gov/app/api/me", "https://dhis2.test/api/me"),
        ("http://10." + "0.0.7:8080/api", "https://dhis2.test/api"),
        ("http://dhis2.org/schema/dxf/2.0", "http://dhis2.org/schema/dxf/2.0"),
        ('{"username":"jane","surname":"jane"}', '{"username":"admin","surname":"jane"}'),
        ('{"username": "clerk.corpus"}', '{"username": "clerk"}'),
        ('{"password": "Aa1!0123456789"}', '{"password": "<password>"}'),
        ("jane" + "@ministry.gov, nurse@example.org", "somebody@example.org, nurse@example.org"),
        ('"key":"d2pat_' + "a1B2" * 8 + '0123456789"', '"key":"<token>"'),
        ("at dhis2.ministry.gov", "at dhis2.test"),
    ],
)
def test_what_is_of_one_server_is_masked(text: str, masked: str) -> None:
    assert Mask.of(PEOPLE).text(text) == masked


# -- people ------------------------------------------------------------------------------------------------------------


@each_version
def test_people_whom_an_earlier_run_left_play_again(version: str) -> None:
    with FakeDhis2(version=version) as server:
        login = ("admin", server.password("admin"))
        server.next(fail=409, times=3, method="DELETE", path="/users/")
        with cast(server.url, *login, "Corpus") as first:
            pass
        assert [one.partition("/")[0] for one in first.left] == ["users"] * 3
        assert server.user("clerk.corpus").uid == first.ids["clerk"]
        with cast(server.url, *login, "Corpus") as second:
            assert second.ids["clerk"] == first.ids["clerk"]
        assert second.left == []
        assert server.state.user_named("clerk.corpus") is None


def test_only_a_superuser_makes_people() -> None:
    with FakeDhis2() as server:
        people = cast(server.url, "clerk", server.password("clerk"), "Corpus")
        with pytest.raises(CannotPrepare, match="POST /api/organisationUnits: 403"), people:
            pass


# -- live --------------------------------------------------------------------------------------------------------------


def live(server: FakeDhis2, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"DHIS2_LIVE_URL": server.url, "DHIS2_LIVE_VERSION": server.version}
    return program(server, "pytest", "-q", "-p", "no:cacheprovider", "tests/live", **(given | environment))


@each_version
def test_the_tests_for_a_server_of_ones_own_pass_here(version: str) -> None:
    with FakeDhis2(version=version) as server:
        done = live(server)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "10 passed" in done.stdout
        assert "skipped" not in done.stdout
        assert {one.username for one in server.state.users.values()} == {"admin", "clerk", "nurse", "outsider"}


def test_they_fail_where_a_server_forgets_the_user_agent() -> None:
    with FakeDhis2() as server:
        server.agent = "a proxy's"
        done = live(server)
        assert done.returncode == 1
        assert "test_a_send_whose_answer_is_lost_is_stored_once" in done.stdout


def test_without_a_server_they_are_not_collected() -> None:
    with FakeDhis2() as server:
        done = live(server, DHIS2_LIVE_URL="")
    assert (done.returncode, "no tests ran" in done.stdout) == (pytest.ExitCode.NO_TESTS_COLLECTED, True)
