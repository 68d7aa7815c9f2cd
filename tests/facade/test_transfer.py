"""Uploads and downloads over real sockets: what goes out, what comes in, and what is left when it breaks."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import anyio
import httpx
import pytest

from dhis2_facade._async.transport import JSON_CAP
from dhis2_facade.errors import (
    Conflict,
    ConnectionFailed,
    InvalidInput,
    NotDhis2,
    NotFound,
    ServerError,
    TimedOut,
    TooLarge,
    UnreadableAnswer,
)
from dhis2_wire import File, Request
from tests.support.both import FLAVOURS, client, run
from tests.support.exchanges import VERSIONS, parts
from tests.support.wire import Asked, Script, Talk, Wire, wired, within

UID, OTHER = "yKLCFDYCzPy", "aBcDeFgHiJk"
CONTENT = bytes(range(256)) * 1024  # four pieces
EACH = pytest.mark.parametrize(("flavour", "version"), list(zip(FLAVOURS, VERSIONS, strict=True)))
DATA = "/data"
# httpx leaves its own generators to the garbage collector where a body is not read to its end; trio says so.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


@contextlib.asynccontextmanager
async def speaking(flavour: str, version: str, script: Script, **settings: Any) -> AsyncIterator[tuple[Any, Wire]]:
    """A client, and the server that it speaks to."""
    with wired(script, version=version) as wire:
        async with client(flavour, version, wire.url, token="t", **settings) as dhis2:
            yield dhis2, wire


def stored(_asked: Asked, talk: Talk) -> None:
    talk.answer(202, json.dumps({"response": {"fileResource": {"id": UID, "contentLength": 5}}}).encode())


def sent(asked: Asked) -> tuple[bytes, str | None, str | None, dict[str, bytes]]:
    """What a form holds: content, name and type of its file, and its other parts."""
    found = parts(asked.headers["content-type"], asked.body)
    (file,) = [part for part in found if part.file_name is not None]
    return file.content, file.file_name, file.content_type, {p.name: p.content for p in found if p is not file}


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between attempts."""
    monkeypatch.setattr("random.random", lambda: 0.0)


def feed(handle: int, content: bytes = CONTENT) -> None:
    with os.fdopen(handle, "wb") as writing:
        writing.write(content)


# -- uploads --------------------------------------------------------------------------------------------------------


@EACH
def test_every_kind_of_source_arrives_whole(flavour: str, version: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)
    ours, theirs = os.pipe()
    writer = threading.Thread(target=feed, args=(theirs,))

    async def scenario() -> None:
        async with speaking(flavour, version, stored) as (dhis2, wire):
            writer.start()
            with path.open("rb") as file, os.fdopen(ours, "rb") as pipe:
                file.seek(1000)
                for source in (path, str(path), file, ("a.csv", CONTENT), pipe):
                    found = await dhis2.files.upload(source, name="b.csv", content_type="text/x")
                    assert (found.id, found.content_length) == (UID, 5)
                assert not file.closed
            await dhis2.files.upload(path, uid=OTHER, domain="icon")
            *five, last = [sent(one) for one in wire.of("/fileResources")]
            expected = [CONTENT, CONTENT, CONTENT[1000:], CONTENT, CONTENT]
            assert [content == whole for (content, *_), whole in zip(five, expected, strict=True)] == [True] * 5
            assert {one[1:3] for one in five} == {("b.csv", "text/x")}
            assert all(one[3] == {"domain": b"MESSAGE_ATTACHMENT"} for one in five)
            assert last[1:] == ("a.csv", "text/csv", {"domain": b"ICON", "uid": OTHER.encode()})
            lengths = ["content-length" in one.headers for one in wire.of("/fileResources")]
            assert lengths == [True, True, True, True, False, True]

    run(flavour, scenario)
    writer.join()


@EACH
@pytest.mark.parametrize("kind", ["path", "pipe"])
def test_progress_counts_to_the_end(flavour: str, version: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CONTENT)
    ours, theirs = os.pipe()
    writer = threading.Thread(target=feed, args=(theirs,))
    writer.start()
    seen: list[tuple[int, int | None]] = []

    async def scenario() -> None:
        async with speaking(flavour, version, stored) as (dhis2, _):
            with os.fdopen(ours, "rb") as pipe:
                source = tmp_path / "a.csv" if kind == "path" else pipe
                await dhis2.files.upload(source, name="a.csv", progress=lambda done, size: seen.append((done, size)))
                pipe.read()

    run(flavour, scenario)
    writer.join()
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {size for _, size in seen} == {len(CONTENT) if kind == "path" else None}
    assert seen[-1][0] >= len(CONTENT)
    assert kind == "pipe" or seen[-1][0] == len(CONTENT)
    assert len(seen) > 3


