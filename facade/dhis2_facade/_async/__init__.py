"""The client, written once as async; `_sync` is derived from it by `make sync`."""
