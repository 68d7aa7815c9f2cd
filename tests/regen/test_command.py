"""`make regen` as a process: a version never seen, broken inputs, servers, interruptions."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.regen import document
from scripts.regen.layout import Layout
from scripts.regen.lock import Lock
from scripts.regen.run import regenerate
from scripts.regen.stage import Stage
from tests.regen.golden.record import INPUT, OUTPUT, make_root
from tests.support.exchanges import exchanges
from tests.support.server import Answer, serving

ROOT = Path(__file__).parents[2]
RAW = (INPUT / "document.json").read_bytes()
CREDENTIALS = ("DHIS2_TOKEN", "DHIS2_USERNAME", "DHIS2_PASSWORD")
TOKEN = "d2pat_5xVA12xyUbWNedQxy4ohH77WlxRGVvZZ1151814092"
LOGIN = b"<!DOCTYPE html><html><head><title>Login</title></head></html>"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A project of its own without documents."""
    return make_root(tmp_path)


def start(layout: Layout, *words: str, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if name not in CREDENTIALS}
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.regen", "--root", str(layout.root), *words],
        cwd=ROOT,
        env=clean | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def regen(layout: Layout, *words: str, **environment: str) -> tuple[int, str, str]:
    process = start(layout, *words, **environment)
    out, trouble = process.communicate(timeout=120)
    return process.returncode, out, trouble


def files(layout: Layout) -> dict[str, bytes]:
    found = (path for path in layout.root.rglob("*") if path.is_file() and "build" not in path.parts)
    return {str(path.relative_to(layout.root)): path.read_bytes() for path in found}


def spec(tmp_path: Path, raw: bytes) -> str:
    path = tmp_path / "given.json"
    path.write_bytes(raw)
    return str(path)


def changed(**operations: str) -> bytes:
    """The golden document with some operations more."""
    document = json.loads(RAW)
    for path, name in operations.items():
        document["paths"][f"/{path}"] = {"get": {"operationId": name, "responses": {}}}
    return json.dumps(document).encode()


def test_a_version_never_seen_gets_everything_and_the_same_again(layout: Layout) -> None:
    status, out, trouble = regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))
    assert (status, trouble) == (0, "")
    assert "v57  review     did not apply: orders: one of these paths is not there" in out
    assert "the facade needs `thing.forget` (DELETE /api/things/{}), which the document lacks" in out
    first = files(layout)
    expected = {
        name.replace("36", "57") for name in map(str, (p.relative_to(OUTPUT) for p in OUTPUT.rglob("*") if p.is_file()))
    }
    assert expected <= first.keys()
    pin = (layout.root / "facade" / "dhis2_facade" / "v57.py").read_text(encoding="utf-8")
    assert 'VERSION: Final = "57"' in pin
    assert "from dhis2_bindings import v57 as bindings" in pin
    # The second run holds the overlays against the lock that the first has written.
    status, out, trouble = regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))
    assert (status, trouble) == (0, "")
    assert "review" not in out
    assert files(layout) == first
    assert regen(layout)[0] == 0
    assert regen(layout, "--check")[:2][0] == 0
    assert files(layout)["openapi/names.toml"] == first["openapi/names.toml"]


def test_a_newer_version_changes_nothing_of_an_older_one_and_is_compared_with_it(
    layout: Layout, tmp_path: Path
) -> None:
    assert regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))[0] == 0
    before = files(layout)
    newer = json.loads(changed(novelty="Novelty.getNovelty"))
    newer["components"]["schemas"]["Thing"]["properties"]["novelty"] = {"type": "string"}
    del newer["paths"]["/things/upload"]
    status, _, trouble = regen(layout, "--version", "58", "--spec", spec(tmp_path, json.dumps(newer).encode()))
    assert (status, trouble) == (0, "")
    after = files(layout)
    for name in before:
        if name not in ("openapi/names.toml", "given.json"):
            assert after.get(name) == before[name], name
    report = layout.report("57", "58").read_text(encoding="utf-8")
    assert "- `+` novelty.get_novelty (GET /api/novelty)" in report
    assert "- `-` thing.upload (POST /api/things/upload)" in report
    assert "- Thing: +`novelty`: string" in report
    assert "- 2.58: `thing.forget` (DELETE /api/things/{})" in report


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"nothing", "not JSON"),
        (RAW[:4000], "not JSON, or cut off"),
        (LOGIN, "an HTML page, perhaps of the login"),
        (b'{"swagger": "2.0"}', "Swagger 2.0"),
        (b'{"httpStatusCode": 401}', "no OpenAPI 3 document"),
        (json.dumps(json.loads(RAW) | {"paths": {}}).encode(), "no operations"),
    ],
)
def test_a_broken_document_gives_one_line_and_leaves_all_as_it_was(
    layout: Layout, tmp_path: Path, raw: bytes, said: str
) -> None:
    path = spec(tmp_path, raw)
    before = files(layout)
    status, out, trouble = regen(layout, "--version", "57", "--spec", path)
    assert status == 1
    assert out == ""
    assert trouble.startswith("regen: document: given.json")
    assert said in trouble
    assert trouble.count("\n") == 1
    assert files(layout) == before


