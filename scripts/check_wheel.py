"""Build the wheel, install it in a clean environment, import all of it and check the types of a program that uses it.

At first it is imported without any extra.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLEAN = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
EXTRAS = ("cli", "mcp", "testing")
"""Packages inside dhis2_facade that need the extra of the same name; the plugin in one of them also needs pytest."""
VERSIONS = ("40", "41", "42")
CONSUMER = ROOT / "tests" / "consumers" / "consumer.py"
WRITTEN_FOR = "v42"
MARK = "  # error"
IMPORTS = """
import importlib, pkgutil, sys
import dhis2_bindings, dhis2_facade, dhis2_wire

count = 0
left_out = tuple(f"dhis2_facade.{extra}." for extra in sys.argv[1:])
for package in (dhis2_wire, dhis2_facade, dhis2_bindings):
    assert "site-packages" in package.__file__, package.__file__
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not (module.name + ".").startswith(left_out):
            importlib.import_module(module.name)
            count += 1
print(f"{count} modules imported from the wheel on Python {sys.version.split()[0]}")
"""


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> str:
    """Run a program as on a clean machine; its output, or an exit with its complaint."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=CLEAN | environment, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def build(place: Path) -> Path:
    """Build the wheel into a folder."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place)
    (wheel,) = place.glob("*.whl")
    return wheel


def environment(folder: Path, wheel: Path, *more: str | Path) -> Path:
    """Make a clean environment with the wheel and what it depends on; gives its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    for wanted in ([wheel], list(more)):
        if wanted:
            run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)
    return python


def found_by_mypy(program: Path, python: Path) -> set[int]:
    """Give the lines of a program in which mypy finds an error."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        python,
        "--cache-dir",
        program.parent,
    ]
    done = subprocess.run([*command, program.name], capture_output=True, text=True, cwd=program.parent, env=CLEAN)
    if done.returncode > 1:
        sys.exit(done.stdout + done.stderr)
    elsewhere = [line for line in done.stdout.splitlines() if ": error:" in line and not line.startswith(program.name)]
    if elsewhere:
        sys.exit("\n".join(elsewhere))
    return {int(line) for line in re.findall(rf"^{re.escape(program.name)}:(\d+): error:", done.stdout, re.MULTILINE)}


def found_by_basedpyright(program: Path, python: Path) -> set[int]:
    """Give the lines of a program in which basedpyright finds an error."""
    command: list[str | Path] = [
        Path(sys.executable).with_name("basedpyright"),
        "--outputjson",
        "--pythonpath",
        python,
        program,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=program.parent, env=CLEAN)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"}


CHECKERS = {"mypy --strict": found_by_mypy, "basedpyright": found_by_basedpyright}


def check_types(place: Path, python: Path) -> None:
    """Check a program that uses all of the facade, for each version: the errors in it are found, and no others."""
    place.mkdir()
    for version in VERSIONS:
        program = place / f"uses_v{version}.py"
        program.write_text(CONSUMER.read_text(encoding="utf-8").replace(WRITTEN_FOR, f"v{version}"), encoding="utf-8")
        lines = program.read_text(encoding="utf-8").splitlines()
        wrong = {number for number, line in enumerate(lines, 1) if line.endswith(MARK)}
        for name, check in CHECKERS.items():
            found = check(program, python)
            if found != wrong:
                missed, more = sorted(wrong - found), sorted(found - wrong)
                sys.exit(
                    f"{name}, v{version}: errors missed in lines {missed}, found in lines {more} of {CONSUMER.name}"
                )
        print(f"types of v{version}: {len(lines)} lines, {len(wrong)} errors that must be there: {', '.join(CHECKERS)}")


def main() -> None:
    """Check the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wheel = build(place)
        names = zipfile.ZipFile(wheel).namelist()
        packages = {name.partition("/")[0] for name in names if ".dist-info" not in name}
        if packages != {"dhis2_bindings", "dhis2_facade", "dhis2_wire"}:
            sys.exit(f"the wheel has {sorted(packages)}")
        for package in packages:
            if f"{package}/py.typed" not in names:
                sys.exit(f"{package} has no py.typed")
        python = environment(place / "clean", wheel)
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB, {len(names)} files")
        print(run(python, "-W", "error", "-c", IMPORTS, *EXTRAS, folder=place).strip())
        extras = f"{wheel}[{','.join(EXTRAS)}]"
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", extras, "pytest")
        print(run(python, "-c", IMPORTS, folder=place).strip())
        check_types(place / "program", python)


if __name__ == "__main__":
    main()
