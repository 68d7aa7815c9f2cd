"""Files of this machine: what is uploaded, what a server's name becomes, where downloads go."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import mmap
import os
import re
import socket
import stat
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_facade.errors import InvalidInput
from dhis2_facade.models import FileResource
from dhis2_facade.sources import LONGEST_NAME, RESERVED, Source, Target, attachment_of, safe_name, source_of

UID = "yKLCFDYCzPy"


def content_of(source: Source) -> bytes:
    with contextlib.closing(source.open()) as opened:
        return opened.read()


# -- what is uploaded -----------------------------------------------------------------------------------------------


def test_a_path_is_read_from_disk_as_often_as_needed(tmp_path: Path) -> None:
    path = tmp_path / "count.csv"
    path.write_bytes(b"a,b\n")
    for given_ in (path, str(path)):
        source = source_of(given_)
        assert (source.name, source.content_type, source.size, source.again) == ("count.csv", "text/csv", 4, True)
        assert content_of(source) == content_of(source) == b"a,b\n"
        assert source.md5() == hashlib.md5(b"a,b\n").hexdigest()


@pytest.mark.parametrize("given_", [("a.txt", b"text"), ("a.txt", bytearray(b"text"))])
def test_bytes_come_with_a_name(given_: Any) -> None:
    source = source_of(given_)
    assert (source.name, source.content_type, source.size, content_of(source)) == ("a.txt", "text/plain", 4, b"text")
    assert source_of(given_[1], name="b.bin").name == source_of(given_, name="b.bin").name == "b.bin"
    assert source.md5() == hashlib.md5(b"text").hexdigest()


def opened(tmp_path: Path) -> BinaryIO:
    (tmp_path / "a.txt").write_bytes(b"0123456789")
    return (tmp_path / "a.txt").open("rb")


def spooled(_tmp_path: Path) -> BinaryIO:
    file = tempfile.SpooledTemporaryFile(max_size=100)  # noqa: SIM115 - who asks for it closes it
    file.write(b"0123456789")
    return cast("BinaryIO", file)


def temporary(_tmp_path: Path) -> BinaryIO:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - who asks for it closes it
    file.write(b"0123456789")
    return cast("BinaryIO", file)


def packed(_tmp_path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(io.BytesIO(gzip.compress(b"0123456789"))))


def mapped(folder: Path) -> BinaryIO:
    with opened(folder) as file:
        return cast("BinaryIO", mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


@pytest.mark.parametrize("make", [opened, spooled, temporary, packed, mapped, lambda _: io.BytesIO(b"0123456789")])
@pytest.mark.parametrize("start", [0, 4])
def test_an_open_file_is_sent_from_where_it_stands_each_time(
    make: Callable[[Path], BinaryIO], start: int, tmp_path: Path
) -> None:
    with make(tmp_path) as file:
        file.seek(start)
        source = source_of(file, name="a.txt")
        assert (source.size, source.again) == (10 - start, True)
        assert content_of(source) == content_of(source) == b"0123456789"[start:]
        assert source.md5() == hashlib.md5(b"0123456789"[start:]).hexdigest()
        window = source.open()
        assert (window.tell(), window.seek(0, io.SEEK_END), window.seek(2), window.tell()) == (0, 10 - start, 2, 2)
        assert not file.closed


def test_the_name_of_an_open_file_is_its_last_part(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        assert source_of(file).name == "a.txt"
    with pytest.raises(InvalidInput, match=r"^a file needs a name"):
        source_of(io.BytesIO(b"a"))


def pipe() -> tuple[BinaryIO, BinaryIO]:
    ours, theirs = os.pipe()
    return os.fdopen(ours, "rb"), os.fdopen(theirs, "wb")


def test_a_pipe_can_be_read_once_and_has_no_size() -> None:
    ours, theirs = pipe()
    with ours, theirs:
        source = source_of(ours, name="a.txt")
        assert (source.size, source.again) == (None, False)
        theirs.write(b"text")
        theirs.close()
        assert content_of(source) == b"text"


def test_a_socket_can_be_read_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as file:
        theirs.sendall(b"text")
        theirs.close()
        source = source_of(file, name="a.txt")
        assert (source.size, source.again, content_of(source)) == (None, False, b"text")


def test_nothing_is_read_before_it_is_sent() -> None:
    class Watched(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("read")

    assert source_of(Watched(b"text"), name="a.txt").size == 4


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (b"text", "a file needs a name"),
        (("", b"text"), "a file needs a name"),
        (("a.txt", b""), "a.txt: it is empty, and the server takes no empty file"),
        (("a\nb", b"text"), r"'a\\nb': the name of a file is printable"),
        (("a\u202etxt.exe", b"text"), "the name of a file is printable"),
        (io.StringIO("text"), 'opened? as bytes|open it with mode "rb"'),
        (7, r"expected a path, an open file or \(name, bytes\), got int"),
        (None, "got NoneType"),
        (("a", "b", "c"), "got tuple"),
        ("no/such/file", "no/such/file cannot be read: No such file or directory"),
        ("a\0b", "cannot be read: .*embedded null"),
        (("a.csv", "secret"), r"^\(name, bytes\): its content is text; encode it$"),
        (".", r"\. is no regular file; open it, and pass the open file"),
        (os.devnull, "is no regular file"),
    ],
)
def test_what_cannot_be_uploaded_is_refused(given_: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        source_of(given_)


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with (tmp_path / "a.txt").open() as file, pytest.raises(InvalidInput, match='open it with mode "rb"'):
        source_of(file)
    with tempfile.NamedTemporaryFile("w+") as wrapped, pytest.raises(InvalidInput, match='open it with mode "rb"'):
        source_of(wrapped)


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(InvalidInput, match=r"a\.txt is no regular file"):
        source_of(tmp_path / "a.txt")


@pytest.mark.parametrize("kind", ["text", "text/", "text/csv\r\nX-Evil: 1", "text/csv;\n", "té/xt", "a/b/c"])
def test_a_content_type_that_is_none_is_refused(kind: str) -> None:
    assert source_of(("a", b"text"), content_type="text/csv; charset=utf-8").content_type == "text/csv; charset=utf-8"
    with pytest.raises(InvalidInput, match=r"^content_type: expected one such as text/csv, got"):
        source_of(("a", b"text"), content_type=kind)


def test_a_file_that_went_away_or_was_closed_since_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"text")
    source, file = source_of(path), path.open("rb")
    from_open = source_of(file)
    path.unlink()
    file.close()
    for read in (source.open, source.md5):
        with pytest.raises(InvalidInput, match=r"a\.txt cannot be read: No such file or directory"):
            read()
    with pytest.raises(InvalidInput, match=r"cannot be read: .*closed file"):
        from_open.open()


def test_a_file_that_gives_no_bytes_or_fails_is_said_so() -> None:
    class Odd:
        def read(self, _size: int = -1) -> Any:
            return "text"

    class Failing:
        def read(self, _size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(InvalidInput, match="gives bytes, this one gave str"):
        content_of(source_of(Odd(), name="a"))
    with pytest.raises(InvalidInput, match=r"^the file to upload cannot be read: Input/output error$"):
        content_of(source_of(Failing(), name="a"))


def test_a_source_does_not_show_its_content() -> None:
    assert "hidden" not in repr(source_of(("a.txt", b"hidden")))


# -- attachments ----------------------------------------------------------------------------------------------------


def test_an_attachment_is_a_file_on_the_server_or_one_to_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert attachment_of(UID) == attachment_of(FileResource(id=UID)) == UID
    assert isinstance(attachment_of(("a.txt", b"text")), Source)
    with pytest.raises(InvalidInput, match="this FileResource came without its id"):
        attachment_of(FileResource(name="a.txt"))
    with pytest.raises(InvalidInput, match=r"bytes need a name: pass \(name, bytes\)"):
        attachment_of(b"text")


def test_a_uid_that_is_also_a_file_here_must_be_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / UID).write_bytes(b"text")
    with pytest.raises(InvalidInput, match=rf"is a uid and a file here; pass Path\('{UID}'\) for the file"):
        attachment_of(UID)
    assert isinstance(attachment_of(Path(UID)), Source)
    assert attachment_of(FileResource(id=UID)) == UID


# -- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.png", "photo.png"),
        ("Zählung 在庫.csv", "Zählung 在庫.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/etc/cron.d/x", "x"),
        ("C:\\x.txt", "x.txt"),
        ("c:x.txt", "c_x.txt"),
        (".bashrc", "bashrc"),
        ("a.txt. . ", "a.txt"),
        ('a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"),
        ("a\nb\0c\x1b[31m\u202e", "a_b_c_[31m_"),
        ("con", "_con"),
        ("CON.txt", "_CON.txt"),
        ("con .txt", "_con .txt"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("COM1.log", "_COM1.log"),
        ("lpt³", "_lpt³"),
        ("conin$", "_conin$"),
        ("console", "console"),
        ("com10", "com10"),
        ("..", "download"),
        ("", "download"),
        (None, "download"),
        ("/", "download"),
        ("a" * 300 + ".csv", "a" * (LONGEST_NAME - 4) + ".csv"),
        ("在" * 100 + ".csv", "在" * ((LONGEST_NAME - 4) // 3) + ".csv"),
        ("a." + "b" * 300, "a." + "b" * (LONGEST_NAME - 2)),
    ],
)
def test_a_name_of_the_server_is_made_one_for_every_system(name: str | None, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(max_size=300) | st.text(st.sampled_from("./\\: aCONnul\u202e\U0001f4e6"), max_size=400))
def test_no_name_of_a_server_leaves_its_folder_or_is_one_that_a_system_refuses(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set('/\\<>:"|?*')
    assert safe.isprintable()
    assert safe == safe.strip(". ")
    assert len(safe.encode()) <= LONGEST_NAME + 1
    assert not re.fullmatch(RESERVED, safe)
    assert safe_name(safe) == safe or len(safe.encode()) > LONGEST_NAME


# -- where downloads go ---------------------------------------------------------------------------------------------


def fill(target: Target, content: bytes = b"content", name: str | None = "server.txt") -> bytes | None:
    target.begin(name)
    for place in range(0, len(content), 3):
        target.write(content[place : place + 3])
    return target.finish()


def test_without_a_place_the_content_is_given() -> None:
    target = Target(None)
    assert fill(target) == b"content"
    assert (target.path, target.name, target.written, target.again) == (None, "server.txt", 7, True)


def test_begun_again_it_is_as_if_it_were_begun_first(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w+b") as file:
        file.write(b"head:")
        for to in (None, tmp_path / "path", tmp_path, file):
            target = Target(to)
            target.begin("other.txt" if to == tmp_path else None)
            target.write(b"half of something longer")
            assert target.again
            assert fill(target) == (b"content" if to is None else None)
            assert target.written == 7
        file.flush()
    assert (tmp_path / "open").read_bytes() == b"head:content"
    assert (tmp_path / "path").read_bytes() == (tmp_path / "other.txt").read_bytes() == b"content"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["open", "other.txt", "path"]


@pytest.mark.parametrize("as_text", [True, False])
def test_a_path_is_replaced_whole_or_left_as_it_is(as_text: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")
    target = Target(str(path) if as_text else path)
    target.begin("server.txt")
    target.write(b"half")
    assert path.read_bytes() == b"before"
    target.discard()
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_bytes() == b"before"
    fill(target)
    assert (target.path, path.read_bytes()) == (path, b"content")
    target.discard()
    assert path.read_bytes() == b"content"


def test_in_a_folder_the_servers_name_is_made_safe_and_replaces_nothing(tmp_path: Path) -> None:
    target = Target(tmp_path)
    fill(target, name="../a.txt")
    assert (target.path, (tmp_path / "a.txt").read_bytes()) == (tmp_path / "a.txt", b"content")
    with pytest.raises(InvalidInput, match=r"a\.txt is there already; pass the path to write, and it is replaced"):
        Target(tmp_path).begin("a.txt")


@pytest.mark.parametrize("links", [True, False])
def test_what_came_into_the_folder_in_the_meantime_is_not_replaced(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> None:
        raise OSError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", none)
    fill(Target(tmp_path), name="first.txt")
    assert (tmp_path / "first.txt").read_bytes() == b"content"
    target = Target(tmp_path)
    target.begin("a.txt")
    target.write(b"content")
    (tmp_path / "a.txt").write_bytes(b"of somebody else")
    with pytest.raises(InvalidInput, match="is there already"):
        target.finish()
    target.discard()
    assert (tmp_path / "a.txt").read_bytes() == b"of somebody else"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "first.txt"]


def test_many_downloads_of_one_name_into_one_folder_give_one_file(tmp_path: Path) -> None:
    done: list[bytes] = []
    ready = threading.Barrier(8)

    def one(number: int) -> None:
        target = Target(tmp_path)
        try:
            target.begin("a.txt")
            ready.wait()
            target.write(b"%d" % number)
            target.finish()
            done.append(b"%d" % number)
        except InvalidInput:
            pass
        finally:
            target.discard()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == done
    assert len(done) == 1


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_download_has_the_permissions_of_any_file_that_the_user_writes(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        fill(Target(tmp_path / "a.txt"))
        fill(Target(tmp_path), name="b.txt")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o666 & ~mask}


def test_no_thread_ever_sees_another_mask_for_new_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise AssertionError("the mask is that of the whole process")

    monkeypatch.setattr(os, "umask", refuse)
    fill(Target(tmp_path / "a.txt"))


def test_a_pipe_takes_a_download_that_cannot_be_begun_again(tmp_path: Path) -> None:
    ours, theirs = pipe()
    with ours, theirs:
        target = Target(theirs)
        assert target.again
        assert fill(target) is None
        assert not target.again
        theirs.close()
        assert ours.read() == b"content"


def test_what_only_writes_takes_a_download_once() -> None:
    class Writing:
        content = b""

        def write(self, piece: bytes) -> None:
            self.content += piece

    file = Writing()
    target = Target(cast("BinaryIO", file))
    fill(target)
    assert (file.content, target.again) == (b"content", False)


class Short(io.RawIOBase):
    """A file that takes less than it is given, as unbuffered ones may."""

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        return len(piece) - 1


def test_a_file_that_does_not_take_all_is_said_so() -> None:
    target = Target(cast("BinaryIO", Short()))
    target.begin(None)
    with pytest.raises(InvalidInput, match="the file took 2 of 3 bytes"):
        target.write(b"abc")


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("no/such/folder/a.txt", "to: there is no folder no/such/folder"),
        (io.StringIO(), 'a file opened with mode "wb" or None, got StringIO'),
        (7, "got int"),
        (os.devnull, "is no regular file; open it, and pass the open file"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_asked(to: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Target(to)


def test_a_folder_that_goes_away_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    target = Target(tmp_path / "in" / "a.txt")
    (tmp_path / "in").rmdir()
    with pytest.raises(InvalidInput, match=r"a\.txt cannot be written: No such file or directory"):
        target.begin(None)
    target.discard()
    (tmp_path / "in").mkdir()
    target.begin(None)
    (tmp_path / "in" / "a.txt").mkdir()
    with pytest.raises(InvalidInput, match=r"a\.txt cannot be written: Is a directory"):
        target.finish()
    target.discard()
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.txt"]


def test_a_disk_that_is_full_is_said_so(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        target = Target(full)
        target.begin(None)
        with pytest.raises(InvalidInput, match=r"^to: the file cannot be written: No space left on device$"):
            target.write(b"content")


def test_a_closed_file_is_said_so() -> None:
    file = io.BytesIO()
    target = Target(file)
    target.begin(None)
    file.close()
    with pytest.raises(InvalidInput, match=re.escape("to: the file cannot be written: I/O operation on closed file")):
        target.write(b"content")


@pytest.mark.parametrize("make", [lambda path: path, lambda path: path.open("rb")], ids=["path", "open file"])
def test_of_a_file_that_grows_is_sent_what_was_there_and_one_that_shrinks_is_said_so(
    tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    path, content = tmp_path / "log.txt", os.urandom(200_000)
    path.write_bytes(content)
    source = source_of(made := make(path))
    with path.open("ab") as more:
        more.write(b"more")
    with contextlib.closing(source.open()) as reading:
        assert (reading.seek(0, io.SEEK_END), reading.seek(0)) == (200_000, 0)
        assert reading.read(4) + reading.read() + reading.read() == content
        assert source.md5() == hashlib.md5(content).hexdigest()
        os.truncate(path, 100_000)
        reading.seek(0)
        with pytest.raises(InvalidInput, match="became shorter while it was read"):
            list(iter(lambda: reading.read(50_000), b""))
    if not isinstance(made, Path):
        made.close()


def test_an_open_file_stands_where_it_stood_so_that_it_can_be_passed_again(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        file.seek(3)
        for _ in range(2):
            source = source_of(file)
            assert source.md5() == hashlib.md5(b"3456789").hexdigest()
            with contextlib.closing(source.open()) as sent:
                assert sent.read(2) == b"34"  # and then it breaks off
            assert file.tell() == 3
        sent = source.open()
    sent.close()  # a file that its owner closed meanwhile is left alone


def test_an_open_file_that_stands_behind_its_end_is_empty(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        file.seek(11)
        with pytest.raises(InvalidInput, match="it is empty"):
            source_of(file)


def test_a_file_that_is_closed_while_it_is_sent_is_said_so(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        sent = source_of(file).open()
        assert sent.read(2) == b"01"
    for act in (sent.read, lambda: sent.seek(0)):
        with pytest.raises(InvalidInput, match=r"^the file to upload cannot be read: .*closed file"):
            act()


@pytest.mark.parametrize("place", [0, 2, 10])
def test_a_file_that_is_read_elsewhere_while_it_is_sent_is_said_so(place: int, tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        sent = source_of(file).open()
        assert sent.read(4) == b"0123"
        file.seek(place)  # as of another upload of it
        with pytest.raises(InvalidInput, match="or is read elsewhere; open it once for each upload"):
            sent.read(4)


def test_a_file_that_is_read_with_await_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await anyio.open_file(tmp_path / "a.txt", "w+b") as file:
            with pytest.raises(InvalidInput, match="expected a path, an open file"):
                source_of(file)
            with pytest.raises(InvalidInput, match=r"^to: expected a path"):
                Target(cast("Any", file))

    anyio.run(scenario)


def test_a_file_within_an_archive_is_one() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed_:
        packed_.writestr("count.csv", "a,b")
    with zipfile.ZipFile(archive) as packed_, packed_.open("count.csv") as file:
        source = source_of(file)
        assert (source.name, source.size, content_of(source)) == ("count.csv", 3, b"a,b")


@pytest.mark.parametrize("wrong", [{"name": 5}, {"content_type": 5}])
def test_a_name_or_a_type_that_is_no_text_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^name and content_type: expected text$"):
        source_of(b"text", **{"name": "a.txt", **wrong})


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_who_may_read_what_is_replaced_may_read_what_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "private.csv"
    path.write_bytes(b"old")
    path.chmod(0o600)
    target = Target(path)
    target.begin("other.csv")
    target.write(b"new")
    target.finish()
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


def test_a_folder_that_is_not_there_is_no_file_to_be_and_a_closed_file_none_to_write(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no folder"):
        Target(f"{tmp_path}/new/")
    file = (tmp_path / "a").open("wb")
    file.close()
    target = Target(file)
    target.begin(None)
    with pytest.raises(InvalidInput, match="to: the file cannot be written: write to closed file"):
        target.write(b"x")


def test_a_file_is_on_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr("os.fsync", lambda _handle: seen.append((tmp_path / "count.csv").exists()))
    target = Target(tmp_path / "count.csv")
    target.begin(None)
    target.write(b"a,b")
    target.finish()
    assert seen == [False]
    assert (tmp_path / "count.csv").read_bytes() == b"a,b"
