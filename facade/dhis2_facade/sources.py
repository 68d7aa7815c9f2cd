"""What is uploaded and where downloads go: files of this machine, their names and their content."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import mimetypes
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import BinaryIO, TypeAlias, cast

from attrs import field, frozen

from dhis2_facade import errors, inputs, models, uid

Place: TypeAlias = "str | os.PathLike[str] | BinaryIO"
Upload: TypeAlias = "Place | tuple[str, bytes] | bytes"
Attachment: TypeAlias = "Place | tuple[str, bytes] | models.FileResource"
Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes that are done and their sum, where that is known."""

PIECE = 64 * 1024  # bytes that are read or written at once
LONGEST_NAME, LONGEST_SUFFIX = 140, 20  # bytes of a file name that comes from the server: any file system takes them
# Names that Windows keeps for devices, whatever their ending.
RESERVED = r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])( *\..*)?"


@contextlib.contextmanager
def _using(name: object = "the file to upload cannot be read") -> Iterator[None]:
    """Say as InvalidInput what this machine says of a file; of a closed one, or a NUL in its name, as ValueError."""
    try:
        yield
    except errors.InvalidInput:
        raise
    except (OSError, ValueError) as error:
        raise errors.InvalidInput(f"{name}: {getattr(error, 'strerror', None) or error}") from None


