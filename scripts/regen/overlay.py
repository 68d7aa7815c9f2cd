"""What the documents get wrong about the servers, corrected by OpenAPI Overlays, strictly.

An action says from (`x-from`) and until (`x-until`) which version it applies, both inclusive. How often it matched
and how much of that it changed is compared with the version's lock; a version without a lock is new, and gives a
review instead of an error.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import jsonpath
import yaml
from attrs import frozen

from scripts.regen.errors import RegenError

Json: TypeAlias = Any
STEP = "overlay"
SCHEMAS = "#/components/schemas/"
KEYS = frozenset({"target", "update", "remove", "x-id", "x-why", "x-from", "x-until"})


@frozen
class Action:
    """One correction: where, what, why, and in which versions."""

    name: str
    target: str
    path: jsonpath.JSONPath | jsonpath.CompoundJSONPath
    why: str
    update: Json
    remove: bool
    first: int
    last: int | None

    def applies(self, version: str) -> bool:
        """Whether the servers of this version need the correction."""
        return self.first <= int(version) and (self.last is None or int(version) <= self.last)


@frozen
class Counts:
    """How many places an action matched, and how many of them it changed."""

    matched: int
    changed: int


def load(folder: Path) -> list[Action]:
    """Read all overlays of a folder, in the order of their names; RegenError names what is not well formed."""
    actions: list[Action] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            overlay = yaml.safe_load(file.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise RegenError(STEP, file.name, f"not YAML ({error})".replace("\n", " "), "mend the file") from None
        if not isinstance(overlay, dict) or overlay.get("overlay") != "1.0.0" or not overlay.get("actions"):
            raise RegenError(
                STEP, file.name, "not an OpenAPI Overlay 1.0.0 with actions", "begin it with overlay: 1.0.0"
            )
        actions += [_action(file, number, action) for number, action in enumerate(overlay["actions"])]
    seen: set[str] = set()
    for action in actions:
        if action.name in seen:
            raise RegenError(STEP, action.name, "two actions have this x-id", "give each its own")
        seen.add(action.name)
    return actions


def _action(file: Path, number: int, raw: Json) -> Action:
    place = f"{file.name}: actions[{number}]"
    if not isinstance(raw, dict) or not isinstance(raw.get("target"), str):
        raise RegenError(STEP, place, "no target", "give the JSONPath of what is to be changed")
    if unknown := sorted(raw.keys() - KEYS):
        raise RegenError(STEP, place, f"unknown key {unknown[0]!r}", f"known are {', '.join(sorted(KEYS))}")
    for key in ("x-id", "x-why"):
        if not isinstance(raw.get(key), str) or not raw[key].strip():
            raise RegenError(STEP, place, f"no {key}", "say in it how the action is called, and why it is needed")
    if ("update" in raw) == (raw.get("remove") is True):
        raise RegenError(STEP, place, "neither or both of update and remove", "give one of them")
    for key in ("x-from", "x-until"):
        if not isinstance(raw.get(key, 0), int):
            raise RegenError(STEP, place, f"{key} is no version number", "write it as 41")
    _check_keys(raw.get("update"), place)
    try:
        path = jsonpath.compile(raw["target"])
    except jsonpath.JSONPathError as error:
        raise RegenError(STEP, place, f"target is no JSONPath ({error})".replace("\n", " "), "see RFC 9535") from None
    return Action(
        f"{file.stem}: {raw['x-id']}",
        raw["target"],
        path,
        raw["x-why"],
        raw.get("update"),
        raw.get("remove") is True,
        raw.get("x-from", 0),
        raw.get("x-until"),
    )


def _check_keys(value: Json, place: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise RegenError(STEP, place, f"the key {key!r} is not text", f"write it as '{key}'")
            _check_keys(inner, place)
    elif isinstance(value, list):
        for inner in value:
            _check_keys(inner, place)


def apply(document: dict[str, Json], actions: list[Action], version: str) -> tuple[dict[str, Json], dict[str, Counts]]:
    """Give the corrected document and what each action that applies to this version did."""
    corrected = copy.deepcopy(document)
    return corrected, {action.name: _apply(corrected, action) for action in actions if action.applies(version)}


def _apply(document: dict[str, Json], action: Action) -> Counts:
    matches = list(action.path.finditer(document))
    changed = 0
    for match in reversed(matches):  # from the end, so that the places before stay where they are
        if action.remove:
            parent: Json = match.parent.obj if match.parent else None
            if parent is None:
                raise RegenError(STEP, action.name, "would remove the whole document", "give a narrower target")
            del parent[match.parts[-1]]
            changed += 1
        elif isinstance(match.obj, dict) and isinstance(action.update, dict):
            changed += _merge(match.obj, action.update, document)
        elif isinstance(match.obj, list):
            match.obj.append(copy.deepcopy(action.update))
            changed += 1
    return Counts(len(matches), changed)


def _merge(target: dict[str, Json], update: dict[str, Json], document: Json) -> bool:
    changed = False
    if "$ref" not in update:
        _write_out(target, document)
    for key, value in update.items():
        old = target.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            changed |= _merge(old, value, document)
        elif isinstance(value, list) and isinstance(old, list):
            added = [copy.deepcopy(item) for item in value if item not in old]
            old.extend(added)
            changed |= bool(added)
        elif key not in target or old != value:
            target[key] = copy.deepcopy(value)
            changed = True
    return changed


def _write_out(target: dict[str, Json], document: Json) -> None:
    """Put what a reference refers to in its place: what is written beside a reference means nothing."""
    reference = target.get("$ref")
    for _ in range(8):
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return
        found = document
        for part in reference[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            return
        target.pop("$ref")
        target.update(copy.deepcopy(found))
        reference = target.get("$ref")


def dangling(document: dict[str, Json], actions: list[Action], version: str) -> list[str]:
    """Say which updates refer to a schema that the document does not have."""
    there = (document.get("components") or {}).get("schemas") or {}
    lines = []
    for action in actions:
        if action.applies(version):
            named = {name.removeprefix(SCHEMAS) for name in _references(action.update)}
            lines += [
                f"refers to the schema {name}, which is not there: {action.name}"
                for name in sorted(named - there.keys())
            ]
    return lines


def _references(value: Json) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def check(counts: Mapping[str, Counts], locked: Mapping[str, Counts] | None, version: str) -> None:
    """Compare with the lock; raises RegenError for the first action that does not do what it did."""
    if locked is None:
        return
    remedy = f"correct the overlay, or take its line out of openapi/locks/v{version}.toml to accept this"
    for name in sorted(locked.keys() - counts.keys()):
        raise RegenError(STEP, name, f"in the lock of v{version}, but in no overlay for it", remedy)
    for name, now in counts.items():
        then = locked.get(name)
        if then == now:
            continue
        if then is not None:
            raise RegenError(STEP, name, f"matched {now.matched} and changed {now.changed} in v{version}, "
                             f"the lock says {then.matched} and {then.changed}", remedy)  # fmt: skip
        if not now.matched:
            raise RegenError(
                STEP, name, f"matches nothing in v{version}", "correct the target, or say x-from or x-until"
            )
        if now.changed < now.matched:
            raise RegenError(STEP, name, f"changes nothing in v{version}", "the document is right there: say x-until")
