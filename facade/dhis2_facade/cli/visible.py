"""Text of others made harmless: what would steer a terminal, or hide from its reader, is written out."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["line", "line_piece", "plain_json", "text"]

# Joiners, without which words of some scripts and many emoji fall apart.
JOINERS = "\u200c\u200d"
# Everything that may be harmful, or is far from ASCII; the rest is passed through at full speed.
SUSPECT = re.compile(r"[^\n\t\x20-\x7e]")
NOT_A_SIGN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # controls, format (bidi, tags), surrogates, private, separators


def _written(sign: str) -> str:
    """Give a sign as an escape, if it is none that is seen."""
    if unicodedata.category(sign) not in NOT_A_SIGN or sign in JOINERS:
        return sign
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def text(value: object) -> str:
    """Give a text of any lines; line breaks and tabs stay."""
    whole = str(value).replace("\r\n", "\n")
    return SUSPECT.sub(lambda found: _written(found[0]), whole)


def line(value: object) -> str:
    """Give a text as one line."""
    return " ".join(text(value).split())


def line_piece(value: object) -> str:
    """Give a piece of a line, with the blanks that it begins and ends with."""
    return text(value).replace("\n", " ").replace("\t", " ")


def plain_json(document: str) -> str:
    """Escape in written JSON what JSON itself lets through."""

    def escaped(found: re.Match[str]) -> str:
        sign = found[0]
        if _written(sign) == sign:
            return sign
        units = sign.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))

    return SUSPECT.sub(escaped, document)
