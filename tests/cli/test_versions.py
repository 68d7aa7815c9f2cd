"""How two versions' functions are compared, and how somebody's use of them is found."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from dhis2_facade.cli.exits import Failure
from dhis2_facade.cli.versions import compare, functions, uses

FORMS = {
    "from dhis2_bindings.v41.api import me\nme.get_current_user()": ["code.py:2"],
    "from dhis2_bindings.v41.api import me as who\nask = who.get_current_user": ["code.py:2"],
    "from dhis2_bindings.v41.api.me import get_current_user": ["code.py:1"],
    "from dhis2_bindings.v41.api.me import get_current_user as who\nwho()": ["code.py:1"],
    "import dhis2_bindings.v41.api.me\ndhis2_bindings.v41.api.me.get_current_user()": ["code.py:2"],
    "import dhis2_bindings.v41.api.me as who\nwho.get_current_user()": ["code.py:2"],
    "from dhis2_bindings.v41 import api\napi.me.get_current_user()": ["code.py:2"],
    "from dhis2_bindings import v41\nv41.api.me.get_current_user()": ["code.py:2"],
    "from dhis2_facade.v41 import bindings\nbindings.api.me.get_current_user()": ["code.py:2"],
    "def f():\n    from dhis2_bindings.v41.api import me\n    return me.get_current_user()": ["code.py:3"],
}


@pytest.mark.parametrize("code", FORMS)
def test_a_use_is_found_however_it_is_imported(tmp_path: Path, code: str) -> None:
    (tmp_path / "code.py").write_text(code)
    assert uses(tmp_path) == {"me.get_current_user": FORMS[code]}


def test_what_only_looks_like_a_use_is_none(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("class me: get_current_user = 1\nme.get_current_user\n# dhis2_bindings.v41.api\n")
    assert uses(tmp_path / "code.py") == {}
    with pytest.raises(Failure, match="no such"):
        uses(tmp_path / "none")
    (tmp_path / "broken.py").write_text("def")
    with pytest.raises(Failure, match=r"broken\.py: this is no Python"):
        uses(tmp_path)


@pytest.mark.parametrize("version", ["40", "41", "42"])
def test_what_is_read_of_a_function_is_what_python_says_of_it(version: str) -> None:
    read = functions(version, {"message_conversation"})
    module = importlib.import_module(f"dhis2_bindings.v{version}.api.message_conversation")
    there = {name for name, one in inspect.getmembers(module, inspect.isfunction) if one.__module__ == module.__name__}
    assert {name.partition(".")[2] for name in read} == there
    for name in there:
        parameters = inspect.signature(getattr(module, name)).parameters
        one = read[f"message_conversation.{name}"]
        assert one.parameters == {key: parameter.annotation for key, parameter in parameters.items()}
        needed = {key for key, parameter in parameters.items() if parameter.default is parameter.empty}
        assert one.required == needed
        assert one.request["method"].strip("'") in ("GET", "POST", "PUT", "PATCH", "DELETE")


def test_a_difference_says_what_differs_in_both_directions() -> None:
    used = {"me.get_current_user": ["a.py:1"], "file_resource.list_": []}
    forth, back = compare("40", "42", used), compare("42", "40", used)
    changes = [{one["function"]: one["change"] for one in both["functions"]} for both in (forth, back)]
    assert changes[0]["file_resource.list_"] == "added"
    assert changes[1]["file_resource.list_"] == "removed"
    details = {one["function"]: one["details"] for one in compare("41", "42", used)["functions"]}
    assert details["me.get_current_user"] == ["defaults: added (Defaults | Unset)"]
    details = {one["function"]: one["details"] for one in compare("42", "41", used)["functions"]}
    assert details["me.get_current_user"] == ["defaults: removed"]


def test_nothing_differs_from_itself() -> None:
    compared = compare("42", "42", {name: ["a.py:1"] for name in functions("42", {"me", "user"})})
    assert {one["change"] for one in compared["functions"]} == {"same"}
    assert compared["same"] == len(compared["functions"]) > 0
