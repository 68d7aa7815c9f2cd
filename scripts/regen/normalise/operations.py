"""Operations as a client calls them: one path, one body, one answer."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from scripts.regen.document import METHODS
from scripts.regen.errors import RegenError
from scripts.regen.model import Operation, Parameter, Schema, referred
from scripts.regen.names import pascal
from scripts.regen.normalise.schemas import SCALARS, Components

Json: TypeAlias = Any
STEP = "normalise"
# DHIS2's own little languages; a document may call them enums, or leave it open whether they are lists.
FREE_TEXT = frozenset({"fields", "filter", "filters", "order", "orders"})
COMMA = frozenset({"fields"})  # one comma list; other lists repeat their name
TEXT_TYPES = ("text/plain", "text/csv", "text/*", "text/html")  # preferred in this order
TEXTUAL = re.compile(r"text|xml|yaml|javascript|csv$|csv;")
STRING_BEAN = ("blank", "bytes", "empty")  # what a text in Java can be asked, documented as parameters
REST = "subpath"  # what `**` at the end of a path becomes
_VARIABLE = re.compile(r"\{([^{}]*)\}")


def operations(document: dict[str, Json], components: Components) -> list[Operation]:
    """Give every operation of the document, in the order of path, method and operation id."""
    found = []
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                place = f"$.paths[{path!r}].{method}"
                try:
                    found.append(_operation(document, path, method, components))
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    problem = f"not as OpenAPI has it ({type(error).__name__}: {error})"
                    raise RegenError(STEP, place, problem, "correct it with an overlay") from error
    return sorted(found, key=lambda o: (o.path, METHODS.index(o.method.lower()), o.published))


def _operation(document: dict[str, Json], path: str, method: str, components: Components) -> Operation:
    item = document["paths"][path]
    raw = item[method]
    place = f"$.paths[{path!r}].{method}"
    base, _, _ = path.partition("#")
    published = raw.get("operationId") or f"{pascal(base.removeprefix('/api')) or 'Root'}.{method}"
    controller, dot, handlers = published.partition(".")
    if not dot:  # an id without a controller: the first word of the path is as good
        controller, handlers = next(iter(re.findall(r"[A-Za-z]\w*", base.removeprefix("/api"))), "Root"), published
    operation = Operation(
        method=method.upper(),
        path=re.sub(r"\*\*$", f"{{{REST}}}", base).rstrip("/") or "/",
        controller=controller,
        handlers=tuple(sorted(set(handlers.split("+")))),
        published=published,
        deprecated=raw.get("deprecated") is True,
    )
    uploads = _parameters(operation, [*_list(raw, "parameters"), *_list(item, "parameters")], document, components)
    _body(operation, _follow(raw.get("requestBody"), document, "requestBodies"), uploads, components, place)
    _answer(operation, raw.get("responses") or {}, document, components, place)
    return operation


def _list(node: Json, key: str) -> list[Json]:
    return node.get(key) or []


def _follow(node: Json, document: dict[str, Json], kind: str) -> Json:
    """Give what a reference refers to, or None where it refers to nothing."""
    prefix = f"#/components/{kind}/"
    for _ in range(8):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            break
        known = document.get("components", {}).get(kind, {})
        node = known.get(node["$ref"].removeprefix(prefix)) if node["$ref"].startswith(prefix) else None
    return node


def _parameters(
    operation: Operation, raw: list[Json], document: dict[str, Json], components: Components
) -> dict[str, Schema]:
    """Set the parameters; give those that belong into a form: files, and what stands beside them."""
    uploads: dict[str, Schema] = {}
    found: dict[tuple[str, str], Parameter] = {}
    for one in raw:
        parameter = _follow(one, document, "parameters")
        if parameter is None:
            components.notes.append(f"{operation.published}: refers to {one.get('$ref')}, which is not there; left out")
            continue
        name, where = parameter["name"], parameter["in"]
        place = f"{operation.published}({name})"
        schema = components.use(parameter.get("schema", _first_schema(parameter)), place)
        if where == "cookie":
            components.notes.append(f"{place}: a cookie; the client keeps those")
        elif where != "path" and _item(schema).get("format") == "binary":
            uploads[name] = schema
        elif (where, name) not in found:
            found[where, name] = _parameter(name, where, schema, parameter, components)
    if uploads.keys() == {"bytes"} and {("query", "blank"), ("query", "empty")} <= found.keys():
        components.notes.append(f"{operation.published}: blank, bytes and empty are of a text in Java; left out")
        for name in STRING_BEAN:
            found.pop(("query", name), None)
            uploads.pop(name, None)
    if uploads:  # the server reads what stands beside a file from the form as from the query (attachments.yaml)
        for key in [key for key in found if key[0] == "query"]:
            uploads[key[1]] = found.pop(key).schema
    variables = _VARIABLE.findall(operation.path)
    spelled = {name: re.sub(r"[^A-Za-z0-9_-]", "_", name) or "value" for name in variables}
    for name in variables:
        known = found.pop(("path", name), None)
        kind = known.schema.get("type") if known else "string"
        schema = {"type": kind if kind in ("integer", "number") else "string"}
        found["path", name] = Parameter(spelled[name], "path", schema, required=True, rest=name == REST)
    for where, name in [key for key in found if key[0] == "path" and key[1] not in variables]:
        components.notes.append(f"{operation.published}({name}): a variable that the path does not have; left out")
        del found[where, name]
    operation.path = _VARIABLE.sub(lambda match: "{" + spelled[match[1]] + "}", operation.path)
    rest = sorted((p for p in found.values() if p.place != "path"), key=lambda p: (p.place, p.name))
    operation.parameters = [p for p in found.values() if p.place == "path"] + rest
    return uploads


def _first_schema(parameter: Json) -> Json:
    media: dict[str, Json] = next(iter((parameter.get("content") or {}).values()), {})
    return media.get("schema")


def _item(schema: Schema) -> Schema:
    item: Schema = schema.get("items", schema)
    return item


def _parameter(name: str, where: str, schema: Schema, raw: Json, components: Components) -> Parameter:
    texts = {"type": "array", "items": {"type": "string"}}
    if name in FREE_TEXT:
        kind = texts
    elif schema.get("type") == "array":
        kind = {"type": "array", "items": _scalar(schema["items"], components)}
    elif _lists(raw.get("schema"), components):  # an object or the uids of it: in a query it is the uids
        kind = texts
    else:
        kind = _scalar(schema, components)
    return Parameter(
        name,
        where,
        kind,
        required=raw.get("required") is True,
        text=name in FREE_TEXT,
        comma=name in COMMA or raw.get("explode") is False,
    )


def _lists(schema: Json, components: Components) -> bool:
    union = schema.get("oneOf") if isinstance(schema, dict) else None
    return isinstance(union, list) and any(components.simplify(member, "").get("type") == "array" for member in union)


def _scalar(schema: Schema, components: Components) -> Schema:
    """What a query or a header can carry; everything else is text that the caller writes."""
    name = referred(schema)
    flat = components.schemas[name] if name else schema
    if "enum" in flat:
        return schema
    return flat if flat.get("type") in SCALARS and flat.get("format") != "binary" else {"type": "string"}


def _body(operation: Operation, raw: Json, uploads: dict[str, Schema], components: Components, place: str) -> None:
    content = {} if raw is None else dict(raw.get("content") or {})
    if uploads:  # documented as a query, sent as a form
        form = components.use(content.get("multipart/form-data", {}).get("schema"), place)
        properties = {**form.get("properties", {}), **uploads}
        operation.body = {"type": "object", "properties": dict(sorted(properties.items()))}
        operation.body_type, operation.body_required = "multipart/form-data", True
        return
    if not content:
        return
    operation.body_required = raw.get("required") is True
    kind = _preferred(content, ("multipart/form-data", *TEXT_TYPES), json_first=True)
    schema = components.use(content[kind].get("schema") if content[kind] else None, place)
    if "json" in kind:
        operation.body, operation.body_type = schema, kind.split(";")[0]
    elif not _is_text(schema) and any(kind.startswith(("application/*", "*/*")) for kind in content):
        operation.body, operation.body_type = schema, "application/json"  # whatever is read as an object
    elif kind.split(";")[0] == "multipart/form-data" and schema.get("properties"):
        operation.body, operation.body_type = schema, "multipart/form-data"
    elif TEXTUAL.search(kind):
        operation.body = {"type": "string"}
        operation.body_type = kind.split(";")[0].replace("*", "plain") + "; charset=utf-8"
    else:
        operation.body = {"type": "string", "format": "binary"}
        operation.body_type = "application/octet-stream" if "*" in kind else kind


def _is_text(schema: Schema) -> bool:
    return schema.get("type") in SCALARS or not schema


def _answer(
    operation: Operation, responses: dict[str, Json], document: dict[str, Json], components: Components, place: str
) -> None:
    """One success, whichever status in the two hundreds it comes with; errors are the facade's."""
    successes = {str(code): _follow(one, document, "responses") or {} for code, one in responses.items()}
    successes = {code: one for code, one in sorted(successes.items()) if code.startswith("2") or code == "default"}
    with_content = [one["content"] for one in successes.values() if one.get("content")]
    if not with_content:
        nothing = set(successes) == {"204"} or not any(code.startswith("2") for code in successes)
        if operation.method == "GET" and not nothing:  # the handler writes to the raw answer: bytes
            operation.accept, operation.answer = "*/*", {"type": "string", "format": "binary"}
        return
    content = max(with_content, key=lambda one: any("json" in kind for kind in one))
    wanted = "csv" if all("csv" in handler.lower() for handler in operation.handlers) else ""
    kind = _preferred(content, TEXT_TYPES, json_first=not wanted, wanted=wanted)
    schema = components.use(content[kind].get("schema") if content[kind] else None, place)
    if re.search(r"json$|json;", kind):
        operation.accept, operation.answer = kind.split(";")[0], schema
    elif TEXTUAL.search(kind):
        operation.accept, operation.answer = kind.split(";")[0], {"type": "string"}
    elif kind == "*/*" and schema and schema.get("format") != "binary":
        operation.accept, operation.answer = "application/json", schema
    else:
        operation.accept, operation.answer = kind.split(";")[0], {"type": "string", "format": "binary"}


def _preferred(content: dict[str, Json], rather: tuple[str, ...], *, json_first: bool, wanted: str = "") -> str:
    """Choose one media type: JSON where there is one, then those that are preferred, then by name."""

    def rank(kind: str) -> tuple[int, str]:
        plain = kind.split(";")[0]
        if wanted and wanted in kind and not re.search("gzip|zip", kind):
            return (0, kind)
        if json_first and plain == "application/json":
            return (1, kind)
        if json_first and "json" in plain and not re.search("gzip|zip", plain):
            return (2, kind)
        return (3 + rather.index(plain) if plain in rather else 9, kind)

    return min(content, key=rank)