def test_a_document_that_cannot_be_generated_leaves_the_old_output_whole(layout: Layout, tmp_path: Path) -> None:
    assert regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))[0] == 0
    broken = json.loads(RAW)
    broken["paths"]["/things/"]["get"]["parameters"] = 5
    path = spec(tmp_path, json.dumps(broken).encode())
    before = files(layout)
    status, _, trouble = regen(layout, "--version", "57", "--spec", path)
    assert (status, trouble.count("\n")) == (1, 1)
    assert trouble.startswith("regen: normalise: $.paths['/api/things'].get: not as OpenAPI has it")
    assert files(layout) == before


def test_an_overlay_that_no_longer_fits_leaves_the_old_output_whole(layout: Layout, tmp_path: Path) -> None:
    assert regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))[0] == 0
    mended = json.loads(RAW)
    mended["components"]["parameters"]["OrderParams.orders"]["name"] = "order"
    path = spec(tmp_path, json.dumps(mended).encode())
    before = files(layout)
    status, _, trouble = regen(layout, "--version", "57", "--spec", path)
    assert status == 1
    assert (
        "overlay: orders: the parameter is called order: matched 1 and changed 0 in v57, the lock says 1 and 1"
        in trouble
    )
    assert files(layout) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--version", "2.43"), "not a version of DHIS2. Write 2.42 as VERSION=42"),
        (("--version", "v43"), "not a version of DHIS2"),
        (("--version", "../../43"), "not a version of DHIS2"),
        (("--version", "57"), "no document of it (there are none). Give URL= or SPEC="),
        (("--spec", "x.json"), "not said of which version the document is. Add VERSION=42"),
        (("--version", "57", "--spec", "x.json", "--url", "https://x"), "two documents"),
        (("--version", "57", "--spec", "nowhere.json"), "No such file or directory. Name a file with SPEC="),
        ((), "openapi/: no documents"),
    ],
)
def test_bad_words_give_one_line(layout: Layout, words: tuple[str, ...], said: str) -> None:
    status, _, trouble = regen(layout, *words)
    assert status == 1
    assert said in trouble
    assert trouble.count("\n") == 1


def test_a_document_edited_by_hand_is_refused(layout: Layout) -> None:
    assert regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))[0] == 0
    path = layout.document("57")
    path.write_text(path.read_text(encoding="utf-8").replace('"nextPage"', '"followingPage"'), encoding="utf-8")
    status, _, trouble = regen(layout)
    assert status == 1
    assert "v57.json: not what its lock says. Restore it; corrections belong into openapi/overlays" in trouble


def test_the_check_names_what_differs(layout: Layout) -> None:
    assert regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))[0] == 0
    controller = layout.bindings / "v57" / "api" / "thing.py"
    controller.write_text(controller.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    (layout.bindings / "v57" / "models" / "stale.py").write_text("", encoding="utf-8")
    before = files(layout)
    status, _, trouble = regen(layout, "--check")
    assert status == 1
    assert trouble.splitlines() == [
        "regen: 2 files differ from what is generated, say make regen:",
        "  generated/dhis2_bindings/v57/api/thing.py",
        "  generated/dhis2_bindings/v57/models/stale.py",
    ]
    assert files(layout) == before
    assert regen(layout)[0] == 0
    assert regen(layout, "--check")[0] == 0


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ({"/x": {"get": {"operationId": "X.getX", "responses": {"200": {"content": {"text/plain": {}}}}}}}, None),
        ({"/x": {"get": {}}, "/y": {"$ref": "#/components/pathItems/Y"}}, "1 operations of 2 can be called"),
        ({"/x": {"get": {}, "search": {}}}, "1 operations of 2 can be called"),
    ],
)
def test_a_document_of_a_few_lines_is_enough_and_nothing_in_it_is_lost(
    layout: Layout, tmp_path: Path, paths: Any, said: str | None
) -> None:
    raw = json.dumps({"openapi": "3.0.1", "paths": paths}).encode()
    status, _, trouble = regen(layout, "--version", "57", "--spec", spec(tmp_path, raw))
    assert status == (1 if said else 0)
    assert (said or "") in trouble
    assert trouble.count("\n") == (1 if said else 0)


def server_info(version: str) -> bytes:
    """What a real server says of itself, with another number."""
    exchange = next(e for e in exchanges("42", "journey") if e.path == "/api/system/info")
    return json.dumps(exchange.json() | {"version": version}).encode()


