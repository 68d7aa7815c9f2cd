"""What is uploaded and where downloads go: files of this machine, their names and their content."""

from __future__ import annotations

import hashlib
import io
import mimetypes
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import BinaryIO, TypeAlias, cast

from attrs import field, frozen

from dhis2_facade.errors import InvalidInput
from dhis2_facade.models import FileResource
from dhis2_facade.uid import is_uid

__all__ = ["Attachment", "Progress", "Source", "Target", "attachment_of", "source_of"]

Upload: TypeAlias = "str | os.PathLike[str] | BinaryIO | tuple[str, bytes] | bytes"
Attachment: TypeAlias = "str | os.PathLike[str] | BinaryIO | tuple[str, bytes] | FileResource"
Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes that are done and their sum, where that is known."""

PIECE = 64 * 1024  # bytes that are read or written at once
LONGEST_NAME = 160  # characters of a file name that comes from the server, so that it fits every file system
DEFAULT_TYPE = "application/octet-stream"
# Names that Windows keeps for devices, whatever their ending.
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


class _Once:
    """A pipe or socket: nothing but `read`, since its length and place mean nothing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return _bytes(self._file.read(size))


def _bytes(piece: object) -> bytes:
    if isinstance(piece, bytes):
        return piece
    raise InvalidInput(f"a file to upload gives bytes, this one gave {type(piece).__name__}")


