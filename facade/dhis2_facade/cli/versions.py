"""Which generated functions differ between two versions, and which of those somebody's code uses."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from attrs import frozen

import dhis2_bindings
from dhis2_facade.cli.exits import Failure

__all__ = ["Compared", "Difference", "compare", "functions", "uses"]

PLACE = 5  # names of a function: dhis2_bindings, version, api, module, function
REQUEST = ("method", "path", "result", "models")  # the arguments of a Request that come without their names


class Difference(TypedDict):
    """A function that differs, or is used: what changed, and where it is used."""

    function: str
    change: str
    details: list[str]
    used: list[str]


class Compared(TypedDict):
    """How the functions of two versions differ; `same` are those that do not."""

    before: str
    after: str
    functions: list[Difference]
    same: int


@frozen
class Function:
    """A generated function: its parameters, what it returns, and the request that it makes."""

    parameters: Mapping[str, str]
    required: frozenset[str]
    returns: str
    request: Mapping[str, str]


def functions(version: str, modules: Collection[str] | None = None) -> dict[str, Function]:
    """Read the generated functions of a version, of all modules or of some, without importing them."""
    folder = Path(dhis2_bindings.__path__[0]) / f"v{version}" / "api"
    return {
        f"{path.stem}.{node.name}": _function(node)
        for path in sorted(folder.glob("*.py"))
        if path.stem != "__init__" and (modules is None or path.stem in modules)
        for node in ast.parse(path.read_bytes()).body
        if isinstance(node, ast.FunctionDef)
    }


def _function(node: ast.FunctionDef) -> Function:
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + [*given.defaults] + [*given.kw_defaults]
    arguments = [*plain, *given.kwonlyargs]
    return Function(
        parameters={one.arg: ast.unparse(one.annotation) if one.annotation else "" for one in arguments},
        required=frozenset(one.arg for one, default in zip(arguments, defaults, strict=True) if default is None),
        returns=ast.unparse(node.returns) if node.returns else "",
        request=_request(node),
    )


def _request(node: ast.FunctionDef) -> dict[str, str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "Request":
            named = {word.arg or "**": ast.unparse(word.value) for word in inner.keywords}
            return {**dict(zip(REQUEST, map(ast.unparse, inner.args), strict=False)), **named}
    return {}


def compare(before: str, after: str, used: Mapping[str, Sequence[str]] | None = None) -> Compared:
    """Compare two versions; with `used` only those functions, also where they are the same."""
    modules = None if used is None else {name.partition(".")[0] for name in used}
    old, new = functions(before, modules), functions(after, modules)
    found: list[Difference] = []
    names = sorted(old.keys() | new.keys()) if used is None else sorted(used)
    for name in names:
        details = _details(old.get(name), new.get(name))
        change = _change(old.get(name), new.get(name), details)
        if used is not None or change != "same":
            where = [*used[name]] if used is not None else []
            found.append({"function": name, "change": change, "details": details, "used": where})
    same = sum(name in new and not _details(old[name], new[name]) for name in old if used is None or name in used)
    return {"before": before, "after": after, "functions": found, "same": same}


def _change(old: Function | None, new: Function | None, details: Sequence[str]) -> str:
    if old is None:
        return "unknown" if new is None else "added"
    if new is None:
        return "removed"
    return "changed" if details else "same"


def _details(old: Function | None, new: Function | None) -> list[str]:
    if old is None or new is None:
        return []
    details = [f"{name}: removed" for name in old.parameters if name not in new.parameters]
    for name, kind in new.parameters.items():
        must = name in new.required
        if name not in old.parameters:
            details.append(f"{name}: added{', required' if must else ''} ({kind})")
            continue
        if kind != old.parameters[name]:
            details.append(f"{name}: {old.parameters[name]} → {kind}")
        if must != (name in old.required):
            details.append(f"{name}: {'required now' if must else 'not required any more'}")
    if new.returns != old.returns:
        details.append(f"returns: {old.returns} → {new.returns}")
    details += [
        f"{part}: {old.request.get(part)} → {new.request.get(part)}"
        for part in ("method", "path", "headers", "content_type", "accept")
        if old.request.get(part) != new.request.get(part)
    ]
    if not details and old.request.get("query") != new.request.get("query"):
        details.append(f"query: {old.request.get('query')} → {new.request.get('query')}")
    return details


# -- what somebody's code uses ----------------------------------------------------------------------------------------


def uses(path: Path) -> dict[str, list[str]]:
    """Find the generated functions that the code at a path imports or calls, each with its places."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    if not path.exists():
        raise Failure(f"{path}: there is no such file or folder")
    found: dict[str, list[str]] = {}
    for file in files:
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError) as error:
            raise Failure(f"{file}: this is no Python ({error})") from None
        shown = file.relative_to(path) if path.is_dir() else file.name
        for line, name in sorted(_used(tree)):
            found.setdefault(name, []).append(f"{shown}:{line}")
    return found


def _used(tree: ast.Module) -> set[tuple[int, str]]:
    names: dict[str, tuple[str, ...]] = {}
    found: set[tuple[int, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                way = _way((*node.module.split("."), alias.name))
                names[alias.asname or alias.name] = way
                found.update(_named(node.lineno, way))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                whole = tuple(alias.name.split("."))
                names[alias.asname or whole[0]] = whole if alias.asname else whole[:1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            chain = _chain(node)
            if chain and chain[0] in names:
                found.update(_named(node.lineno, _way((*names[chain[0]], *chain[1:]))))
    return found


def _way(names: tuple[str, ...]) -> tuple[str, ...]:
    """Give the way to a name; a pin's `bindings` are those of its version."""
    if names[:1] == ("dhis2_facade",) and names[2:3] == ("bindings",):
        return ("dhis2_bindings", names[1], *names[3:])
    return names


def _named(line: int, way: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    if len(way) >= PLACE and way[0] == "dhis2_bindings" and way[2] == "api":
        yield line, f"{way[3]}.{way[4]}"


def _chain(node: ast.expr) -> tuple[str, ...]:
    """Give the names of a dotted expression, or none where it begins with something else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()
