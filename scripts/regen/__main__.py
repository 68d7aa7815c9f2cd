"""The command behind `make regen`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from attrs import evolve

from scripts.regen import document, report
from scripts.regen.document import Published
from scripts.regen.errors import RegenError
from scripts.regen.layout import Layout
from scripts.regen.run import check_another, compare, regenerate

SHOWN = 20  # files that differ
STEP = "arguments"


def main() -> int:
    """Regenerate, or check that nothing would change; gives the exit status."""
    parser = argparse.ArgumentParser(prog="make regen", description=__doc__)
    parser.add_argument("--version", help="this version only")
    parser.add_argument("--url", help="the server that publishes the document")
    parser.add_argument("--spec", type=Path, help="a file with the document")
    parser.add_argument("--origin", help="where the file came from, for the lock")
    parser.add_argument("--report", nargs=2, metavar="VERSION", help="print what changed between two versions")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2], help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        return run(options)
    except RegenError as error:
        print(f"regen: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("regen: interrupted; nothing was changed", file=sys.stderr)
        return 130


def run(options: argparse.Namespace) -> int:
    """Find out what is asked for, and do it."""
    layout = Layout(options.root.resolve())
    if options.report:
        return show_report(layout, options.report)
    version: str | None = options.version
    if version is not None and not re.fullmatch(r"[1-9]\d{1,2}", version):
        raise RegenError(STEP, f"VERSION={version}", "not a version of DHIS2", "write 2.42 as VERSION=42")
    if options.url and options.spec:
        raise RegenError(STEP, "URL and SPEC", "two documents", "give one of them")
    given: dict[str, Published] = {}
    if options.url or options.spec:
        if version is None:
            raise RegenError(STEP, "VERSION", "not said of which version the document is", "add VERSION=42")
        published = document.fetch(options.url, version, os.environ) if options.url else document.read(options.spec)
        check_another(layout, version, published)
        given[version] = evolve(published, origin=options.origin) if options.origin else published
    elif version is not None and version not in layout.versions():
        known = ", ".join(layout.versions()) or "none"
        raise RegenError(STEP, f"VERSION={version}", f"no document of it (there are {known})", "give URL= or SPEC=")
    versions = [version] if version else layout.versions()
    if not versions:
        raise RegenError(STEP, "openapi/", "no documents", "give VERSION= and URL= or SPEC=")
    differing = regenerate(layout, versions, given, check=options.check)
    if differing:
        print(
            f"regen: {len(differing)} files differ from what is generated, say make regen:",
            *differing[:SHOWN],
            sep="\n  ",
            file=sys.stderr,
        )
        return 1
    print("nothing differs" if options.check else "done")
    return 0


def show_report(layout: Layout, versions: list[str]) -> int:
    """Print the part of a report that is read in a minute, and say where the whole is."""
    if not all(word.isdigit() for word in versions):
        raise RegenError(report.STEP, "FROM and TO", "two versions are needed", "say make report FROM=41 TO=42")
    older, newer = sorted(versions, key=int)
    path = layout.report(older, newer)
    if not path.exists():
        text = compare(layout, older, newer)
        path.write_text(text, encoding="utf-8")
    print(path.read_text(encoding="utf-8").partition(report.REST)[0].rstrip())
    print(f"\nThe whole report: {path.relative_to(layout.root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
