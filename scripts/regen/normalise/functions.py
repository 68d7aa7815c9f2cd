"""Names of functions: short, the same in every version, and never resting on the order inside an operation id."""

from __future__ import annotations

import re

from scripts.regen.model import Operation
from scripts.regen.names import Names, snake

# What every collection of DHIS2 offers. The order is the choice where one operation has several handlers.
IDIOMS = {
    "getObjectList": "list_",
    "getObjectListCsv": "list_csv",
    "getObjectListGist": "list_gist",
    "getObjectListGistAsCsv": "list_gist_csv",
    "getObject": "get",
    "getObjectGist": "get_gist",
    "getObjectGistAsCsv": "get_gist_csv",
    "getObjectProperty": "get_property",
    "getObjectPropertyGist": "get_property_gist",
    "getObjectPropertyGistAsCsv": "get_property_gist_csv",
    "postJsonObject": "create",
    "postXmlObject": "create_xml",
    "putJsonObject": "replace",
    "putXmlObject": "replace_xml",
    "patchObject": "patch",
    "partialUpdateObject": "update",
    "updateObjectProperty": "update_property",
    "deleteObject": "delete",
    "addCollectionItem": "add_item",
    "addCollectionItemsJson": "add_items",
    "addCollectionItemsXml": "add_items_xml",
    "replaceCollectionItemsJson": "replace_items",
    "replaceCollectionItemsXml": "replace_items_xml",
    "deleteCollectionItem": "delete_item",
    "deleteCollectionItemsJson": "delete_items",
    "deleteCollectionItemsXml": "delete_items_xml",
    "getCollectionItem": "get_item",
    "replaceTranslations": "replace_translations",
    "setAsFavorite": "add_favorite",
    "removeAsFavorite": "remove_favorite",
}
_RANK = {handler: rank for rank, handler in enumerate(IDIOMS)}


def name_functions(operations: list[Operation], names: Names) -> None:
    """Give each operation its module and function; what is new is added to the table of names."""
    shared: dict[str, list[Operation]] = {}
    for operation in operations:
        shared.setdefault(_call(operation), []).append(operation)
    before: dict[str, dict[str, str]] = {}
    for key, given in names.functions.items():
        call, _, handler = key.rpartition(" ")
        before.setdefault(call, {})[handler] = given
    taken: set[str] = set()
    unnamed: list[Operation] = []
    for call, group in sorted(shared.items()):
        for operation in group:
            name = _known(operation, group, before.get(call, {}))
            if name is None or name in taken:
                unnamed.append(operation)
            else:
                taken.add(name)
                operation.module, operation.function = name.split(".")
    for operation in sorted(unnamed, key=lambda o: (o.path, o.method, _handler(o), o.published)):
        module, function = snake(operation.controller), _function(operation)
        number = 1
        while f"{module}.{function}" in taken:
            number += 1
            function = f"{_function(operation).rstrip('_')}_{number}"
        taken.add(f"{module}.{function}")
        operation.module, operation.function = module, function
        names.functions[f"{_call(operation)} {_handler(operation)}"] = operation.name


def _call(operation: Operation) -> str:
    return f"{operation.method} {re.sub(r'{[^}]*}', '{}', operation.path)}"


def _known(operation: Operation, group: list[Operation], known: dict[str, str]) -> str | None:
    """The name that was given before: to this handler, to another of the same operation, or to the call itself."""
    own = known.get(_handler(operation))
    others = sorted((handler for handler in operation.handlers if handler in known), key=_by_idiom)
    if own or others:
        return own or known[others[0]]
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
    return IDIOMS.get(plain) or snake(plain)