@EACH
def test_an_upload_is_repeated_from_the_start_where_that_can_be_read_again(
    flavour: str, version: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(CONTENT)

    def twice(asked: Asked, talk: Talk) -> None:
        uploads.append(asked)
        if len(uploads) % 2:
            talk.reset()
        else:
            stored(asked, talk)

    uploads: list[Asked] = []

    async def scenario() -> None:
        async with speaking(flavour, version, twice) as (dhis2, _):
            with (tmp_path / "a.csv").open("rb") as file:
                file.seek(7)
                for source in (tmp_path / "a.csv", file, ("a.csv", CONTENT)):
                    await dhis2.files.upload(source)

    run(flavour, scenario)
    contents = [sent(one)[0] for one in uploads]
    assert contents == [CONTENT, CONTENT, CONTENT[7:], CONTENT[7:], CONTENT, CONTENT]


@EACH
@pytest.mark.parametrize("breaks", ["reset", "503", "429"])
def test_what_can_be_read_once_is_never_sent_twice(flavour: str, version: str, breaks: str) -> None:
    def script(_asked: Asked, talk: Talk) -> None:
        if breaks == "reset":
            talk.reset()
        else:
            talk.answer(int(breaks), b"{}", retry_after="0")

    ours, theirs = os.pipe()
    feed(theirs, b"content")

    async def scenario() -> None:
        async with speaking(flavour, version, script) as (dhis2, wire):
            with os.fdopen(ours, "rb") as pipe, pytest.raises((ConnectionFailed, ServerError, Exception)) as failed:
                await dhis2.files.upload(pipe, name="a.csv")
            assert len(wire.of("/fileResources")) == 1
            said = "Whether the server did it is not known" in str(failed.value)
            assert said == (breaks != "429")

    run(flavour, scenario)


class Challenged(httpx.Auth):
    """An auth that first sends a request without credentials, as Digest does."""

    def auth_flow(self, request: httpx.Request) -> Any:
        answer = yield request
        if answer.status_code == 401:
            request.headers["Authorization"] = "Digest x"
            yield request


def challenge(asked: Asked, talk: Talk) -> None:
    if "authorization" in asked.headers:
        stored(asked, talk)
    else:
        talk.answer(401, b"{}")


@EACH
def test_an_auth_that_answers_a_challenge_sends_the_whole_file_again_or_says_that_it_cannot(
    flavour: str, version: str
) -> None:
    ours, theirs = os.pipe()
    feed(theirs, b"content")

    async def scenario() -> None:
        with wired(challenge, version=version) as wire, os.fdopen(ours, "rb") as pipe:
            async with client(flavour, version, wire.url, auth=Challenged()) as dhis2:
                await dhis2.files.upload(("a.csv", CONTENT))
                with pytest.raises(InvalidInput, match="sends it twice, but this file can be read only once"):
                    await dhis2.files.upload(pipe, name="a.csv")
                first, second, *rest = wire.of("/fileResources")
                assert sent(first)[0] == sent(second)[0] == CONTENT
                assert [sent(one)[0] for one in rest] == [b"content"]

    run(flavour, scenario)


@EACH
def test_a_form_with_an_empty_text_is_sent_whole(flavour: str, version: str) -> None:
    from attrs import define

    @define
    class Form:
        comment: str
        file: File

    request = Request[Any](
        "POST",
        "/api/fileResources",
        "None",
        "",
        body=Form("", File(io.BytesIO(b"content"), "a.csv", "text/csv")),
        content_type="multipart/form-data",
    )

    async def scenario() -> None:
        async with speaking(flavour, version, stored) as (dhis2, wire):
            await dhis2.call(request)
            assert sent(wire.of("/fileResources")[0]) == (b"content", "a.csv", "text/csv", {"comment": b""})

    run(flavour, scenario)


@EACH
def test_a_file_that_fails_while_it_is_read_is_said_so(flavour: str, version: str) -> None:
    class Failing(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise OSError(5, "Input/output error")

    async def scenario() -> None:
        async with speaking(flavour, version, stored) as (dhis2, wire):
            with pytest.raises(InvalidInput, match=r"^the file to upload cannot be read: Input/output error$"):
                await dhis2.files.upload(Failing(b"text"), name="a.csv")
            assert wire.of("/fileResources") == []
            assert (await dhis2.files.upload(("a.csv", b"text"))).id == UID

    run(flavour, scenario)


@EACH
def test_what_progress_raises_comes_out_as_it_is(flavour: str, version: str) -> None:
    def progress(_done: int, _size: int | None) -> None:
        raise ValueError("mine")

    def script(_asked: Asked, talk: Talk) -> None:
        talk.answer(200, CONTENT, content_type="text/csv")

    async def scenario() -> None:
        async with speaking(flavour, version, script) as (dhis2, _):
            for call in (
                dhis2.files.upload(("a.csv", b"text"), progress=progress),
                dhis2.files.download(UID, progress=progress),
            ):
                with pytest.raises(ValueError, match=r"^mine$") as raised:
                    await call
                assert type(raised.value) is ValueError

    run(flavour, scenario)


@EACH
@pytest.mark.parametrize("same", [True, False])
def test_an_upload_with_a_uid_that_is_there_already_is_the_same_file_or_refused(
    flavour: str, version: str, same: bool
) -> None:
    def script(asked: Asked, talk: Talk) -> None:
        if asked.method == "POST":
            talk.answer(409, b'{"message": "there", "errorCode": "E1119"}')
        else:
            md5 = hashlib.md5(b"text" if same else b"other").hexdigest()
            talk.answer(200, json.dumps({"id": UID, "contentLength": 4, "contentMd5": md5}).encode())

    async def scenario() -> None:
        async with speaking(flavour, version, script) as (dhis2, _):
            if same:
                assert (await dhis2.files.upload(("a.csv", b"text"), uid=UID)).id == UID
            else:
                with pytest.raises(Conflict, match="there"):
                    await dhis2.files.upload(("a.csv", b"text"), uid=UID)

    run(flavour, scenario)


@EACH
def test_an_answer_to_an_upload_that_names_no_file_is_unreadable(flavour: str, version: str) -> None:
    async def scenario() -> None:
        async with speaking(flavour, version, lambda _, talk: talk.answer(202, b'{"response": []}')) as (dhis2, _):
            with pytest.raises(UnreadableAnswer, match=r"response\.fileResource: expected an object, got None"):
                await dhis2.files.upload(("a.csv", b"text"))

    run(flavour, scenario)


# -- downloads ------------------------------------------------------------------------------------------------------


def file_of(content: bytes = CONTENT, **headers: str) -> Script:
    def script(_asked: Asked, talk: Talk) -> None:
        head = {"content_type": "text/csv;charset=utf-8", "content_disposition": "filename=Z\u00e4hlung.csv", **headers}
        raw = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items())
        length = b"" if "transfer_encoding" in head else b"content-length: %d\r\n" % len(content)
        talk.send(b"HTTP/1.1 200 OK\r\n" + raw.encode() + length + b"\r\n" + content)

    return script


@EACH
def test_a_download_goes_where_it_is_sent(flavour: str, version: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with speaking(flavour, version, file_of()) as (dhis2, _):
            name = "Z\u00e4hlung.csv"  # raw and in UTF-8 (quirk 27)
            seen: list[tuple[int, int | None]] = []
            memory = await dhis2.files.download(UID, progress=lambda done, size: seen.append((done, size)))
            assert (memory.content, memory.path, memory.size) == (CONTENT, None, len(CONTENT))
            assert (memory.name, memory.content_type) == (name, "text/csv")
            assert (seen[-1], len(seen) > 2) == ((len(CONTENT), len(CONTENT)), True)
            at_path = await dhis2.files.download(UID, to=tmp_path / "a.csv")
            in_folder = await dhis2.files.download(UID, to=str(tmp_path))
            assert (at_path.path, in_folder.path) == (tmp_path / "a.csv", tmp_path / name)
            with (tmp_path / "open").open("wb") as file:
                opened = await dhis2.files.download(UID, to=file)
                assert (opened.path, opened.content, file.closed) == (None, None, False)
            assert {path.read_bytes() for path in tmp_path.iterdir()} == {CONTENT}
            assert len(list(tmp_path.iterdir())) == 3
            with pytest.raises(InvalidInput, match="is there already"):
                await dhis2.files.download(UID, to=tmp_path)

    run(flavour, scenario)


def half(_asked: Asked, talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
    talk.close()


@EACH
def test_a_body_that_breaks_off_is_fetched_again_and_never_left_in_half(
    flavour: str, version: str, tmp_path: Path
) -> None:
    def once(asked: Asked, talk: Talk) -> None:
        attempts.append(asked)
        if len(attempts) % 2:
            half(asked, talk)
        else:
            file_of(b"whole")(asked, talk)

    attempts: list[Asked] = []

    async def scenario() -> None:
        async with speaking(flavour, version, once) as (dhis2, _):
            assert (await dhis2.files.download(UID)).content == b"whole"
            await dhis2.files.download(UID, to=tmp_path / "a.csv")
            with (tmp_path / "open").open("w+b") as file:
                file.write(b"head:")
                assert (await dhis2.files.download(UID, to=file)).size == 5
        assert (tmp_path / "a.csv").read_bytes() == b"whole"
        assert (tmp_path / "open").read_bytes() == b"head:whole"
        assert len(list(tmp_path.iterdir())) == 2

    run(flavour, scenario)
    assert len(attempts) == 6


@EACH
def test_a_body_that_always_breaks_off_fails_and_leaves_nothing(flavour: str, version: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"before")

    async def scenario() -> None:
        async with speaking(flavour, version, half) as (dhis2, wire):
            with pytest.raises(
                ConnectionFailed, match=r"the answer broke off \(RemoteProtocolError: peer closed"
            ) as failed:
                await dhis2.files.download(UID, to=tmp_path / "a.csv")
            assert failed.value.status == 200
            assert len(wire.of(DATA)) == 4

    run(flavour, scenario)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.csv", b"before")]


@EACH
def test_into_a_pipe_a_broken_download_is_not_begun_again(flavour: str, version: str) -> None:
    def larger(_asked: Asked, talk: Talk) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 99999\r\n\r\n" + b"x" * 70_000)
        talk.close()

    ours, theirs = os.pipe()

    async def scenario() -> None:
        async with speaking(flavour, version, larger) as (dhis2, wire):
            with os.fdopen(theirs, "wb", buffering=0) as pipe, pytest.raises(ConnectionFailed):
                await dhis2.files.download(UID, to=pipe)
            assert len(wire.of(DATA)) == 1

    run(flavour, scenario)
    with os.fdopen(ours, "rb") as reading:
        assert reading.read() == b"x" * 64 * 1024


@EACH
def test_a_limit_is_counted_after_unpacking(flavour: str, version: str, tmp_path: Path) -> None:
    packed = gzip.compress(b"0" * 10_000)
    assert len(packed) < 100

    async def scenario() -> None:
        async with speaking(flavour, version, file_of(packed, content_encoding="gzip")) as (dhis2, wire):
            assert (await dhis2.files.download(UID, limit=10_000)).content == b"0" * 10_000
            for to in (None, tmp_path / "a.csv"):
                with pytest.raises(TooLarge, match="the file is larger than 9999 bytes"):
                    await dhis2.files.download(UID, limit=9_999, to=to)
            assert len(wire.of(DATA)) == 3
            for limit in (0, -1):
                with pytest.raises(InvalidInput, match=r"^limit: expected bytes above 0"):
                    await dhis2.files.download(UID, limit=limit)

    run(flavour, scenario)
    assert list(tmp_path.iterdir()) == []


@EACH
def test_what_is_packed_twice_is_refused(flavour: str, version: str) -> None:
    async def scenario() -> None:
        async with speaking(flavour, version, file_of(b"x", content_encoding="gzip, gzip")) as (dhis2, _):
            with pytest.raises(TooLarge, match="packed more than once"):
                await dhis2.files.download(UID)

    run(flavour, scenario)


@EACH
def test_an_error_is_not_measured_by_the_limit_of_a_file(flavour: str, version: str) -> None:
    async def scenario() -> None:
        said = b'{"message": "No FileResource was found with this uid"}'
        async with speaking(flavour, version, lambda _, talk: talk.answer(404, said)) as (dhis2, _):
            with pytest.raises(NotFound, match="No FileResource was found"):
                await dhis2.files.download(UID, limit=5)

    run(flavour, scenario)


@EACH
def test_a_page_instead_of_a_file_is_somebody_elses_and_never_read_without_end(
    flavour: str, version: str, tmp_path: Path
) -> None:
    def page(asked: Asked, talk: Talk) -> None:
        body = b"<html>Log in</html>" if UID in asked.target else b" " * (JSON_CAP + 1)
        talk.answer(200, body, content_type="text/html")

    async def scenario() -> None:
        async with speaking(flavour, version, page) as (dhis2, _):
            with pytest.raises(NotDhis2, match="with text/html instead of a file"):
                await dhis2.files.download(UID, to=tmp_path)
            with pytest.raises(TooLarge, match=f"the answer is larger than {JSON_CAP} bytes"):
                await dhis2.files.download(OTHER, to=tmp_path)

    run(flavour, scenario)
    assert list(tmp_path.iterdir()) == []


@EACH
def test_a_page_that_is_a_file_is_one(flavour: str, version: str) -> None:
    async def scenario() -> None:
        async with speaking(flavour, version, file_of(b"<html>", content_type="text/html")) as (dhis2, _):
            assert (await dhis2.files.download(UID)).content == b"<html>"

    run(flavour, scenario)


@EACH
def test_another_status_than_200_is_no_file(flavour: str, version: str) -> None:
    async def scenario() -> None:
        async with speaking(flavour, version, lambda _, talk: talk.answer(206, b"part")) as (dhis2, _):
            with pytest.raises(UnreadableAnswer, match="206, but a file was expected"):
                await dhis2.files.download(UID)

    run(flavour, scenario)


@EACH
def test_a_place_that_fails_ends_the_download_and_the_client_goes_on(
    flavour: str, version: str, tmp_path: Path
) -> None:
    class Failing(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    async def scenario() -> None:
        async with speaking(flavour, version, file_of()) as (dhis2, wire):
            with pytest.raises(InvalidInput, match=r"^to: the file cannot be written: No space left on device$"):
                await dhis2.files.download(UID, to=cast("BinaryIO", Failing()))
            with pytest.raises(InvalidInput, match="there is no folder"):
                await dhis2.files.download(UID, to=tmp_path / "none" / "a.csv")
            assert len(wire.of(DATA)) == 1
            assert (await dhis2.files.download(UID)).size == len(CONTENT)

    run(flavour, scenario)


# -- cancelled, and too slow ----------------------------------------------------------------------------------------


def slow_file(_asked: Asked, talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\n" + b"x" * 70_000)
    talk.hang()


@EACH
def test_a_download_that_is_too_slow_ends_by_its_deadline_and_leaves_nothing(
    flavour: str, version: str, tmp_path: Path
) -> None:
    def drip(_asked: Asked, talk: Talk) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\n")
        talk.drip(b"x" * 1000, 0.05)

    async def scenario() -> None:
        async with speaking(flavour, version, drip) as (dhis2, _):
            began = time.monotonic()
            with pytest.raises(TimedOut, match=r"the answer broke off \(nothing within"):
                await dhis2.files.download(UID, to=tmp_path / "a.csv", timeout=0.5)
            assert within(0.5, began)

    run(flavour, scenario)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("flavour", "version"), [("asyncio", "41"), ("trio", "42")])
def test_a_download_that_is_cancelled_leaves_nothing(flavour: str, version: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with speaking(flavour, version, slow_file) as (dhis2, _):
            with anyio.move_on_after(0.5) as scope:
                await dhis2.files.download(UID, to=tmp_path / "a.csv")
            assert scope.cancelled_caught

    run(flavour, scenario)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("flavour", "version"), [("asyncio", "41"), ("trio", "42")])
def test_an_upload_of_a_pipe_that_gives_nothing_ends_by_its_deadline(flavour: str, version: str) -> None:
    ours, theirs = os.pipe()
    writing = os.fdopen(theirs, "wb")

    async def scenario() -> None:
        async with speaking(flavour, version, stored) as (dhis2, _):
            began = time.monotonic()
            with os.fdopen(ours, "rb") as pipe:
                with pytest.raises(TimedOut):
                    await dhis2.files.upload(pipe, name="a.csv", timeout=0.5)
                assert within(0.5, began)
                writing.close()

    run(flavour, scenario)
