"""Run openapi-python-client over an emitted document; a program of its own, in the generator's environment.

It takes a JSON object from standard input (document, output, templates, version, overrides) and gives another
(generator, errors, functions, classes) on standard output. The client parses and types; writing is done here,
because its own writer makes a module for each operation and ours one for each controller.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

import openapi_python_client.parser.openapi as parser
from openapi_python_client import Project, __version__
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError

# An endpoint is copied whole before each change, which takes three quarters of the time; the copy before is never
# looked at again, so that a flat one gives the same result.
parser.deepcopy = copy.copy


def main() -> None:
    """Generate, and say what was generated."""
    order = json.load(sys.stdin)
    output = Path(order["output"])
    settings = ConfigFile(content_type_overrides=order["overrides"], post_hooks=[], package_name_override="generated")
    config = Config.from_sources(settings, MetaType.NONE, Path("-"), "utf-8", True, output)
    data = GeneratorData.from_dict(order["document"], config=config)
    if isinstance(data, GeneratorError):
        json.dump({"generator": "", "errors": [_line(data)], "functions": [], "classes": []}, sys.stdout)
        return
    project = Project(openapi=data, config=config, custom_template_path=Path(order["templates"]))
    project.env.globals["version"] = order["version"]
    project.env.filters["names"] = lambda code, name: bool(re.search(rf"\b{name}\b", code))
    project.env.filters["as_bytes"] = lambda kind: re.sub(r"\bFile\b", "bytes", kind)
    json.dump(
        {
            "generator": f"openapi-python-client {__version__}",
            "errors": [_line(error) for error in _errors(data)],
            "functions": _write_api(project, output),
            "classes": _write_models(project, output),
        },
        sys.stdout,
    )


def _errors(data: GeneratorData) -> list[Any]:
    errors: list[Any] = [error for one in data.endpoint_collections_by_tag.values() for error in one.parse_errors]
    return [*errors, *data.errors]


def _line(error: Any) -> str:
    return " ".join(f"{error.header or ''} {error.detail or ''}".split())[:400]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _write_api(project: Project, output: Path) -> list[str]:
    collections = sorted(project.openapi.endpoint_collections_by_tag.items())
    template = project.env.get_template("controller.py.jinja")
    for module, collection in collections:
        _write(output / "api" / f"{module}.py", template.render(collection=collection))
    modules = [module for module, _ in collections]
    _write(output / "api" / "__init__.py", project.env.get_template("api_init.py.jinja").render(modules=modules))
    _write(output / "__init__.py", project.env.get_template("package_init.py.jinja").render())
    return [f"{module}.{endpoint.name}" for module, collection in collections for endpoint in collection.endpoints]


def _write_models(project: Project, output: Path) -> list[str]:
    written = []
    for kind, found in (("model", project.openapi.models), ("str_enum", project.openapi.enums)):
        template = project.env.get_template(f"{kind}.py.jinja")
        for one in found:
            _write(output / "models" / f"{one.class_info.module_name}.py", template.render(one=one))
            written.append(one.class_info)
    infos = sorted(written, key=lambda info: str(info.name))
    _write(output / "models" / "__init__.py", project.env.get_template("models_init.py.jinja").render(infos=infos))
    return [str(info.name) for info in infos]


if __name__ == "__main__":
    main()
