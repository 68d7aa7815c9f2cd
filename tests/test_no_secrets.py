"""No credential, no private address and nobody's mail address stands in what the tests are given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.exchanges import VERSIONS, exchanges
from tests.support.secrets import RECORDED_RULES, RULES, leaks

TESTS = Path(__file__).parent
CASSETTES = sorted(TESTS.glob("cassettes/**/*.yaml"))
FILES = sorted(
    path
    for path in TESTS.rglob("*")
    if path.is_file()
    and path.suffix not in {".pyc", ".pyo"}
    and path != Path(__file__)
    and "__pycache__" not in path.parts
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_file_has_a_secret(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    assert list(leaks(text, RULES)) == []


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_cassette_has_a_credential(path: Path) -> None:
    assert list(leaks(path.read_text(encoding="utf-8"), RECORDED_RULES)) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_credentials_and_cookies_are_masked_in_every_exchange(version: str) -> None:
    sent = {exchange.request_headers.get("authorization") for exchange in exchanges(version)}
    assert {one for one in sent if one is not None and not re.fullmatch(r"\w+ <\w+>", one)} == set()
    set_ = {exchange.headers.get("set-cookie", "").partition(";")[0] for exchange in exchanges(version)}
    assert set_ == {"", "JSESSIONID=<secret>"}


def test_there_is_something_to_scan() -> None:
    assert len(CASSETTES) >= 50
    assert len(FILES) > len(CASSETTES)


PLANTED = {
    "token": "d2pat_" + "a1B2" * 8 + "0123456789",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "private address": "http://192." + "168.1.20/api",
    "private host": "https://dhis2.corp" + ".internal/api",
    "mail address": "jane" + "@ministry.gov",
    "address with credentials": "https://admin" + ":district@play.dhis2.org",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
    "authorization": "- Basic " + "YWRtaW46ZGlzdHJpY3Q=",
    "password": '{"password": ' + '"district"}',
    "key": '{"key":' + '"abcdef"}',
    "cookie": "JSESSIONID=" + "7F00A1; Path=/",
    "host": "uri: http://dhis2" + ".ministry.gov:8080/api",
}


@pytest.mark.parametrize("name", [*RULES, *RECORDED_RULES])
def test_each_rule_finds_what_it_is_for(name: str) -> None:
    found = list(leaks(PLANTED[name], {**RULES, **RECORDED_RULES}))
    assert name in {one.partition(":")[0] for one in found}
