"""What changed between two versions, for a person: first what the facade uses, which is read in a minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from scripts.regen import needs
from scripts.regen.model import Api, Operation, Parameter, Schema, inside, referred
from scripts.regen.normalise.classes import expression
from scripts.regen.overlay import Counts

STEP = "report"
REST = "## Everything else"
NAMED = 3  # functions named in a line about many
LONG = 160  # characters of a type in a line


@frozen
class Version:
    """A version as the report sees it."""

    api: Api
    overlays: Mapping[str, Counts]


@frozen
class _Diff:
    added: list[str]
    removed: list[str]
    changed: list[tuple[str, list[str]]]


def report(older: Version | None, newer: Version, needed: Mapping[str, str]) -> str:
    """Write the report: what the facade lacks, what overlays did, then messaging and files, then everything else."""
    versions = [newer] if older is None else [older, newer]
    near = set(needed)
    title = (
        f"DHIS2 2.{newer.api.version}"
        if older is None
        else f"From DHIS2 2.{older.api.version} to 2.{newer.api.version}"
    )
    lines = [f"# {title}", "", "Written by `make regen` from the normalised documents; `+` is new, `-` is gone.", ""]
    lines += _counts(versions)
    lines += _facade(versions, needed)
    lines += _overlays(versions)
    if older is not None:
        lines += _section("What the facade uses", older.api, newer.api, near, used=True)
        lines += _section(REST.removeprefix("## "), older.api, newer.api, near, used=False)
    lines += _notes(newer.api)
    return "\n".join(lines).rstrip() + "\n"


def _counts(versions: list[Version]) -> list[str]:
    head = "| | " + " | ".join(f"2.{version.api.version}" for version in versions) + " |"
    rows = [head, "|-|" + "-|" * len(versions)]
    rows.append("| operations | " + " | ".join(str(len(version.api.operations)) for version in versions) + " |")
    rows.append("| models | " + " | ".join(str(len(version.api.schemas)) for version in versions) + " |")
    return [*rows, ""]


def _facade(versions: list[Version], needed: Mapping[str, str]) -> list[str]:
    lines = ["## What the facade needs and does not find", ""]
    for version in versions:
        missing = needs.lacking(version.api, needed)
        lines += [f"- 2.{version.api.version}: {line}" for line in missing] or [f"- 2.{version.api.version}: nothing"]
    return [*lines, ""]


def _overlays(versions: list[Version]) -> list[str]:
    """For review: what did not apply, what changed nothing, and what is no longer or newly in force."""
    newer = versions[-1]
    older = versions[0] if len(versions) > 1 else None
    lines = ["## Overlay actions", ""]
    quiet = 0
    for name, counts in sorted(newer.overlays.items()):
        before = older.overlays.get(name) if older else None
        if not counts.matched:
            lines.append(f"- **did not apply**: {name}")
        elif counts.changed < counts.matched:
            lines.append(
                f"- **changed nothing** in {counts.matched - counts.changed} of {counts.matched} places: {name}"
            )
        elif older and before is None:
            lines.append(f"- applies from here on, {counts.matched} places: {name}")
        elif before and before != counts:
            lines.append(f"- {counts.matched} places instead of {before.matched}: {name}")
        else:
            quiet += 1
    gone = sorted(older.overlays.keys() - newer.overlays.keys()) if older else []
    lines += [f"- is over: {name}" for name in gone]
    lines.append(f"- applied{' as before' if older else ''}: {quiet}")
    return [*lines, ""]


def _section(title: str, old: Api, new: Api, near: set[str], *, used: bool) -> list[str]:
    operations = _operations(_chosen(old, near, used), _chosen(new, near, used))
    models = _models(_reached(old, near, used), _reached(new, near, used))
    lines = [f"## {title}", ""]
    for what, diff in (("Functions", operations), ("Models", models)):
        lines += [f"### {what}", ""]
        lines += _names("new", "+", diff.added) + _names("gone", "-", diff.removed) + _grouped(diff.changed)
        lines += [] if diff.added or diff.removed or diff.changed else ["Nothing changed."]
        lines.append("")
    return lines


def _chosen(api: Api, near: set[str], used: bool) -> dict[str, Operation]:
    return {o.name: o for o in api.operations if (o.name in near) == used}


def _reached(api: Api, near: set[str], used: bool) -> dict[str, Schema]:
    """Models that the functions of the part name, and those in their fields; the rest is reached from elsewhere."""
    reached: set[str] = set()
    for operation in _chosen(api, near, True).values():
        for schema in operation.schemas():
            for name in _references(schema):
                reached |= {name, *_references(api.schemas[name])}
    return {name: schema for name, schema in api.schemas.items() if (name in reached) == used}


def _references(schema: Schema) -> set[str]:
    if name := referred(schema):
        return {name}
    return set().union(*map(_references, inside(schema)))


def _operations(old: dict[str, Operation], new: dict[str, Operation]) -> _Diff:
    changed = []
    for name in sorted(old.keys() & new.keys()):
        a, b = old[name], new[name]
        lines = [f"call `{a.place}` → `{b.place}`"] if a.place != b.place else []
        lines += _fields({p.name: _typed(p) for p in a.parameters}, {p.name: _typed(p) for p in b.parameters})
        for what, before, after in (("body", a.body, b.body), ("answer", a.answer, b.answer)):
            if _short(before) != _short(after):
                lines.append(f"{what} `{_short(before)}` → `{_short(after)}`")
        if a.body_type != b.body_type:
            lines.append(f"sent as `{a.body_type}` → `{b.body_type}`")
        if b.deprecated and not a.deprecated:
            lines.append("deprecated now")
        if lines:
            changed.append((name, lines))
    return _Diff(
        [f"{name} ({new[name].place})" for name in sorted(new.keys() - old.keys())],
        [f"{name} ({old[name].place})" for name in sorted(old.keys() - new.keys())],
        changed,
    )


def _typed(parameter: Parameter) -> str:
    text = "text or list" if parameter.text else _short(parameter.schema)
    return f"{text}{', required' if parameter.required and parameter.place != 'path' else ''}"


def _models(old: dict[str, Schema], new: dict[str, Schema]) -> _Diff:
    changed = []
    for name in sorted(old.keys() & new.keys()):
        a, b = old[name], new[name]
        values = [f"+{value}" for value in sorted({*b.get("enum", ())} - {*a.get("enum", ())})]
        values += [f"-{value}" for value in sorted({*a.get("enum", ())} - {*b.get("enum", ())})]
        lines = [f"values {', '.join(values)}"] if values else []
        before = {key: _short(value) for key, value in a.get("properties", {}).items()}
        lines += _fields(before, {key: _short(value) for key, value in b.get("properties", {}).items()})
        if not lines and expression(a) != expression(b):
            lines = [f"`{_short(a)}` → `{_short(b)}`"]
        if lines:
            changed.append((name, lines))
    return _Diff(sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys()), changed)


def _fields(old: dict[str, str], new: dict[str, str]) -> list[str]:
    added = ", ".join(f"+`{name}`: {new[name]}" for name in sorted(new.keys() - old.keys()))
    removed = ", ".join(f"-`{name}`" for name in sorted(old.keys() - new.keys()))
    changed = [f"`{n}`: {old[n]} → {new[n]}" for n in sorted(old.keys() & new.keys()) if old[n] != new[n]]
    return [line for line in (added, removed, *changed) if line]


def _short(schema: Schema | None) -> str:
    text = "nothing" if schema is None else expression(schema)
    return text if len(text) <= LONG else text[:LONG] + "…"


def _names(word: str, sign: str, names: list[str]) -> list[str]:
    return [f"{len(names)} {word}:", "", *(f"- `{sign}` {name}" for name in names), ""] if names else []


def _grouped(changed: Iterable[tuple[str, list[str]]]) -> list[str]:
    """One entry for all that changed in the same way."""
    groups: dict[str, list[str]] = {}
    for name, lines in changed:
        groups.setdefault("; ".join(lines), []).append(name)
    if not groups:
        return []
    total = sum(map(len, groups.values()))
    entries = []
    for what, names in sorted(groups.items(), key=lambda entry: (-len(entry[1]), entry[1])):
        listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        entries.append(f"- {listed}: {what}")
    return [f"{total} changed:", "", *entries, ""]


def _notes(api: Api) -> list[str]:
    lines = [f"- {note}" for note in api.notes] or ["- nothing"]
    return [f"## Left out, or read as anything, in 2.{api.version}", "", *lines, ""]
