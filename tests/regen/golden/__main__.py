"""Record the golden output anew: `make golden`."""

from __future__ import annotations

from tests.regen.golden.record import OUTPUT, record

if __name__ == "__main__":
    record(OUTPUT)
    print(f"recorded {OUTPUT.name}; look at the difference before you commit it")
