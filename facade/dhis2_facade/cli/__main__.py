"""`python -m dhis2_facade.cli`, the same as `dhis2`."""

from __future__ import annotations

from dhis2_facade.cli.entry import main

if __name__ == "__main__":
    main()