class _Window(io.RawIOBase):
    """A file from where it stood, as one that begins there: so its length is what will be read of it."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        super().__init__()
        self._file, self._start = file, start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return _bytes(self._file.read(size))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset + self._start if whence == io.SEEK_SET else offset, whence) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start


@frozen
class Source:
    """Something to upload. `size` is None, and `again` false, where it can only be read once, to its end."""

    name: str
    content_type: str
    size: int | None  # bytes
    again: bool
    _open: Callable[[], bytes | BinaryIO] = field(repr=False)
    owned: bool = False  # whether what is opened is ours to close

    def open(self) -> bytes | BinaryIO:
        """Give the content from its beginning."""
        return self._open()

    def md5(self) -> str:
        """Hash the content, piece by piece; only of a source that can be read again."""
        content, digest = self.open(), hashlib.md5(usedforsecurity=False)
        if isinstance(content, bytes):
            digest.update(content)
            return digest.hexdigest()
        try:
            while piece := content.read(PIECE):
                digest.update(piece)
        finally:
            if self.owned:
                content.close()
        return digest.hexdigest()


def source_of(source: object, *, name: str | None = None, content_type: str | None = None) -> Source:
    """Look at what is to be uploaded: a path, an open binary file, (name, bytes) or bytes. Nothing is read yet."""
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], str):
        name, source = name or source[0], source[1]
    if isinstance(source, bytes | bytearray | memoryview):
        content = bytes(source)
        return _source(name, content_type, len(content), lambda: content)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            with path.open("rb") as file:
                size = file.seek(0, io.SEEK_END)
        except OSError as error:
            raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from None
        return _source(name or path.name, content_type, size, lambda: path.open("rb"), owned=True)
    if callable(getattr(source, "read", None)):
        return _open_file(cast("BinaryIO", source), name, content_type)
    raise InvalidInput(f"expected a path, an open binary file or (name, bytes), got {type(source).__name__}")


def _open_file(file: BinaryIO, name: str | None, content_type: str | None) -> Source:
    mode = getattr(file, "mode", "b")
    if "encoding" in dir(file) or (isinstance(mode, str) and "b" not in mode):
        raise InvalidInput('a file is sent as bytes; open it with mode "rb"')
    given = getattr(file, "name", None)
    name = name or (PurePath(given).name if isinstance(given, str) else None)
    try:
        start = file.tell()
        size = file.seek(0, io.SEEK_END) - start
        file.seek(start)
    except (OSError, AttributeError, ValueError):  # a pipe or a socket
        once = cast("BinaryIO", _Once(file))
        return _source(name, content_type, None, lambda: once)

    def reopen() -> BinaryIO:
        file.seek(start)
        return cast("BinaryIO", _Window(file, start))

    return _source(name, content_type, size, reopen)


def _source(
    name: str | None,
    content_type: str | None,
    size: int | None,
    opener: Callable[[], bytes | BinaryIO],
    *,
    owned: bool = False,
) -> Source:
    if not name:
        raise InvalidInput("a file needs a name: pass (name, bytes), or name=")
    if not name.isprintable():
        raise InvalidInput(f"{name!r}: the name of a file is printable")
    if size == 0:
        raise InvalidInput(f"{name}: it is empty, and the server takes no empty file")
    guessed = content_type or mimetypes.guess_type(name)[0] or DEFAULT_TYPE
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+(;[ \w=.\"+-]+)?", guessed, re.ASCII):
        raise InvalidInput(f"content_type: expected one such as text/csv, got {guessed!r}")
    return Source(name, guessed, size, size is not None, opener, owned)


def attachment_of(one: object) -> str | Source:
    """Give the uid of an attachment that is on the server, or the source of one that is to be uploaded."""
    if isinstance(one, FileResource):
        if is_uid(one.id):
            return str(one.id)
        raise InvalidInput("attachments: this FileResource came without its id")
    if isinstance(one, str) and is_uid(one):
        if Path(one).exists():
            raise InvalidInput(f"attachments: {one} is a uid and a file here; pass Path({one!r}) for the file")
        return one
    if isinstance(one, bytes):
        raise InvalidInput("attachments: bytes need a name: pass (name, bytes)")
    return source_of(one)


def safe_name(name: str | None) -> str:
    """Make a name from the server one that every file system takes and that stays in its folder."""
    last = re.split(r"[/\\]", name or "")[-1]
    kept = "".join("_" if sign in '<>:"|?*' or not sign.isprintable() else sign for sign in last).strip(". ")
    if len(kept) > LONGEST_NAME:
        stem, suffix = PurePath(kept).stem, PurePath(kept).suffix[:20]
        kept = stem[: LONGEST_NAME - len(suffix)] + suffix
    return f"_{kept}" if RESERVED.fullmatch(kept) else kept or "download"


class Target:
    """Where a download is written: memory, an open file, or a temporary file beside the path that it becomes."""

    def __init__(self, to: str | os.PathLike[str] | BinaryIO | None) -> None:
        self.path: Path | None = None
        self._folder: Path | None = None
        self._temporary: Path | None = None
        self._start: int | None = 0
        self.written = 0
        self.name: str | None = None  # as the server gives it
        if to is None:
            self._file: BinaryIO | None = io.BytesIO()
        elif isinstance(to, str | os.PathLike):
            path, self._file = Path(to), None
            self._folder = path if path.is_dir() else path.parent
            self.path = None if path.is_dir() else path
            if not self._folder.is_dir():
                raise InvalidInput(f"to: there is no folder {self._folder}")
        elif callable(getattr(to, "write", None)) and not isinstance(to, io.TextIOBase):
            self._file = to
            try:
                self._start = to.tell() if to.seekable() else None
            except (OSError, AttributeError):
                self._start = None
        else:
            raise InvalidInput(f'to: expected a path, a file opened with mode "wb" or None, got {type(to).__name__}')
        self._memory = to is None

    @property
    def again(self) -> bool:
        """Whether it can be begun again: nothing was written, or what was can be taken back."""
        return self._start is not None or not self.written

    def begin(self, name: str | None) -> None:
        """Begin, or begin again, with the name that the server gives; a file that is there is not overwritten by it."""
        self.name = name
        if self._folder is None:
            if self._file is not None and self._start is not None and self.written:
                self._file.seek(self._start)
                self._file.truncate()
        else:
            self.discard()
            if self.path is None:
                path = self._folder / safe_name(name)
                if path.exists():
                    raise InvalidInput(f"to: {path} is there already; pass the path to write, and it is replaced")
                self.path = path
            handle, temporary = tempfile.mkstemp(prefix=".dhis2-", suffix=".part", dir=self._folder)
            self._file, self._temporary = os.fdopen(handle, "wb"), Path(temporary)
        self.written = 0

    def write(self, piece: bytes) -> None:
        """Write a piece."""
        self._file_().write(piece)
        self.written += len(piece)

    def _file_(self) -> BinaryIO:
        if self._file is None:
            raise InvalidInput("to: it was not begun")
        return self._file

    def finish(self) -> bytes | None:
        """Make it last: synced and renamed, or given as bytes."""
        file = self._file_()
        if self._temporary is None or self.path is None:
            return cast("io.BytesIO", file).getvalue() if self._memory else None
        file.flush()
        os.fsync(file.fileno())
        file.close()
        umask = os.umask(0)
        os.umask(umask)
        self._temporary.chmod(0o666 & ~umask)  # as any file that the user writes, not private as a temporary one
        self._temporary.replace(self.path)
        self._file = self._temporary = None
        return None

    def discard(self) -> None:
        """Take away what is half-written."""
        if self._temporary is not None:
            if self._file is not None:
                self._file.close()
            self._temporary.unlink(missing_ok=True)
            self._file = self._temporary = None
