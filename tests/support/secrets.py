"""What looks like a secret, in any file and in cassettes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Rules: TypeAlias = Mapping[str, tuple[str, str | None]]

DOCUMENTED = "d2pat_5xVA12xyUbWNedQxy4ohH77WlxRGVvZZ1151814092"
"""The token of DHIS2's own manual, which no server takes."""
TOKEN = r"d2pa?t?_\w{20,}"
PRIVATE_ADDRESS = r"\b(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|169\.254(?:\.\d{1,3}){2})\b"
RULES: Rules = {
    # what looks like a secret, and which of it is none
    "token": (TOKEN, re.escape(DOCUMENTED)),
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
RECORDED_RULES: Rules = {
    "authorization": (r"\b(?:Basic|ApiToken|Bearer) [\w+/=.~-]{8,}", None),
    "password": (r'"password":\s*"[^"]*"', r'"password":\s*"<password>"'),
    "key": (r'"key":"(?!<token>)[^"]*"', r'"key":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"'),
    "cookie": (r"JSESSIONID=[^;\s]+", r"JSESSIONID=(?:<secret>|<session>|0123456789ABCDEF)"),
    "host": (r"https?://[\w.-]+(?::\d+)?", r"https?://(?:dhis2\.test|dhis2\.org)"),
}


def leaks(text: str, rules: Rules) -> Iterator[str]:
    """What in a text is a secret by these rules."""
    for name, (looks, allowed) in rules.items():
        for found in re.finditer(looks, text):
            if allowed is None or not re.fullmatch(allowed, found[0]):
                yield f"{name}: {found[0]}"
