"""Operations as a client calls them: one path, one body, one answer."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from attrs import define, field

from scripts.regen.document import METHODS
from scripts.regen.errors import RegenError
from scripts.regen.model import Operation, Parameter, Schema, referred
from scripts.regen.names import camel, pascal, snake, words
from scripts.regen.normalise.schemas import SCALARS, Components

Json: TypeAlias = Any
STEP = "normalise"
# DHIS2's own little languages; a document may call them enums, or leave it open whether they are lists.
FREE_TEXT = frozenset({"fields", "filter", "filters", "order", "orders"})
COMMA = frozenset({"fields"})  # one comma list; other lists repeat their name
TEXT_TYPES = ("text/plain", "text/csv", "text/*", "text/html")  # preferred in this order
TEXTUAL = re.compile(r"^(?!.*zip)(text|.*(xml|yaml|javascript|csv$|text$|ndjson|jsonl|json-seq))")
FORM, BINARY_TYPE = "multipart/form-data", "application/octet-stream"
_JSON = re.compile(r"json$")
STRING_BEAN = ("blank", "bytes", "empty")  # what a text in Java can be asked, documented as parameters
REST = "subpath"  # what `**` at the end of a path becomes
CLIENT_HEADERS = frozenset({"accept", "authorization", "content-type"})  # as OpenAPI has it, no parameters
# `{name}`, `{name:[a-z]{3}}`, or the rest of a path.
_VARIABLE = re.compile(r"\{\*?([^{}:]*)((?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?)\}|\*\*")


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
        path=base.rstrip("/") or "/",
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
        name, where = parameter["name"], str(parameter.get("in"))
        place = f"{operation.published}({name})"
        schema = components.use(parameter.get("schema", _first_schema(parameter)), place, binary=True)
        if where not in ("path", "query", "header") or (where == "header" and name.lower() in CLIENT_HEADERS):
            components.notes.append(f"{place}: in {where}; left to the client")
        elif where != "path" and not words(name):
            components.notes.append(f"{place}: has no letters that a name could have; left out")
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
    documented = {name: p for (where, name), p in found.items() if where == "path"}
    variables = _variables(operation, documented)
    for name in documented.keys() - {variable for variable, _ in _VARIABLE.findall(operation.path)}:
        components.notes.append(f"{operation.published}({name}): a variable that the path does not have; left out")
    operation.path = variables.path
    rest = sorted((p for p in found.values() if p.place != "path"), key=lambda p: (p.place, p.name))
    spelled: set[str] = set()
    for parameter in sorted(rest, key=lambda p: (p.place != "query", camel(snake(p.name)) != p.name)):
        if snake(parameter.name) in spelled:  # an argument cannot be two parameters
            components.notes.append(f"{operation.published}({parameter.name}): spelled like another; left out")
            rest.remove(parameter)
        spelled.add(snake(parameter.name))
    operation.parameters = variables.parameters + rest
    return uploads


@define
class _Path:
    path: str = ""
    parameters: list[Parameter] = field(factory=list)


def _variables(operation: Operation, documented: dict[str, Parameter]) -> _Path:
    """The path with variables that a function can have as arguments, each its own; `**` is the rest of the path."""
    made = _Path()
    taken: set[str] = set()

    def replace(match: re.Match[str]) -> str:
        rest = match[0] == "**"
        plain = REST if rest else re.sub(r"[^A-Za-z0-9_-]", "_", match[1] or "").strip("_-")
        name = spelled = plain if plain[:1].isalpha() else f"value_{plain}".rstrip("_")
        number = 1
        while snake(spelled) in taken:
            number += 1
            spelled = f"{name}_{number}"
        taken.add(snake(spelled))
        known = documented.get(match[1] or "")
        kind = known.schema.get("type") if known else "string"
        schema = {"type": kind if kind in ("integer", "number") else "string"}
        made.parameters.append(Parameter(spelled, "path", schema, required=True, rest=rest))
        return "{" + spelled + "}"

    made.path = _VARIABLE.sub(replace, operation.path)
    return made


def _first_schema(parameter: Json) -> Json:
    media: dict[str, Json] = next(iter((parameter.get("content") or {}).values()), {})
    return media.get("schema")


def _item(schema: Schema) -> Schema:
    item: Schema = schema.get("items", schema)
    return item


def _parameter(name: str, where: str, schema: Schema, raw: Json, components: Components) -> Parameter:
    texts: Schema = {"type": "array", "items": {"type": "string"}}
    kind: Schema
    if where == "header":
        kind = {"type": "string"}
    elif name in FREE_TEXT:
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
        text=kind is texts and name in FREE_TEXT,
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
        form = components.form((content.pop(FORM, None) or {}).get("schema"), place)
        if content:
            components.notes.append(
                f"{operation.published}: a body of {', '.join(sorted(content))} beside a file; left out"
            )
        operation.body = {
            "type": "object",
            "properties": dict(sorted({**form.get("properties", {}), **uploads}.items())),
        }
        operation.body_type, operation.body_required = FORM, True
        return
    if not content:
        return
    operation.body_required = raw.get("required") is True
    published = _preferred(content, (FORM, *TEXT_TYPES), json_first=True)
    kind = published.split(";")[0].strip() or BINARY_TYPE
    raw_schema = (content[published] or {}).get("schema")
    schema = components.use(raw_schema, place)
    form = components.form(raw_schema, place) if kind == FORM else {}
    if _JSON.search(kind):
        operation.body, operation.body_type = schema, kind
    elif not _is_text(schema) and any(one.startswith(("application/*", "*/*")) for one in content):
        operation.body, operation.body_type = schema, "application/json"  # whatever is read as an object
    elif form.get("properties"):
        operation.body, operation.body_type = form, FORM
    elif TEXTUAL.search(kind):
        operation.body = {"type": "string"}
        operation.body_type = kind.replace("*", "plain") + "; charset=utf-8"
    else:
        operation.body = {"type": "string", "format": "binary"}
        operation.body_type = BINARY_TYPE if "*" in kind else kind


def _is_text(schema: Schema) -> bool:
    return schema.get("type") in SCALARS or not schema


def _answer(
    operation: Operation, responses: dict[str, Json], document: dict[str, Json], components: Components, place: str
) -> None:
    """One success, whichever status in the two hundreds it comes with; errors are the facade's."""
    known = {str(code): _follow(one, document, "responses") for code, one in sorted(responses.items())}
    for code in [code for code, one in known.items() if one is None]:
        components.notes.append(f"{operation.published}: answer {code} refers to what is not there; left out")
    codes = [code for code in known if code.startswith("2")] or [code for code in known if code == "default"]
    with_content = [content for code in codes if (content := (known[code] or {}).get("content"))]
    if operation.method == "HEAD":
        return
    if not with_content:
        if operation.method == "GET" and codes not in ([], ["204"], ["default"]):
            # The handler writes to the raw answer: bytes.
            operation.accept, operation.answer = "*/*", {"type": "string", "format": "binary"}
        return
    content = max(with_content, key=lambda one: any(_JSON.search(kind.split(";")[0]) for kind in one))
    wanted = "csv" if all("csv" in handler.lower() for handler in operation.handlers) else ""
    published = _preferred(content, TEXT_TYPES, json_first=not wanted, wanted=wanted)
    raw_schema = (content[published] or {}).get("schema")
    whole = isinstance(raw_schema, dict) and raw_schema.get("format") == "binary"
    schema = components.use(raw_schema, place, binary=whole)
    kind = published.split(";")[0].strip() or "*/*"
    if schema.get("format") == "binary" and _JSON.search(kind):  # bytes of any kind, such as a picture
        operation.accept, operation.answer = "*/*", schema
    elif _JSON.search(kind) or (kind == "*/*" and schema and not _is_text(schema)):
        operation.accept, operation.answer = kind.replace("*/*", "application/json"), schema
    elif TEXTUAL.search(kind):
        operation.accept, operation.answer = kind, {"type": "string"}
    else:
        operation.accept, operation.answer = kind, {"type": "string", "format": "binary"}


def _preferred(content: dict[str, Json], rather: tuple[str, ...], *, json_first: bool, wanted: str = "") -> str:
    """Choose one media type: JSON where there is one, then those that are preferred, then by name."""

    def rank(kind: str) -> tuple[int, str]:
        plain = kind.split(";")[0]
        if wanted and wanted in kind and not re.search("gzip|zip", kind):
            return (0, kind)
        if json_first and plain == "application/json":
            return (1, kind)
        if json_first and _JSON.search(plain):
            return (2, kind)
        return (3 + rather.index(plain) if plain in rather else 9, kind)

    return min(content, key=rank)