def answers(version: str = "2.57.1") -> dict[str, Answer]:
    return {
        "/api/system/info": Answer(server_info(version)),
        "/api/openapi.json": Answer(RAW, headers={"Content-Type": "application/json"}),
    }


@pytest.mark.parametrize("suffix", ["", "/", "/api", "/api/57/"])
@pytest.mark.parametrize(
    ("environment", "authorization"),
    [
        ({"DHIS2_TOKEN": TOKEN}, f"ApiToken {TOKEN}"),
        ({"DHIS2_USERNAME": "admin", "DHIS2_PASSWORD": "district"}, "Basic YWRtaW46ZGlzdHJpY3Q="),
    ],
)
def test_a_document_is_fetched_from_a_server(
    layout: Layout, suffix: str, environment: dict[str, str], authorization: str
) -> None:
    with serving(answers()) as server:
        status, out, trouble = regen(layout, "--version", "57", "--url", server.url + suffix, **environment)
    assert (status, trouble) == (0, "")
    assert out.startswith("v57  document   server 2.57.1")
    assert [path for path, _ in server.asked] == ["/api/system/info", "/api/openapi.json"]
    assert {headers["authorization"] for _, headers in server.asked} == {authorization}
    written = b"".join(files(layout).values())
    for secret in (*environment.values(), "127.0.0.1"):
        assert secret.encode() not in written.replace(b"administration", b"") or secret == "admin"
    lock = Lock.read(layout.lock("57"))
    assert lock
    assert lock.origin.startswith("server 2.57.1")


def test_the_other_place_of_the_document_is_tried(layout: Layout) -> None:
    given = {path.replace("api/openapi.json", "api/openapi/openapi.json"): one for path, one in answers().items()}
    with serving(given) as server:
        assert regen(layout, "--version", "57", "--url", server.url, DHIS2_TOKEN=TOKEN)[0] == 0
    assert [path for path, _ in server.asked][-2:] == ["/api/openapi.json", "/api/openapi/openapi.json"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"/api/system/info": Answer(server_info("2.42.1"))},
            "the server is 2.42.1, not 57. Use VERSION=42 or another URL",
        ),
        ({"/api/system/info": Answer(b'{"status": "up"}')}, "no version of DHIS2"),
        ({"/api/system/info": Answer(b"[]")}, "no version of DHIS2"),
        ({"/api/system/info": Answer(LOGIN)}, "an HTML page, perhaps of the login"),
        ({"/api/system/info": Answer(b"", 401)}, "the server did not take the credentials"),
        (
            {"/api/system/info": Answer(b"", 302, {"Location": "/dhis-web-login/"})},
            "the server did not take the credentials",
        ),
        (
            {"/api/system/info": Answer(b"", 301, {"Location": "https://elsewhere.example.org/"})},
            "redirected to https://elsewhere.example.org/",
        ),
        ({"/api/system/info": Answer(b"", 500)}, "status 500"),
        ({"/api/system/info": Answer(b"{")}, "not JSON, or cut off"),
        ({"/api/openapi.json": Answer(b"", 403)}, "status 403"),
        ({"/api/openapi.json": Answer(LOGIN)}, "an HTML page"),
        ({"/api/openapi.json": Answer(RAW[:999])}, "not JSON, or cut off"),
        ({"/api/openapi.json": Answer(b"", 404)}, "status 404"),
        (
            {"/api/openapi.json": Answer(b"no gzip at all, but long", headers={"Content-Encoding": "gzip"})},
            "cannot be unpacked",
        ),
    ],
)
def test_a_server_that_gives_no_document_is_said_in_one_line(
    layout: Layout, given: dict[str, Answer], said: str
) -> None:
    before = files(layout)
    with serving(answers() | given) as server:
        status, _, trouble = regen(layout, "--version", "57", "--url", server.url, DHIS2_TOKEN=TOKEN)
    assert status == 1
    assert said in trouble
    assert trouble.count("\n") == 1
    assert TOKEN not in trouble
    assert files(layout) == before


def test_a_server_that_cannot_be_reached_is_said_in_one_line(layout: Layout) -> None:
    with serving({}) as server:
        url = server.url
    status, _, trouble = regen(layout, "--version", "57", "--url", url, DHIS2_TOKEN=TOKEN)
    assert status == 1
    assert "/api/system/info: the server cannot be reached" in trouble
    assert trouble.count("\n") == 1


@pytest.mark.parametrize("token", ["d2pat_…", "d2pat_with space", "d2pat_tab\tin"])
def test_a_token_that_is_none_is_not_sent_and_not_shown(layout: Layout, token: str) -> None:
    with serving(answers()) as server:
        status, _, trouble = regen(layout, "--version", "57", "--url", server.url, DHIS2_TOKEN=token)
    assert status == 1
    assert "DHIS2_TOKEN: has characters that no token has. Copy the token again" in trouble
    assert token not in trouble
    assert server.asked == []


