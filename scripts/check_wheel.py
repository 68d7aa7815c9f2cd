"""Build the wheel, install it in a clean environment and import all of it there, at first without any extra."""

from __future__ import annotations

import os
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


if __name__ == "__main__":
    main()
