"""The one folder that files are read from and written to, whatever names an agent makes up."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from attrs import frozen

from dhis2_facade.errors import InvalidInput
from dhis2_facade.sources import safe_name

__all__ = ["LARGEST", "Folder"]

LARGEST = 64 * 1024 * 1024  # bytes of a file, which is held in memory
NO_FOLDER = "no files can be read or written here: the server was started without --files"


@frozen
class Folder:
    """A folder. Every step of a path is opened from the one before, and none may be a link."""

    root: Path | None

    def has(self, name: str) -> bool:
        """Say whether anything in the folder itself has this name."""
        return self.root is not None and os.path.lexists(self.root / name)

    def read(self, name: str) -> tuple[str, bytes]:
        """Give name and content of a file."""
        with self._parent(name) as (parent, last):
            try:
                # Not to wait for the other side of a pipe that somebody put there.
                handle = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
            except OSError as error:
                raise _refused(name, error) from None
            with os.fdopen(handle, "rb") as file:
                status = os.fstat(handle)
                if not stat.S_ISREG(status.st_mode):
                    raise InvalidInput(f"{name}: it is no file")
                if status.st_size > LARGEST:
                    raise InvalidInput(f"{name}: it is larger than {LARGEST} bytes")
                return last, file.read(LARGEST)

    def write(self, name: str | None, suggested: str | None, content: bytes) -> str:
        """Write a new file, named as is said or else as the server suggests; gives its path within the folder."""
        wanted = name if name is not None else safe_name(suggested)
        with self._parent(wanted) as (parent, last):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            try:
                handle = os.open(last, flags, mode=0o666, dir_fd=parent)
            except OSError as error:
                raise _refused(wanted, error) from None
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
            except BaseException:
                os.unlink(last, dir_fd=parent)
                raise
        return wanted

    @contextmanager
    def _parent(self, name: str) -> Iterator[tuple[int, str]]:
        """Give the folder that a name is in, open, and its last part."""
        if self.root is None:
            raise InvalidInput(NO_FOLDER)
        parts = PurePosixPath(name).parts
        if not parts or name.endswith("/") or PurePosixPath(name).is_absolute() or ".." in parts or "\0" in name:
            raise InvalidInput(f"{name!r}: expected a path within the folder, such as 'reports/count.csv'")
        handles = [os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)]
        try:
            for part in parts[:-1]:
                handles.append(os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handles[-1]))
            yield handles[-1], parts[-1]
        except OSError as error:
            raise _refused(name, error) from None
        finally:
            for handle in handles:
                os.close(handle)


def _refused(name: str, error: OSError) -> InvalidInput:
    return InvalidInput(f"{name}: cannot be opened: {error.strerror} (links are not followed)")
