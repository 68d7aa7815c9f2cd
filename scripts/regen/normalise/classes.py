"""Names of classes: every inline object and enum becomes a named schema, one for each shape."""

from __future__ import annotations

import hashlib
from collections import Counter

from attrs import define, evolve, field

from scripts.regen.model import Operation, Schema, change_inside, inside, reference, referred
from scripts.regen.names import RESERVED, Names, class_name, pascal, snake

KEY = 160  # characters of a shape in the table of names; a longer one is cut and gets a digest
OBJECT = "JsonObject"


@define
class _Use:
    """Where a shape stands: the class or function around it, and what it is called there."""

    owner: str
    hint: str


@define
class _Shape:
    schema: Schema
    uses: list[_Use] = field(factory=list)


def name_classes(operations: list[Operation], schemas: dict[str, Schema], names: Names) -> dict[str, Schema]:
    """Give the named schemas that the operations reach; inline ones are replaced by references, in place."""
    reached = _reach(operations, schemas)
    shapes, uses = _collect(operations, reached)
    given = _Namer(reached, shapes, uses, names).give()

    def replace(schema: Schema) -> Schema:
        key = _key(schema)
        return reference(given[key]) if key else change_inside(schema, replace)

    named = {name: change_inside(schema, replace) for name, schema in reached.items()}
    for key, shape in shapes.items():
        named.setdefault(given[key], change_inside(shape.schema, replace))
    for operation in operations:
        operation.parameters = [
            evolve(parameter, schema=replace(parameter.schema)) for parameter in operation.parameters
        ]
        operation.body = None if operation.body is None else replace(operation.body)
        operation.answer = None if operation.answer is None else replace(operation.answer)
    return dict(sorted(named.items()))


def _reach(operations: list[Operation], schemas: dict[str, Schema]) -> dict[str, Schema]:
    reached: set[str] = set()
    todo = [schema for operation in operations for schema in operation.schemas()]
    while todo:
        schema = todo.pop()
        name = referred(schema)
        if name is None:
            todo += inside(schema)
        elif name not in reached:
            reached.add(name)
            todo.append(schemas[name])
    return {name: schemas[name] for name in sorted(reached)}


def expression(schema: Schema) -> str:
    """Write a schema as a short text that says all of it, such as `{id: string, users: [User]}`."""
    if name := referred(schema):
        return name
    if "enum" in schema:
        return "|".join(schema["enum"])
    if "oneOf" in schema:
        return " or ".join(expression(member) for member in schema["oneOf"])
    if "items" in schema:
        return f"[{expression(schema['items'])}]"
    if "properties" in schema:
        return (
            "{" + ", ".join(f"{key}: {expression(value)}" for key, value in sorted(schema["properties"].items())) + "}"
        )
    if "additionalProperties" in schema:
        return f"{{*: {expression(schema['additionalProperties'])}}}"
    return str(schema.get("format") or schema.get("type") or "any")


def _key(schema: Schema) -> str | None:
    """The shape of what becomes a class; None for everything else."""
    if schema.get("type") != "object" and "enum" not in schema:
        return None
    text = expression(schema)
    return text if len(text) <= KEY else f"{text[:KEY]}… {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _collect(
    operations: list[Operation], reached: dict[str, Schema]
) -> tuple[dict[str, _Shape], dict[str, list[_Use]]]:
    """Find the shapes that have no name, and where the named schemas are used."""
    shapes: dict[str, _Shape] = {}
    uses: dict[str, list[_Use]] = {}

    def visit(schema: Schema, owner: str, hint: str) -> None:
        if named := referred(schema):
            uses.setdefault(named, []).append(_Use(owner, hint))
        elif key := _key(schema):
            shapes.setdefault(key, _Shape(schema)).uses.append(_Use(owner, hint))
        for name, inner in schema.get("properties", {}).items():
            visit(inner, owner, name)
        for part in ("items", "additionalProperties"):
            if part in schema:
                visit(schema[part], owner, hint)

    for name, schema in reached.items():
        for part, inner in schema.get("properties", {}).items():
            visit(inner, name, part)
    for operation in operations:
        controller = pascal(operation.controller)
        function = pascal(operation.function)
        for parameter in operation.parameters:
            visit(parameter.schema, controller, parameter.name)
        if operation.body is not None:
            visit(operation.body, controller, f"{function}Body")
        if operation.answer is not None:
            visit(operation.answer, controller, f"{function}Result")
    return shapes, uses


def _hint(shape: _Shape) -> str:
    """What a shape is called most often."""
    hints = Counter(use.hint for use in shape.uses)
    return min(hints, key=lambda one: (-hints[one], one))


