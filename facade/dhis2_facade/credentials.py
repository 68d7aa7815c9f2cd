"""Credentials on their way into the transport, where no repr, pickle or traceback shows them."""

from __future__ import annotations

import base64

from attrs import field, frozen

from dhis2_facade.errors import InvalidInput

__all__ = ["Credentials"]


@frozen(kw_only=True)
class Credentials:
    """What a client was given to log in with."""

    token: object = field(default=None, repr=False)
    username: object = field(default=None, repr=False)
    password: object = field(default=None, repr=False)
    auth: object = field(default=None, repr=False)

    def problem(self) -> str | None:
        """Say what is wrong with them, without showing them."""
        ways = [self.token is not None, self.username is not None or self.password is not None, self.auth is not None]
        if sum(ways) > 1:
            return "pass one of token=, username= with password=, and auth="
        if self.token is not None and not _is_sendable(self.token):
            return "token: expected a personal access token, d2pat_ and letters and digits, without blanks"
        if ways[1] and not (isinstance(self.username, str) and isinstance(self.password, str)):
            return "username= and password= come together, both text"
        if isinstance(self.username, str) and (":" in self.username or not self.username):
            return "username: it is empty or holds a colon, which cannot be sent"
        return None

    def headers(self) -> dict[str, str]:
        """Give the header that they make. Raises InvalidInput."""
        problem = self.problem()
        if problem:
            raise InvalidInput(problem)
        if self.token is not None:
            return {"Authorization": f"ApiToken {str(self.token).strip()}"}
        if self.username is not None:
            pair = f"{self.username}:{self.password}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    def __getstate__(self) -> object:
        raise TypeError("credentials cannot be pickled")


def _is_sendable(token: object) -> bool:
    text = token.strip() if isinstance(token, str) else ""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