def test_blanks_around_a_token_do_no_harm(layout: Layout) -> None:
    with serving(answers()) as server:
        assert regen(layout, "--version", "57", "--url", server.url, DHIS2_TOKEN=f"{TOKEN}\n")[0] == 0
    assert {headers["authorization"] for _, headers in server.asked} == {f"ApiToken {TOKEN}"}


def test_without_credentials_nothing_is_asked(layout: Layout) -> None:
    with serving(answers()) as server:
        status, _, trouble = regen(layout, "--version", "57", "--url", server.url)
    assert status == 1
    assert "credentials: none are set" in trouble
    assert server.asked == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_the_old_output_whole_and_the_next_goes_on(
    layout: Layout, tmp_path: Path, number: signal.Signals
) -> None:
    assert regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))[0] == 0
    path = spec(tmp_path, changed(novelty="Novelty.getNovelty"))
    before = files(layout)
    process = start(layout, "--version", "57", "--spec", path)
    assert process.stdout
    while "normalise" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    time.sleep(0.1)
    assert files(layout) == before
    assert regen(layout, "--version", "57", "--spec", path)[0] == 0
    assert (layout.bindings / "v57" / "api" / "novelty.py").exists()


def test_a_run_that_was_killed_while_it_wrote_is_finished_before_anything_is_read(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert regen(layout, "--version", "57", "--spec", str(INPUT / "document.json"))[0] == 0
    path = spec(tmp_path, changed(novelty="Novelty.getNovelty"))
    moves = iter(range(3))
    move = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if (layout.stage / "ready.json").exists() and next(moves, None) is None:
            raise SystemExit
        return move(self, target)

    def run() -> None:
        with Stage(layout) as stage:
            regenerate(layout, stage, ["58"], {"58": document.read(Path(path))})

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        with pytest.raises(SystemExit):
            run()
    assert layout.versions() == ["57"]  # its document is not in place yet
    status, _, trouble = regen(layout, "--check")
    assert (status, trouble) == (
        1,
        "regen: write: regen: a run was interrupted while it wrote. Say make regen to finish it.\n",
    )
    assert layout.versions() == ["57"]
    status, out, _ = regen(layout, "--version", "58")
    assert status == 0
    assert "v58  lock" in out
    assert layout.versions() == ["57", "58"]
    assert '"GET /api/novelty getNovelty" = "novelty.get_novelty"' in layout.names.read_text(encoding="utf-8")
    assert regen(layout, "--check")[0] == 0


def test_two_runs_at_once_do_not_mix(layout: Layout) -> None:
    first = start(layout, "--version", "57", "--spec", str(INPUT / "document.json"))
    assert first.stdout
    first.stdout.readline()  # at work now
    status, _, trouble = regen(layout, "--version", "58", "--spec", str(INPUT / "document.json"))
    first.communicate(timeout=60)
    assert (first.returncode, status) == (0, 1)
    assert "another regen is at work. Wait until it is done" in trouble
    assert layout.versions() == ["57"]


def test_the_report_of_any_two_versions_can_be_had(layout: Layout, tmp_path: Path) -> None:
    for version, name in (("57", "A.getA"), ("58", "B.getB"), ("59", "C.getC")):
        assert regen(layout, "--version", version, "--spec", spec(tmp_path, changed(x=name, **{version: name})))[0] == 0
    assert sorted(path.name for path in (layout.documents / "reports").iterdir()) == [
        "v57-v58.md",
        "v57.md",
        "v58-v59.md",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.regen", "--report", "42", "41"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("# From DHIS2 2.41 to 2.42\n")
    assert done.stdout.rstrip().endswith("The whole report: openapi/reports/v41-v42.md")
    assert "## Everything else" not in done.stdout
    for words, said in (
        (("", ""), "two versions are needed"),
        (("41", "x"), "two versions are needed"),
        (("39", "42"), "no document"),
    ):
        status, _, trouble = regen(Layout(ROOT), "--report", *words)
        assert (status, trouble.count("\n")) == (1, 1)
        assert said in trouble


def test_nothing_in_the_code_knows_the_number_of_a_version_to_come() -> None:
    for folder in (ROOT / "scripts", ROOT / "facade"):
        for path in (*folder.rglob("*.py"), *folder.rglob("*.jinja")):
            if path.parent.name == "dhis2_facade" and path.stem[1:].isdigit():
                continue  # a pin is written by regen
            assert not re.search(r"(?<!\d)43(?!\d)", path.read_text(encoding="utf-8")), path.name