def _main_shapes(shapes: dict[str, _Shape]) -> dict[str, _Shape]:
    """What deserves the plain name of a use: the shape that most owners have there, or an enum that alone has it."""
    found: dict[str, list[tuple[int, str]]] = {}
    for key, shape in shapes.items():
        for hint in {use.hint for use in shape.uses}:
            found.setdefault(hint, []).append((-len({use.owner for use in shape.uses if use.hint == hint}), key))
    main = {}
    for hint, candidates in found.items():
        count, key = min(candidates)
        if count < -1 or (len(candidates) == 1 and "enum" in shapes[key].schema):
            main[hint] = shapes[key]
    return main


class _Namer:
    """Names shapes: as the document does, as before, by what they are, or by what they are called where they stand."""

    def __init__(
        self, reached: dict[str, Schema], shapes: dict[str, _Shape], uses: dict[str, list[_Use]], names: Names
    ) -> None:
        self.reached, self.shapes, self.uses, self.names = reached, shapes, uses, names
        self.taken = {snake(name) for name in reached}
        self.main = _main_shapes(shapes)

    def give(self) -> dict[str, str]:
        own = self.own()
        given: dict[str, str] = {}
        for key, shape in sorted(self.shapes.items()):  # names that are known come first, so that no new one takes them
            hint = _hint(shape)
            known = own.get(f"{key} as {hint}") or own.get(key) or self.before(f"{key} as {hint}") or self.before(key)
            if known:
                given[key] = known
                self.taken.add(snake(known))
        for key, shape in sorted(self.shapes.items()):
            if key not in given:
                given[key] = next(name for name in self.options(shape) if snake(name) not in self.taken)
                self.taken.add(snake(given[key]))
                self.names.classes.setdefault(key, []).append(given[key])
        # What an enum is called here it is called for good, whatever a later document calls the same values.
        for key, shape in self.shapes.items():
            if "enum" in shape.schema and key not in own:
                self.names.classes.setdefault(f"{key} as {_hint(shape)}", [given[key]])
        # What this document calls an enum is its name where another document has only the values.
        for key, name in own.items():
            if "enum" in self.reached[name]:
                self.names.classes.setdefault(key, [name])
        return given

    def before(self, key: str) -> str | None:
        return next((name for name in self.names.classes.get(key, ()) if snake(name) not in self.taken), None)

    def own(self) -> dict[str, str]:
        """The shapes that the document itself names; where it has two names for one, also by the use."""
        found: dict[str, list[str]] = {}
        for name, schema in self.reached.items():
            # A single field, such as an id, says too little to be called by one of those that have it.
            if (key := _key(schema)) and len(schema.get("properties", "ab")) > 1:
                found.setdefault(key, []).append(name)
        own = {key: named[0] for key, named in found.items()}
        for key, named in found.items():
            used = Counter((use.hint, name) for name in named for use in self.uses.get(name, ()))
            for hint in {hint for hint, _ in used} if len(named) > 1 else ():
                own[f"{key} as {hint}"] = min(named, key=lambda name: (-used[hint, name], name))
        return own

    def options(self, shape: _Shape) -> list[str]:
        schema = shape.schema
        properties = schema.get("properties", {})
        hint = _hint(shape)
        owners = sorted({use.owner for use in shape.uses if use.hint == hint})
        options = []
        if "additionalProperties" in schema:
            inner = _word(schema["additionalProperties"])
            options.append(f"{inner}Map" if inner else OBJECT)
        elif set(properties) == {"id"} and properties["id"] == {"type": "string"}:
            options.append("Ref")
        elif "pager" in properties and (listed := _listed(properties)):
            options.append(f"{listed}Page")
        elif any(inner.get("format") == "binary" for inner in properties.values()):
            options.append("FileUpload" if set(properties) == {"file"} else f"{pascal(owners[0])}Upload")
        if self.main.get(hint) is shape:
            options.append(class_name(hint))
        options.append(class_name(owners[0] + pascal(hint)))
        last = options[-1]
        options += [f"{last}{number}" for number in range(2, 2 + len(self.shapes))]
        return [name for name in options if name == OBJECT or name not in RESERVED]


def _word(schema: Schema) -> str:
    """A schema as a word of a map's name."""
    if name := referred(schema):
        return name
    if "items" in schema:
        return f"{_word(schema['items'])}List"
    if "additionalProperties" in schema or "properties" in schema:
        return "Object"
    return pascal(str(schema.get("format") or schema.get("type") or ""))


def _listed(properties: dict[str, Schema]) -> str | None:
    lists = [name for inner in properties.values() if "items" in inner and (name := referred(inner["items"]))]
    return lists[0] if len(lists) == 1 else None
