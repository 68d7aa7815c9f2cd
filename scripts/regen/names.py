"""Names: how they are spelled, and which were given before.

The spelling is that of openapi-python-client, so that a name which is given here comes out unchanged there.
"""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
import tomllib
from pathlib import Path

import tomli_w
from attrs import define, field

from scripts.regen.errors import RegenError

# Words of the templates and of their imports; a class of this name would hide them.
RESERVED = frozenset(
    {"Any", "ClassVar", "File", "JsonObject", "OpenEnum", "Request", "Text", "TypeAlias", "UNSET", "Unset"}
)
LONG = 100  # letters of a name
_WORDS = re.compile(r"[A-Z]?[a-z]+|(?:[A-Z](?![a-z])|[0-9])+")
_TAKEN = (set(dir(builtins)) | set(keyword.kwlist) | {"self", "true", "false", "datetime"}) - {"id"}


def words(text: str) -> list[str]:
    """Split a name into its words: `messageConversation2` into `message`, `Conversation`, `2`."""
    return _WORDS.findall(text)


def pascal(text: str) -> str:
    """Spell a name as a class is spelled; what is no letter or digit is left out."""
    return "".join(word if word.isupper() else word.capitalize() for word in words(text))


def class_name(text: str) -> str:
    """Give a name that a class can have, not one of Python's own or of the templates'."""
    name = pascal(text)
    if not name[:1].isalpha():
        name = f"Schema{name}"
    if len(name) > LONG:  # a file is called by it
        name = f"{name[: LONG - 10]}X{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        name = pascal(name)
    return f"{name}Object" if name in RESERVED or name in _TAKEN else name


def snake(text: str) -> str:
    """Spell a name as a function or module is spelled; a word of Python's own gets an underscore behind it."""
    name = "_".join(words(text)).lower()
    if len(name) > LONG:
        name = f"{name[: LONG - 10].rstrip('_')}_x{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    if not name[:1].isalpha():
        name = f"x_{name}".rstrip("_")
    return f"{name}_" if name in _TAKEN else name


def camel(name: str) -> str:
    """Spell an attribute as DHIS2 spells its key, where it follows its own habit."""
    head, *tail = name.rstrip("_").split("_")
    return head + "".join(word.capitalize() for word in tail)


@define
class Names:
    """The table of given names: a later document never renames what an earlier one has."""

    functions: dict[str, str] = field(factory=dict)
    """`GET /api/x/{} handler` → `module.function`."""
    classes: dict[str, list[str]] = field(factory=dict)
    """Shape of an inline object or enum → its name, and others where a document has that name for something else."""

    @classmethod
    def read(cls, path: Path) -> Names:
        """Read the table; one that is not there yet is empty."""
        if not path.exists():
            return cls()
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            functions = {key: str(name) for key, name in table.get("functions", {}).items()}
            return cls(functions, {key: names.split() for key, names in table.get("classes", {}).items()})
        except (ValueError, AttributeError) as error:
            raise RegenError(
                "names", path.name, f"cannot be read ({error})", "restore it from version control"
            ) from None

    def dump(self) -> str:
        """Write the table, sorted."""
        head = "# Written by make regen, which adds what a new document brings. A name that is here stays.\n\n"
        classes = {key: " ".join(names) for key, names in sorted(self.classes.items())}
        ordered = {"functions": dict(sorted(self.functions.items())), "classes": classes}
        return head + tomli_w.dumps(ordered)
