"""Operations as a client calls them: one path, one body, one answer."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from scripts.regen.document import METHODS
from scripts.regen.errors import RegenError
from scripts.regen.model import Operation, Schema
from scripts.regen.names import pascal
from scripts.regen.normalise.parameters import set_parameters
from scripts.regen.normalise.schemas import SCALARS, Components

Json: TypeAlias = Any
STEP = "normalise"
TEXT_TYPES = ("text/plain", "text/csv", "text/*", "text/html")  # preferred in this order
TEXTUAL = re.compile(r"^(?!.*zip)(text|.*(xml|yaml|javascript|csv$|text$|ndjson|jsonl|json-seq))")
FORM, BINARY_TYPE = "multipart/form-data", "application/octet-stream"
_JSON = re.compile(r"json$")


def operations(document: dict[str, Json], components: Components) -> list[Operation]:
    """Give every operation of the document, in the order of path, method and operation id."""
    found = []
    for path, item in sorted(document["paths"].items()):
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
    parameters = []
    for one in [*(raw.get("parameters") or ()), *(item.get("parameters") or ())]:
        parameter = _follow(one, document, "parameters")
        if parameter is None:
            components.notes.append(f"{published}: refers to {one.get('$ref')}, which is not there; left out")
        else:
            parameters.append(parameter)
    uploads = set_parameters(operation, parameters, components)
    _body(operation, _follow(raw.get("requestBody"), document, "requestBodies"), uploads, components, place)
    _answer(operation, raw.get("responses") or {}, document, components, place)
    return operation


def _follow(node: Json, document: dict[str, Json], kind: str) -> Json:
    """Give what a reference refers to, or None where it refers to nothing."""
    prefix = f"#/components/{kind}/"
    for _ in range(8):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            break
        known = document.get("components", {}).get(kind, {})
        node = known.get(node["$ref"].removeprefix(prefix)) if node["$ref"].startswith(prefix) else None
    return node


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
    elif _JSON.search(kind) or (kind == "*/*" and not _is_text(schema)):
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
