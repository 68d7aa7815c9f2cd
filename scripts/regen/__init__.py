"""Bindings from what DHIS2 servers publish: `python -m scripts.regen`, or `make regen`."""
