"""File resources: upload, look at, download."""

from __future__ import annotations

from dhis2_facade import answers, errors, inputs, models, retry, sources
from dhis2_facade._async.backend import call_in_thread
from dhis2_facade._async.session import AsyncSession
from dhis2_facade._async.transport import Content
from dhis2_facade.models import Download, FileResource
from dhis2_wire import File, Request

DOMAIN = "MESSAGE_ATTACHMENT"
MEMORY_CAP = 256 * 1024 * 1024  # bytes of a download that is given as bytes
FILE_CAP = 64 * 1024 * 1024 * 1024  # bytes of a download to a file


class AsyncFiles:
    """The server's file resources."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def upload(
        self,
        source: sources.Upload,
        *,
        domain: str = DOMAIN,
        name: str | None = None,
        content_type: str | None = None,
        uid: str | None = None,
        progress: sources.Progress | None = None,
        timeout: float | None = None,
    ) -> FileResource:
        """Upload a file: `POST /api/fileResources`.

        `source` is a path, a file opened with mode "rb" (sent from where it stands), (name, bytes), or bytes with
        `name=`. It is streamed. `content_type` is guessed from the name where it is not given. `domain` says what it is
        for: an attachment of a message unless given. `progress` is called with the bytes that went out and their sum,
        which is None where it is not known. With `uid=` (a uid of your own) the same upload can be made again: a file
        that is there already with this uid, size and MD5 is given back. Where an answer is lost the upload is repeated,
        if the source can be read again; a file that nobody uses is cleared away by the server.

        Raises InvalidInput for what cannot be read or is empty, Conflict for what the server does not take: a blocked
        type, a file above its limit (10,000,000 bytes unless configured), a uid that another file has.
        """
        read = await call_in_thread(lambda: sources.source_of(source, name=name, content_type=content_type))
        uid = None if uid is None else inputs.uid_of("uid", uid, FileResource)
        return await self.store(
            read,
            deadline=self._session.deadline(timeout, transfer=True),
            domain=domain,
            uid=uid,
            progress=progress,
        )

    async def store(
        self,
        source: sources.Source,
        *,
        deadline: float,
        domain: str = DOMAIN,
        uid: str | None = None,
        progress: sources.Progress | None = None,
    ) -> FileResource:
        """Upload a source that was looked at."""
        content = Content(size=source.size, progress=progress, again=source.again)
        opened = await call_in_thread(source.open)
        try:
            request = self._session.bindings.writes.upload(File(opened, source.name, source.content_type), domain, uid)
            value = answers.object_of(await self._session.run(request, retry.Meaning.UPLOAD, deadline, content))
        except errors.Conflict as error:
            if uid is None or error.error_code != "E1119" or not source.again:  # a uid that is taken (quirk 49)
                raise
            there = await self._get(uid, deadline)
            if (there.content_length, there.content_md5) != (source.size, await call_in_thread(source.md5)):
                raise  # another file has this uid
            return there
        finally:
            opened.close()
        response = value.get("response")
        found = response.get("fileResource") if isinstance(response, dict) else None
        return models.read_object(FileResource, found, self._session.zone, "response.fileResource")

    async def get(self, uid: str | FileResource, *, timeout: float | None = None) -> FileResource:
        """Give what the server knows of a file, but its content: `GET /api/fileResources/{uid}`. Raises NotFound."""
        return await self._get(inputs.uid_of("uid", uid, FileResource), self._session.deadline(timeout))

    async def _get(self, uid: str, deadline: float) -> FileResource:
        return await self._session.read(
            FileResource, self._session.bindings.file_resource.get_file_resource(uid), deadline
        )

    async def download(
        self,
        uid: str | FileResource,
        *,
        to: sources.Place | None = None,
        progress: sources.Progress | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> Download:
        """Fetch a file resource's content: `GET /api/fileResources/{uid}/data`.

        `to` is the path to write or replace, a folder (the server's name is used, made safe, and no file is replaced),
        an open binary file, or None for bytes in `content`. A path is written whole or not at all. `progress` is called
        with the bytes that came and their sum, which is None where it is not known. `limit` is the most bytes that are
        taken: 256 MiB into memory, 64 GiB into a file, unless given. Raises NotFound, Forbidden, TooLarge above the
        limit, InvalidInput for a path that cannot be written.
        """
        return await self.fetch(
            self._session.bindings.file_resource.get_file_resource_data(inputs.uid_of("uid", uid, FileResource)),
            to=to,
            progress=progress,
            limit=limit,
            timeout=timeout,
        )

    async def fetch(
        self,
        request: Request[bytes],
        *,
        to: sources.Place | None,
        progress: sources.Progress | None,
        limit: int | None,
        timeout: float | None,
    ) -> Download:
        """Stream the answer of any request for bytes to where it shall be."""
        deadline = self._session.deadline(timeout, transfer=True)
        cap = (MEMORY_CAP if to is None else FILE_CAP) if limit is None else limit
        inputs.require(type(cap) is int and cap > 0, f"limit: expected bytes above 0, got {limit!r}")
        target = await call_in_thread(sources.Target, to)
        try:
            answer = await self._session.run(
                request, retry.Meaning.READ, deadline, Content(progress=progress, target=target, cap=cap)
            )
            if answer.is_page:
                raise answers.no_dhis2(answer, "a file")
            if answer.status != 200:
                raise answers.unreadable(answer, "a file was expected")
            kept = await call_in_thread(target.finish)
        finally:
            target.discard()  # not in a thread: in a scope that is cancelled nothing that waits is done any more
        return Download(
            name=target.name,
            content_type=answer.media_type or None,
            size=target.written,
            path=target.path,
            content=kept,
        )
