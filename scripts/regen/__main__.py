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
from scripts.regen.stage import Stage

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
    layout = Layout(options.root.resolve())
    try:
        if options.report:
            show_report(layout, options.report)
            return 0
        _check_words(options)
        # Before anything is read, a run that was interrupted while it wrote is finished.
        with Stage(layout, finish=not options.check) as stage:
            differing = run(layout, stage, options)
    except RegenError as error:
        print(f"regen: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"regen: write: {error.filename}: {error.strerror}. See who may write there.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        left = "the next run finishes what it wrote" if Stage(layout).ready.exists() else "nothing was changed"
        print(f"regen: interrupted; {left}", file=sys.stderr)
        return 130
    if differing:
        head = f"regen: {len(differing)} files differ from what is generated, say make regen:"
        print(head, *differing[:SHOWN], sep="\n  ", file=sys.stderr)
        return 1
    print("nothing differs" if options.check else "done")
    return 0


def _check_words(options: argparse.Namespace) -> None:
    version: str | None = options.version
    if version is not None and not re.fullmatch(r"[1-9][0-9]{1,2}", version):
        raise RegenError(STEP, f"VERSION={version}", "not a version of DHIS2", "write 2.42 as VERSION=42")
    if options.url and options.spec:
        raise RegenError(STEP, "URL and SPEC", "two documents", "give one of them")
    if (options.url or options.spec) and version is None:
        raise RegenError(STEP, "VERSION", "not said of which version the document is", "add VERSION=42")


def run(layout: Layout, stage: Stage, options: argparse.Namespace) -> list[str]:
    """Find out what is asked for, and do it; gives the files that differ from a check."""
    version: str | None = options.version
    given: dict[str, Published] = {}
    if version is not None and (options.url or options.spec):
        published = document.fetch(options.url, version, os.environ) if options.url else document.read(options.spec)
        check_another(layout, version, published)
        given[version] = evolve(published, origin=options.origin) if options.origin else published
    elif version is not None and version not in layout.versions():
        known = ", ".join(layout.versions()) or "none"
        raise RegenError(STEP, f"VERSION={version}", f"no document of it (there are {known})", "give URL= or SPEC=")
    versions = [version] if version else layout.versions()
    if not versions:
        raise RegenError(STEP, "openapi/", "no documents", "give VERSION= and URL= or SPEC=")
    return regenerate(layout, stage, versions, given, check=options.check)


def show_report(layout: Layout, versions: list[str]) -> None:
    """Print the part of a report that is read in a minute, and say where the whole is."""
    if not all(word.isdigit() for word in versions) or versions[0] == versions[1]:
        raise RegenError(report.STEP, "FROM and TO", "two versions are needed", "say make report FROM=41 TO=42")
    older, newer = sorted(versions, key=int)
    text = compare(layout, older, newer)
    path = layout.report(older, newer)
    if not path.exists():  # only those of neighbours are kept up to date, and in version control
        path = layout.stage.parent / path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(text.partition(report.REST)[0].rstrip())
    print(f"\nThe whole report: {path.relative_to(layout.root)}")


if __name__ == "__main__":
    sys.exit(main())
