"""The project's own programs; nothing of it is in the package."""