class _Once:
    """A pipe or socket: nothing but `read`, since its length and place mean nothing."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    @_using()
    def read(self, size: int = -1) -> bytes:
        piece: object = self.file.read(size)
        inputs.require(isinstance(piece, bytes), f"a file to upload gives bytes, this one gave {type(piece).__name__}")
        return cast("bytes", piece)

    def close(self) -> None:
        """Do nothing: what the caller opened stays open."""


class _Window(_Once):
    """So many bytes of a file from where it stood, also where more are written to it: the server was told how many."""

    def __init__(self, file: BinaryIO, size: int, start: int = 0, *, owned: bool = False) -> None:
        super().__init__(file)
        self.size, self.start, self.owned, self.at = size, start, owned, 0

    @_using()  # also where it is: its owner may have closed it
    def read(self, size: int = -1) -> bytes:
        left = self.size - self.at
        piece = super().read(left if size < 0 else min(size, left))
        self.at += len(piece)
        inputs.require(  # else it would be sent mixed up, or with what is missing in it
            (piece or not left) and self.file.tell() == self.start + self.at,
            "the file to upload became shorter while it was read, or is read elsewhere; open it once for each upload",
        )
        return piece

    @_using()
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.file.seek(self.start + offset + self.size * (whence == io.SEEK_END))
        self.at = self.file.tell() - self.start  # mmap's seek does not say where it is
        return self.at

    def tell(self) -> int:
        return self.at

    def close(self) -> None:
        """Close what was opened here; what the caller opened stays open, where it stood, to be sent again."""
        if self.owned:
            self.file.close()
        else:
            with contextlib.suppress(errors.InvalidInput):
                self.seek(0)


@frozen
class Source:
    """Something to upload. `size` is None, and `again` false, where it can only be read once, to its end."""

    name: str
    content_type: str
    size: int | None  # bytes
    open: Callable[[], BinaryIO] = field(repr=False)  # gives the content from its beginning, to be closed

    @property
    def again(self) -> bool:
        """Whether it can be read a second time."""
        return self.size is not None

    def md5(self) -> str:
        """Hash the content, piece by piece; only of a source that can be read again."""
        digest = hashlib.md5(usedforsecurity=False)
        with contextlib.closing(self.open()) as content:
            while piece := content.read(PIECE):
                digest.update(piece)
        return digest.hexdigest()


def source_of(source: object, *, name: str | None = None, content_type: str | None = None) -> Source:
    """Look at what is to be uploaded: a path, an open binary file, (name, bytes) or bytes. Nothing is read yet."""
    inputs.require(
        all(isinstance(text, str) or text is None for text in (name, content_type)),
        "name and content_type: expected text",
    )
    if isinstance(source, tuple) and len(source) == 2:
        inputs.require(not isinstance(source[1], str), "(name, bytes): its content is text; encode it")
        name, source = name or str(source[0]), source[1]
    size, opener = _content_of(source)
    place = os.fspath(source) if isinstance(source, os.PathLike) else getattr(source, "name", source)
    name = name or (PurePath(place).name if isinstance(place, str) else "")
    inputs.require(name, "a file needs a name: pass (name, bytes), or name=")
    inputs.require(name.isprintable(), f"{name!r}: the name of a file is printable")
    inputs.require(size != 0, f"{name}: it is empty, and the server takes no empty file")
    kind = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    inputs.require(
        re.fullmatch(r"[\w.+-]+/[\w.+-]+(;[ \w=.\"+-]+)?", kind, re.ASCII),
        f"content_type: expected one such as text/csv, got {kind!r}",
    )
    return Source(name, kind, size, opener)


def _content_of(source: object) -> tuple[int | None, Callable[[], BinaryIO]]:
    if isinstance(source, bytes | bytearray):
        content = bytes(source)
        return len(content), lambda: io.BytesIO(content)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        with _using(f"{path} cannot be read"):
            size = path.stat().st_size
        inputs.require(  # opening a pipe would wait for who writes into it
            path.is_file(), f"{path} is no regular file; open it, and pass the open file"
        )
        return size, lambda: _opened(path, size)
    inputs.require(
        hasattr(source, "read") and not inspect.iscoroutinefunction(getattr(source, "read", None)),
        f"expected a path, an open file or (name, bytes), got {type(source).__name__}",
    )
    return _open_file(cast("BinaryIO", source))


def _opened(path: Path, size: int) -> BinaryIO:
    with _using(f"{path} cannot be read"):
        return cast("BinaryIO", _Window(path.open("rb"), size, owned=True))


def _open_file(file: BinaryIO) -> tuple[int | None, Callable[[], BinaryIO]]:
    """Give the size and the content of an open file from where it stands; no size for a pipe or a socket."""
    mode = getattr(file, "mode", "b")
    # A file within an archive has the mode "r".
    is_text = hasattr(file, "encoding") or (
        isinstance(mode, str) and "b" not in mode and not isinstance(file, io.BufferedIOBase)
    )
    inputs.require(not is_text, 'a file is sent as bytes; open it with mode "rb"')
    try:
        start, _ = file.tell(), file.seek(0, io.SEEK_END)
        size = max(0, file.tell() - start)
    except (OSError, AttributeError, ValueError):
        return None, lambda: cast("BinaryIO", _Once(file))

    @_using()
    def reopen() -> BinaryIO:
        file.seek(start)
        return cast("BinaryIO", _Window(file, size, start))

    file.seek(start)
    return size, reopen


def attachment_of(one: object) -> str | Source:
    """Give the uid of an attachment that is on the server, or the source of one that is to be uploaded."""
    if isinstance(one, models.FileResource) or uid.is_uid(one):
        known = inputs.uid_of("attachments", one, models.FileResource)
        inputs.require(
            isinstance(one, models.FileResource) or not Path(known).exists(),
            f"attachments: {known} is a uid and a file here; pass Path({known!r}) for the file",
        )
        return known
    inputs.require(not isinstance(one, bytes), "attachments: bytes need a name: pass (name, bytes)")
    return source_of(one)


def safe_name(name: str | None) -> str:
    """Make a name from the server one that every file system takes and that stays in its folder."""
    kept = "".join(
        "_" if sign in '<>:"|?*' or not sign.isprintable() else sign for sign in re.split(r"[/\\]", name or "")[-1]
    ).strip(". ")
    if len(kept.encode()) > LONGEST_NAME:
        suffix = PurePath(kept).suffix.encode()
        suffix = suffix if len(suffix) <= LONGEST_SUFFIX else b""
        kept = (kept.encode()[: LONGEST_NAME - len(suffix)] + suffix).decode("utf-8", "ignore").strip(". ")
    return f"_{kept}" if re.fullmatch(RESERVED, kept) else kept or "download"


class Target:
    """Where a download is written: memory, an open file, or a temporary file beside the path that it becomes."""

    def __init__(self, to: Place | None) -> None:
        self.path: Path | None = None
        self.name: str | None = None  # as the server gives it
        self.written = 0  # bytes
        self._folder: Path | None = None
        self._temporary: Path | None = None
        self._memory = io.BytesIO() if to is None else None
        self._file: BinaryIO | None = self._memory
        self._start, self._named = 0, False  # where an open file stood; whether the server gives the name
        if isinstance(to, str | os.PathLike):
            path, self._named = Path(to), Path(to).is_dir() or os.fspath(to).endswith(("/", os.sep))
            self._folder, self.path = (path, None) if self._named else (path.parent, path)
            inputs.require(self._folder.is_dir(), f"to: there is no folder {self._folder}")
            inputs.require(  # replacing a device or a pipe would take it away from everybody
                self._named or path.is_file() or not path.exists(),
                f"to: {path} is no regular file; open it, and pass the open file",
            )
        elif to is not None:
            inputs.require(
                hasattr(to, "write") and not hasattr(to, "encoding") and not inspect.iscoroutinefunction(to.write),
                f'to: expected a path, a file opened with mode "wb" or None, got {type(to).__name__}',
            )
            self._file, self._start = to, -1
            with contextlib.suppress(OSError, AttributeError, ValueError):
                self._start = to.tell() if to.seekable() else -1

    @property
    def again(self) -> bool:
        """Whether it can be begun again: nothing was written, or what was can be taken back."""
        return self._start >= 0 or not self.written

    def begin(self, name: str | None) -> None:
        """Begin, or begin again, with the name that the server gives; no file that is there is replaced for it."""
        self.discard()
        self.name = name
        if self._folder is not None:
            if self.path is None:
                self.path = _new(self._folder / safe_name(name))
            temporary = self._folder / f".dhis2-{os.urandom(8).hex()}.part"
            with _using(f"to: {self.path} cannot be written"):
                self._file = temporary.open("xb")
            self._temporary = temporary
        elif self._file is not None and self.written:
            with _using("to: the file cannot be written from its beginning"):
                self._file.seek(self._start)
                self._file.truncate()
        self.written = 0

    def write(self, piece: bytes) -> None:
        """Write a piece."""
        with _using("to: the file cannot be written"):
            count = cast("BinaryIO", self._file).write(piece)
        inputs.require(
            count in (None, len(piece)), f"to: the file took {count} of {len(piece)} bytes; open it with a buffer"
        )
        self.written += len(piece)

    def finish(self) -> bytes | None:
        """Make it last: synced and renamed, or given as bytes."""
        if self._temporary is not None and self._file is not None and self.path is not None:
            with _using(f"to: {self.path} cannot be written"):
                with self._file:
                    self._file.flush()
                    os.fsync(self._file.fileno())
                self._become(self._temporary, self.path)
            self.discard()
        return self._memory.getvalue() if self._memory else None

    def _become(self, temporary: Path, path: Path) -> None:
        if not self._named:
            with contextlib.suppress(OSError):  # who may read what is replaced may read this
                temporary.chmod(path.stat().st_mode)
            temporary.replace(path)
        else:
            try:  # it replaces nothing, also nothing that came in the meantime
                path.hardlink_to(temporary)
            except OSError:  # it is there, or the file system has no links
                temporary.replace(_new(path))

    def discard(self) -> None:
        """Take away what is half-written."""
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                cast("BinaryIO", self._file).close()
            self._temporary.unlink(missing_ok=True)
            self._temporary = None


def _new(path: Path) -> Path:
    inputs.require(not path.exists(), f"to: {path} is there already; pass the path to write, and it is replaced")
    return path
