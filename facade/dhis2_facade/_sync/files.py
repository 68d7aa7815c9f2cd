# Derived from _async/files.py by `make sync`. Do not edit.
"""File resources: upload, look at, download."""

from __future__ import annotations

import os
from typing import BinaryIO

from dhis2_facade._sync.backend import call_in_thread
from dhis2_facade._sync.session import Content, Session
from dhis2_facade.answers import no_dhis2, object_of, unreadable
from dhis2_facade.errors import Conflict, InvalidInput
from dhis2_facade.inputs import uid_of
from dhis2_facade.models import Download, FileResource, read_object
from dhis2_facade.retry import Deadline, Meaning
from dhis2_facade.sources import Progress, Source, Target, Upload, source_of
from dhis2_wire import File, Request

__all__ = ["Files"]

DOMAIN = "MESSAGE_ATTACHMENT"
MEMORY_CAP = 256 * 1024 * 1024  # bytes of a download that is given as bytes
FILE_CAP = 64 * 1024 * 1024 * 1024  # bytes of a download to a file
THERE = "E1119"  # the server's code for a uid that is taken


class Files:
    """The server's file resources."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upload(
        self,
        source: Upload,
        *,
        domain: str = DOMAIN,
        name: str | None = None,
        content_type: str | None = None,
        uid: str | None = None,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> FileResource:
        """Upload a file: `POST /api/fileResources`.

        `source` is a path, a file opened with mode "rb" (sent from where it stands), (name, bytes), or bytes with
        `name=`. It is streamed. With `uid=` (a uid of your own) the same upload can be made again: a file that is there
        already with this uid, size and MD5 is given back. Where an answer is lost the upload is repeated, if the source
        can be read again; a file that nobody uses is cleared away by the server.

        Raises InvalidInput for what cannot be read or is empty, Conflict for what the server does not take (a blocked
        type, a file above its limit, which is 10,000,000 bytes unless configured).
        """
        read = call_in_thread(lambda: source_of(source, name=name, content_type=content_type))
        if uid is not None:
            uid_of("uid", uid, FileResource)
        deadline = self._session.deadline(timeout, transfer=True)
        return self.store(read, domain=domain, uid=uid, progress=progress, deadline=deadline)

    def store(
        self,
        source: Source,
        *,
        deadline: Deadline,
        domain: str = DOMAIN,
        uid: str | None = None,
        progress: Progress | None = None,
    ) -> FileResource:
        """Upload a source that was looked at."""
        session = self._session
        content = Content(size=source.size, progress=progress, again=source.again)
        opened = call_in_thread(source.open)
        try:
            request = session.bindings.writes.upload(File(opened, source.name, source.content_type), domain, uid)
            done = session.run(request, Meaning.UPLOAD, deadline, content)
        except Conflict as error:
            if uid is None or error.error_code != THERE or not source.again:
                raise
            same = self._same(source, uid, deadline)
            if same is None:
                raise
            return same
        finally:
            if source.owned and not isinstance(opened, bytes):
                opened.close()
        response = object_of(done.answer).get("response")
        found = response.get("fileResource") if isinstance(response, dict) else None
        return read_object(FileResource, found, session.zone, "response.fileResource")

    def _same(self, source: Source, uid: str, deadline: Deadline) -> FileResource | None:
        """Give the file that has this uid already, if it is the one that was to be uploaded."""
        there = self._get(uid, deadline)
        if (there.content_length, there.content_md5) != (source.size, call_in_thread(source.md5)):
            return None
        return there

    def get(self, uid: str | FileResource, *, timeout: float | None = None) -> FileResource:
        """Look at a file resource: `GET /api/fileResources/{uid}`. Raises NotFound."""
        return self._get(uid_of("uid", uid, FileResource), self._session.deadline(timeout))

    def _get(self, uid: str, deadline: Deadline) -> FileResource:
        session = self._session
        done = session.run(session.bindings.file_resource.get_file_resource(uid), Meaning.READ, deadline)
        return read_object(FileResource, object_of(done.answer), session.zone)

    def download(
        self,
        uid: str | FileResource,
        *,
        to: str | os.PathLike[str] | BinaryIO | None = None,
        progress: Progress | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> Download:
        """Fetch a file resource's content: `GET /api/fileResources/{uid}/data`.

        `to` is the path to write or replace, a folder (the server's name is used, made safe, and no file is replaced),
        an open binary file, or None for `content`. A path is written whole or not at all. `limit` is the most bytes
        that are taken: 256 MiB into memory, 64 GiB into a file, unless given. Raises NotFound, Forbidden, TooLarge,
        InvalidInput for a path that cannot be written.
        """
        request = self._session.bindings.file_resource.get_file_resource_data(uid_of("uid", uid, FileResource))
        return self.fetch(request, to=to, progress=progress, limit=limit, timeout=timeout)

    def fetch(
        self,
        request: Request[bytes],
        *,
        to: str | os.PathLike[str] | BinaryIO | None,
        progress: Progress | None,
        limit: int | None,
        timeout: float | None,
    ) -> Download:
        """Stream the answer of any request for bytes to where it shall be."""
        deadline = self._session.deadline(timeout, transfer=True)
        cap = limit if limit is not None else MEMORY_CAP if to is None else FILE_CAP
        if not cap > 0:
            raise InvalidInput(f"limit: expected bytes above 0, got {limit!r}")
        target = call_in_thread(Target, to)
        try:
            content = Content(progress=progress, target=target, cap=cap)
            done = self._session.run(request, Meaning.READ, deadline, content)
            answer = done.answer
            if answer.is_page:
                raise no_dhis2(answer, "a file")
            if answer.status != 200:
                raise unreadable(answer, "a file was expected")
            kept = call_in_thread(target.finish)
        finally:
            call_in_thread(target.discard)
        return Download(
            name=target.name,
            content_type=answer.media_type or None,
            size=target.written,
            path=target.path,
            content=kept,
        )
