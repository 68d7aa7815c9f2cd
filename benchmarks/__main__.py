"""All figures in one run: `make bench`. Each is a ratio of two things measured alternately, or a count.

`python -m benchmarks memory` measures memory alone.
"""

from __future__ import annotations

import ast
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.memory import growth
from benchmarks.pages import page
from scripts.check_wheel import ROOT, build, environment, run
from scripts.regen import document
from scripts.regen.layout import Layout

HERE = Path(__file__).parent
RUNS = 15
LARGE = 1024  # MiB of an upload or download
EXTRAS = ("cli", "mcp", "testing")
ROWS: list[tuple[str, str, str, bool]] = []


def row(figure: str, value: str, bar: str, *, ok: bool) -> None:
    """Keep a line of the table, and show it at once."""
    ROWS.append((figure, value, bar, ok))
    print(f"{'ok  ' if ok else 'MISS'}  {figure}: {value}  (bar {bar})", flush=True)


@contextmanager
def project_copy() -> Iterator[Path]:
    """A copy of what regen reads and writes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "openapi", root / "openapi")
        (root / "facade" / "dhis2_facade").mkdir(parents=True)
        yield root


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    found = (path for folder in ("generated", "openapi", "facade") for path in (root / folder).rglob("*"))
    return {str(path.relative_to(root)): path.read_bytes() for path in found if path.is_file()}


def generation() -> None:
    """Counts, time and determinism of regen."""
    layout = Layout(ROOT)
    for version in layout.versions():
        published = json.loads(layout.document(version).read_text(encoding="utf-8"))
        operations = document.count(published)
        modules = (layout.bindings / f"v{version}" / "api").glob("[!_]*.py")
        functions = sum(
            isinstance(node, ast.FunctionDef)
            for path in modules
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        )
        share = functions / operations
        row(f"v{version}: functions / operations", f"{functions}/{operations} = {share}", "1.0", ok=share == 1)
    made = []
    for seed in ("1", "2"):
        with project_copy() as root:
            started = time.perf_counter()
            said = run(sys.executable, "-m", "scripts.regen", "--root", root, PYTHONHASHSEED=seed)
            took = time.perf_counter() - started
            made.append(tree(root))
        row(f"regen of all versions, seconds (hash seed {seed})", f"{took:.1f}", "≤ 20", ok=took <= 20)
    # A warning ends a run, so that every version that was generated had none.
    clean = said.count("no warnings")
    row("versions generated without a warning", str(clean), "all", ok=clean == len(layout.versions()))
    row("bytes the same with two hash seeds", f"{len(made[0])} files", "identical", ok=made[0] == made[1])
    errors = run(sys.executable, "-m", "mypy").strip()
    row("mypy --strict over everything", errors, "0 errors", ok=errors.startswith("Success"))
    files = list((ROOT / "generated" / "dhis2_bindings" / "v42").rglob("*.py"))
    size = sum(path.stat().st_size for path in files) / 1e6
    row("v42: files", str(len(files)), "≤ 1,150", ok=len(files) <= 1150)
    lines = len((ROOT / "facade" / "dhis2_wire" / "readers.py").read_text(encoding="utf-8").splitlines())
    row("lines of the decoder", str(lines), "≤ 200", ok=lines <= 200)
    row("v42: size, MB", f"{size:.2f}", "≤ 4", ok=size <= 4)


def starting() -> None:
    """The start of the command line, by turns with the import of what it is made of."""
    commands = ((sys.executable, "-m", "dhis2_facade.cli", "--help"), (sys.executable, "-c", "import typer"))
    ratios = []
    for round_ in range(RUNS + 1):
        times = []
        for command in commands:
            started = time.perf_counter()
            run(*command)
            times.append(time.perf_counter() - started)
        if round_:  # in the first everything is compiled
            ratios.append(times[0] / times[1])
    ratio = statistics.median(ratios)
    row('dhis2 --help / python -c "import typer"', f"{ratio:.2f}", "≤ 3", ok=ratio <= 3)


def imports(python: Path, sample: Path) -> None:
    """Imports in a clean environment, each run a new process."""
    program = HERE / "imports.py"
    for _ in range(2):  # let everything be compiled once
        run(python, program, sample)
    runs = [json.loads(run(python, program, sample)) for _ in range(RUNS)]
    for figure, key, bar in (
        ("importing a controller / import httpx, attrs", "controller", 0.10),
        ("the same and decoding a first page of 50 / import httpx, attrs", "page", 0.60),
    ):
        ratio = statistics.median(one[key] / one["base"] for one in runs)
        row(figure, f"{ratio:.3f}", f"≤ {bar:.2f}", ok=ratio <= bar)


def facade(python: Path) -> None:
    """The facade in a clean environment: its import, its calls against bare httpx, its size."""
    program = HERE / "facade_import.py"
    for _ in range(2):
        run(python, program)
    runs = [json.loads(run(python, program)) for _ in range(RUNS)]
    ratio = statistics.median(one["facade"] / one["base"] for one in runs)
    row("importing the facade / import httpx, attrs", f"{ratio:.2f}", "≤ 1.35", ok=ratio <= 1.35)
    found = json.loads(run(python, "-m", "benchmarks.facade", PYTHONPATH=str(ROOT)))
    for name, what, bar in (
        ("list", "CPU of listing 1,000 conversations in pages of 50 / httpx and json.loads", 2.0),
        ("small", "CPU of a small call / httpx and json.loads", 1.5),
    ):
        row(what, f"{found[name]:.2f}", f"≤ {bar}", ok=found[name] <= bar)
    lines = sum(logical_lines(path) for path in core())
    row("logical lines of the core", f"{lines:,}", "≤ 1,800", ok=lines <= 1800)


def core() -> Iterator[Path]:
    """The hand-written modules of the facade, without its extras and what is derived or generated."""
    package = ROOT / "facade" / "dhis2_facade"
    for path in package.rglob("*.py"):
        first_line = path.read_text(encoding="utf-8").partition("\n")[0]
        if path.relative_to(package).parts[0] not in EXTRAS and not first_line.startswith(("# Derived", "# Generated")):
            yield path


def logical_lines(path: Path) -> int:
    """Statements, docstrings aside."""
    statements = (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.stmt))
    return sum(
        not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) and isinstance(n.value.value, str))
        for n in statements
    )


def fake() -> None:
    """The test server, in the environment of the project."""
    found = json.loads(run(sys.executable, "-m", "benchmarks.fake"))
    row(
        "the test server: imported, started, first answer, seconds",
        f"{found['start']:.2f}",
        "≤ 0.5",
        ok=found["start"] <= 0.5,
    )
    row("the test server: pages of 50 in a second of CPU", f"{found['calls']:,.0f}", "≥ 500", ok=found["calls"] >= 500)


def decoding(python: Path) -> None:
    """Decoding a large page, against json.loads of the same bytes and against other libraries."""
    found = json.loads(run(python, HERE / "decoding.py", PYTHONPATH=str(ROOT)))
    bars = {"dhis2_wire": 3.0}
    for name, ratio in found.items():
        bar = bars.get(name)
        row(
            f"1,000 conversations, {name} / json.loads",
            f"{ratio:.2f}",
            f"≤ {bar}" if bar else "shown",
            ok=ratio <= (bar or 1e9),
        )


def memory() -> None:
    """Memory of transfers and long lists, sync and async."""
    for flavour in ("sync", "async"):
        for task, grown in growth("42", flavour, LARGE).items():
            what = "listing 10,000 conversations" if task == "list" else f"{task} of {LARGE:,} MiB"
            row(f"{what}, {flavour}: growth of peak RSS, MiB", f"{grown:.1f}", "≤ 16", ok=grown <= 16)


def measure() -> None:
    """Measure everything."""
    generation()
    memory()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wheel = build(place)
        size = wheel.stat().st_size / 1e6
        row("wheel with all versions, MB", f"{size:.2f}", "≤ 3", ok=size <= 3)
        sample = place / "page.json"
        sample.write_bytes(page(50))
        starting()
        fake()
        clean = environment(place / "clean", wheel)
        imports(clean, sample)
        facade(clean)
        decoding(environment(place / "compared", wheel, "--require-hashes", "--requirement", HERE / "constraints.txt"))


def main(only: str = "") -> int:
    """Measure all, or memory alone; the exit status says whether every bar is reached."""
    {"": measure, "memory": memory}[only]()
    print("\n| figure | measured | bar |\n|-|-|-|")
    for figure, value, bar, _ in ROWS:
        print(f"| {figure} | {value} | {bar} |")
    return 0 if all(ok for *_, ok in ROWS) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
