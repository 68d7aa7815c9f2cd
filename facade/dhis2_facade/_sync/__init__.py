"""The sync client, derived from `_async` by `make sync`."""
