"""A corrected document to what is worth generating: few forms of schemas, one body and one answer an operation."""

from __future__ import annotations

from typing import Any

from scripts.regen.errors import RegenError
from scripts.regen.model import Api
from scripts.regen.names import Names
from scripts.regen.normalise.classes import name_classes
from scripts.regen.normalise.functions import name_functions
from scripts.regen.normalise.operations import STEP, operations
from scripts.regen.normalise.schemas import Components

__all__ = ["STEP", "normalise"]


def normalise(document: dict[str, Any], version: str, names: Names) -> Api:
    """Normalise a corrected document; what is new in it is added to the table of names."""
    notes: list[str] = []
    published = document.get("components", {}).get("schemas") or {}
    try:
        components = Components(published, notes)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        problem = f"not as OpenAPI has it ({type(error).__name__}: {error})"
        raise RegenError(STEP, "$.components.schemas", problem, "correct it with an overlay") from error
    found = operations(document, components)
    name_functions(found, names)
    schemas = name_classes(found, components.schemas, names)
    return Api(version, found, schemas, sorted(set(notes)))
