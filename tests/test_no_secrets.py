"""No credential, no private address and nobody's mail address stands in what the tests are given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.exchanges import VERSIONS, exchanges

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

DOCUMENTED = "d2pat_5xVA12xyUbWNedQxy4ohH77WlxRGVvZZ1151814092"
"""The token of DHIS2's own manual, which no server takes."""
PRIVATE_ADDRESS = r"\b(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|169\.254(?:\.\d{1,3}){2})\b"
RULES = {
    # what looks like a secret, and which of it is none
    "token": (r"d2pa?t?_\w{20,}", re.escape(DOCUMENTED)),
    "private key": (r"-----BEGIN [A-Z ]*PRIVATE KEY-----", None),
    "private address": (PRIVATE_ADDRESS, None),
    "private host": (r"(?:https?://|@)[\w.-]*\.(?:local|internal|lan|corp|intra)\b", None),
    "mail address": (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", r".*@(?:[\w-]+\.)*(?:example\.(?:org|com|net)|test)"),
    "address with credentials": (
        r"https?://[^\s/@:'\"]+:[^\s/@'\"]+@[\w.-]+",
        r"https?://\S*@(?:127\.0\.0\.1|[\w.]*example\.\w+|[\w.]*\.test|[a-z]\b|host\b.*)",
    ),
    "JSON web token": (r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}", None),
}
RECORDED_RULES = {
    "authorization": (r"\b(?:Basic|ApiToken|Bearer) [\w+/=.~-]{8,}", None),
    "password": (r'"password":\s*"[^"]*"', r'"password":\s*"<password>"'),
    "key": (r'"key":"(?!<token>)[^"]*"', r'"key":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"'),
    "cookie": (r"JSESSIONID=[^;\s]+", r"JSESSIONID=(?:<secret>|<session>|0123456789ABCDEF)"),
    "host": (r"https?://[\w.-]+(?::\d+)?", r"https?://(?:dhis2\.test|dhis2\.org)"),
}


def leaks(text: str, rules: dict[str, tuple[str, str | None]]) -> Iterator[str]:
    for name, (looks, allowed) in rules.items():
        for found in re.finditer(looks, text):
            if allowed is None or not re.fullmatch(allowed, found[0]):
                yield f"{name}: {found[0]}"


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
