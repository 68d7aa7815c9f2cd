"""Names of functions: short, the same in every version, and never resting on the order inside an operation id."""

from __future__ import annotations

import re

from scripts.regen.model import Operation
from scripts.regen.names import Names, snake

# What every collection of DHIS2 offers: the name, and how many variables the path has. The order is the choice where
# one operation has several handlers.
IDIOMS = {
    "getObjectList": ("list_", 0),
    "getObjectListCsv": ("list_csv", 0),
    "getObjectListGist": ("list_gist", 0),
    "getObjectListGistAsCsv": ("list_gist_csv", 0),
    "getObject": ("get", 1),
    "getObjectGist": ("get_gist", 1),
    "getObjectGistAsCsv": ("get_gist_csv", 1),
    "getObjectProperty": ("get_property", 2),
    "getObjectPropertyGist": ("get_property_gist", 2),
    "getObjectPropertyGistAsCsv": ("get_property_gist_csv", 2),
    "postJsonObject": ("create", 0),
    "postXmlObject": ("create_xml", 0),
    "putJsonObject": ("replace", 1),
    "putXmlObject": ("replace_xml", 1),
    "patchObject": ("patch", 1),
    "partialUpdateObject": ("update", 1),
    "updateObjectProperty": ("update_property", 2),
    "deleteObject": ("delete", 1),
    "addCollectionItem": ("add_item", 3),
    "addCollectionItemsJson": ("add_items", 2),
    "addCollectionItemsXml": ("add_items_xml", 2),
    "replaceCollectionItemsJson": ("replace_items", 2),
    "replaceCollectionItemsXml": ("replace_items_xml", 2),
    "deleteCollectionItem": ("delete_item", 3),
    "deleteCollectionItemsJson": ("delete_items", 2),
    "deleteCollectionItemsXml": ("delete_items_xml", 2),
    "getCollectionItem": ("get_item", 3),
    "replaceTranslations": ("replace_translations", 1),
    "setAsFavorite": ("add_favorite", 1),
    "removeAsFavorite": ("remove_favorite", 1),
}
_RANK = {handler: rank for rank, handler in enumerate(IDIOMS)}


def name_functions(operations: list[Operation], names: Names) -> None:
    """Give each operation its module and function; what is new is added to the table of names."""
    before: dict[str, dict[str, str]] = {}
    for key, given in names.functions.items():
        call, _, handler = key.rpartition(" ")
        before.setdefault(call, {})[handler] = given
    shared: dict[str, list[Operation]] = {}
    for operation in operations:
        shared.setdefault(_call(operation), []).append(operation)
    taken: set[str] = set()
    unnamed: list[tuple[Operation, str]] = []
    for call, group in sorted(shared.items()):
        for operation, key in _keys(group):
            name = _known(operation, key, group, before.get(call, {}))
            if name is None or name in taken:
                unnamed.append((operation, key))
            else:
                taken.add(name)
                operation.module, operation.function = name.split(".")
    for operation, key in sorted(unnamed, key=_turn):
        module, function = snake(operation.controller), _function(operation)
        number = 1
        while f"{module}.{function}" in taken:
            number += 1
            function = f"{_function(operation).rstrip('_')}_{number}"
        taken.add(f"{module}.{function}")
        operation.module, operation.function = module, function
        names.functions[f"{_call(operation)} {key}"] = operation.name


def _keys(group: list[Operation]) -> list[tuple[Operation, str]]:
    """Tell apart the operations of one call: by their handlers, and those of one handler by a number."""
    seen: dict[str, int] = {}
    keyed = []
    for operation in group:
        handler = _handler(operation)
        seen[handler] = seen.get(handler, 0) + 1
        keyed.append((operation, handler if seen[handler] == 1 else f"{handler}~{seen[handler]}"))
    return keyed


def _turn(keyed: tuple[Operation, str]) -> tuple[int, str, str, str, str]:
    """Who is named first, and so has a name without a number: as the server numbers its own, then by the call."""
    operation, key = keyed
    digits = re.search(r"\d*$", _handler(operation))
    return (int(digits[0] or 0) if digits else 0, operation.path, operation.method, operation.published, key)


def _call(operation: Operation) -> str:
    return f"{operation.method} {re.sub(r'{[^}]*}', '{}', operation.path)}"


def _known(operation: Operation, key: str, group: list[Operation], known: dict[str, str]) -> str | None:
    """The name that was given before: to this handler, to another of the same operation, or to the call itself."""
    if key in known or "~" in key:
        return known.get(key)
    others = sorted((handler for handler in operation.handlers if handler in known), key=_by_idiom)
    if others:
        return known[others[0]]
    # The only operation of its call, as before, under a handler of another name.
    return next(iter(known.values())) if len(group) == 1 and len(known) == 1 else None


def _by_idiom(handler: str) -> tuple[int, int, str]:
    plain = handler.rstrip("0123456789")
    return (_RANK.get(plain, len(_RANK)), len(handler), handler)


def _handler(operation: Operation) -> str:
    """The handler that names the operation: an idiom before others, then the shortest, then by the alphabet."""
    return min(operation.handlers, key=_by_idiom)


def _function(operation: Operation) -> str:
    plain = _handler(operation).rstrip("0123456789")
    name, variables = IDIOMS.get(plain, (snake(plain), None))
    return name if variables in (None, operation.path.count("{")) else snake(plain)
