"""Where regen reads and writes, all below one root."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen


@frozen
class Layout:
    """The files of the project, or of a copy of it that a test made."""

    root: Path

    @property
    def documents(self) -> Path:
        """The published documents in canonical form, and all that is said of them."""
        return self.root / "openapi"

    @property
    def overlays(self) -> Path:
        """The corrections, one file a concern."""
        return self.documents / "overlays"

    @property
    def needs(self) -> Path:
        """The operations that the facade needs."""
        return self.documents / "facade.toml"

    @property
    def names(self) -> Path:
        """The names given to operations and shapes so far."""
        return self.documents / "names.toml"

    @property
    def bindings(self) -> Path:
        """The generated package."""
        return self.root / "generated" / "dhis2_bindings"

    @property
    def stage(self) -> Path:
        """Where a run writes until all of it is done; ignored by git."""
        return self.root / "build" / "regen"

    def document(self, version: str) -> Path:
        """The canonical document of a version."""
        return self.documents / f"v{version}.json"

    def lock(self, version: str) -> Path:
        """Where the document of a version came from and what was made of it."""
        return self.documents / "locks" / f"v{version}.toml"

    def report(self, older: str | None, newer: str) -> Path:
        """What changed between two versions, or what is to be said of the oldest."""
        return self.documents / "reports" / (f"v{older}-v{newer}.md" if older else f"v{newer}.md")

    def pin(self, version: str) -> Path:
        """The module that an author imports to pin a version."""
        return self.root / "facade" / "dhis2_facade" / f"v{version}.py"

    def versions(self) -> list[str]:
        """The versions whose documents are here, oldest first."""
        found = (re.fullmatch(r"v(\d+)\.json", path.name) for path in self.documents.glob("v*.json"))
        return sorted((match[1] for match in found if match), key=int)
