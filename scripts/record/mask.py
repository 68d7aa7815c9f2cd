"""What must not be kept of a server, and what is written instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field

from scripts.record.tape import Interaction
from tests.support.cast import Cast
from tests.support.exchanges import HOST
from tests.support.secrets import DOCUMENTED, TOKEN

INFO = ("/system/info", "/systemInfo")
TOLD = re.compile(
    r"calendar|dateFormat|serverDate|serverTimeZone.*|version|buildTime|userAgent|contextPath|instanceBaseUrl"
    r"|last.*|interval.*|time"
)
"""What /api/system/info says of DHIS2 itself; all other text is of the machine."""
COMMON = (
    (re.compile(rf"(?!{DOCUMENTED}){TOKEN}"), "<token>"),
    (re.compile(r"https?://(?!dhis2\.org\b)[\w.-]+(?::\d+)?"), HOST),
    (re.compile(r"[\w.+-]+@(?!(?:[\w-]+\.)*example\.)[\w-]+(?:\.[\w-]+)+"), "somebody@example.org"),
    (re.compile(r"(\"password\":\s*)\"[^\"]*\""), r'\1"<password>"'),
)


@define
class Mask:
    """What to write instead, for one server and its people."""

    replaced: list[tuple[re.Pattern[str], str]] = field(factory=list)

    @classmethod
    def of(cls, cast: Cast) -> Mask:
        """Give that of a cast: its names are those of the actors, whatever they are on this server."""
        address = urlsplit(cast.url)
        root = f"{address.scheme}://{address.netloc}{address.path}".rstrip("/")
        found = [(re.compile(rf"{re.escape(root)}(?![\w.:-])"), HOST)]
        for actor, (username, _) in cast.logins.items():
            pattern = rf'("(?:username|name|code)":\s*"){re.escape(username)}"' if actor == "admin" else username
            found.append((re.compile(pattern), rf'\1{actor}"' if actor == "admin" else actor))
        last = (re.compile(rf"(?<![\w.]){re.escape(address.netloc)}(?![\w.:])"), urlsplit(HOST).netloc)
        return cls([*found, *COMMON, last])

    def masked(self, one: Interaction) -> Interaction:
        """Give an exchange without secrets."""
        request, response = one["request"], one["response"]
        path = urlsplit(request["uri"]).path
        return {
            **one,
            "request": {
                **request,
                "uri": self.text(request["uri"]),
                "headers": dict(self._request_headers(request["headers"], one["actor"])),
                "body": self._body(request["body"]) or None,
            },
            "response": {
                **response,
                "headers": {
                    name: [self._answer_header(name, v) for v in values] for name, values in response["headers"].items()
                },
                "body": {"string": self._body(_of_machine(path, response["body"]["string"]))},
            },
        }

    def text(self, text: str) -> str:
        """Give a text without secrets."""
        for pattern, instead in self.replaced:
            text = pattern.sub(instead, text)
        return text

    def _body(self, body: bytes) -> str | bytes:
        try:
            return self.text(body.decode())
        except UnicodeDecodeError:
            return body

    def _request_headers(self, headers: dict[str, list[str]], actor: str) -> Iterator[tuple[str, list[str]]]:
        for name, values in headers.items():
            if name == "authorization":
                yield name, [f"{value.partition(' ')[0]} <{actor}>" for value in values]
            elif name == "cookie":
                yield name, [re.sub(r"=(?!0123456789ABCDEF)[^;]*", "=<session>", value) for value in values]
            else:
                yield name, [self.text(value) for value in values]

    def _answer_header(self, name: str, value: str) -> str:
        return re.sub(r"=[^;]*", "=<secret>", value, count=1) if name == "set-cookie" else self.text(value)


def _of_machine(path: str, body: bytes) -> bytes:
    if not path.endswith(INFO):
        return body
    try:
        told = json.loads(body)
    except ValueError:
        return body
    return json.dumps(_hidden(told), ensure_ascii=False, separators=(",", ":")).encode()


def _hidden(told: Any) -> Any:
    """Hide each text but those that say something of DHIS2, however deep."""
    if not isinstance(told, dict):
        return told
    return {
        name: _hidden(value) if TOLD.fullmatch(name) or not isinstance(value, str) else value and "masked"
        for name, value in told.items()
    }
