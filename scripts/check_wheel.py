"""Build the wheel, install it in a clean environment, import all of it and check the types of programs that use it.

At first it is imported without any extra. One program uses all of the facade, the others are the examples of the pages.
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
CONSUMERS = ROOT / "tests" / "consumers"
CONSUMER = CONSUMERS / "consumer.py"
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


def mypy(folder: Path, python: Path, *programs: str) -> str:
    """Give what mypy finds in programs of a folder."""
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "--cache-dir", str(folder)]
    done = subprocess.run([*command, *programs], capture_output=True, text=True, cwd=folder, env=CLEAN)
    if done.returncode > 1:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def found_by_mypy(program: Path, python: Path) -> set[int]:
    """Give the lines of a program in which mypy finds an error."""
    found = mypy(program.parent, python, program.name)
    elsewhere = [line for line in found.splitlines() if ": error:" in line and not line.startswith(program.name)]
    if elsewhere:
        sys.exit("\n".join(elsewhere))
    return {int(line) for line in re.findall(rf"^{re.escape(program.name)}:(\d+): error:", found, re.MULTILINE)}


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


def check_examples(place: Path, python: Path) -> None:
    """Check every example of the pages, each with what its page has told before."""
    written = {}
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text, name = page.read_text(encoding="utf-8"), page.stem.replace("-", "_")
        told = CONSUMERS / f"{name}.py"
        if told.exists():
            (place / f"told_{name}.py").write_text(told.read_text(encoding="utf-8"), encoding="utf-8")
        for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            above = text.count("\n", 0, block.start(1))  # the lines have the numbers that they have on the page
            program = place / f"{name}_{above}.py"
            first = f"from told_{name} import *" if told.exists() else ""
            program.write_text(first + "\n" * above + block[1], encoding="utf-8")
            written[program.name] = str(page.relative_to(ROOT))
    found = mypy(place, python, *written)
    if "error:" in found:
        sys.exit(re.sub(r"^\w+\.py", lambda name: written.get(name[0], name[0]), found, flags=re.MULTILINE))
    print(f"types of {len(written)} examples on {len({*written.values()})} pages: mypy --strict")


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
        check_examples(place / "program", python)


if __name__ == "__main__":
    main()
