"""Second stage: body and attachments of the messages whose content is wanted, in memory only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from scanner.connectors import graph_message as form
from scanner.connectors.graph_session import GoneError, Lane, Session, segment
from scanner.errors import ConnectorError, NotEnabledError, ParkedError, UnreadableError
from scanner.model import ContentLevel

if TYPE_CHECKING:
    from scanner import mime
    from scanner.connectors.base import Order
    from scanner.messages import MessageBatch

MAX_FILE_BYTES = 50 * 1024 * 1024
AHEAD_BYTES = 24 * 1024 * 1024
"""Attachments of one chunk that are fetched ahead; those beyond are fetched one by one."""

EXPAND = "attachments($select=id,name,contentType,size,isInline)"
NO_TEXT = ("image/", "audio/", "video/")
FEW = 3
"""Messages of a chunk that may fail without the mailbox being put off."""

LINK = "attachments that are links to files elsewhere, which were not followed"

Wanted = Sequence[tuple[str, form.Row]]
"""Message keys with the rows that were listed for them."""


class Contents:
    """Fetches the content of a chunk of messages of one mailbox."""

    def __init__(self, session: Session, lane: Lane, order: Order) -> None:
        self._session, self._lane = session, lane
        self._with_files = order.examination.content is ContentLevel.ATTACHMENTS
        self._found: list[tuple[Any, ...]] = []
        self._ahead = self._links = 0

    async def fetch(self, user: str, wanted: Wanted) -> None:
        """Fetch what is wanted; `user` is the address of the mailbox."""
        self._ahead = 0
        tasks = [asyncio.create_task(self._one(user, key, row)) for key, row in wanted]
        try:
            found = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()
        failed = [one for one in found if isinstance(one, BaseException)]
        parked = [one for one in failed if isinstance(one, ParkedError)]
        # One message that the server chokes on must not hold up its mailbox for ever; a server
        # that gives none is another matter.
        if len(parked) < len(failed) or len(parked) > min(FEW, len(found) - 1):
            raise failed[0]
        self._found = [
            (key, [], [], None, f"its text could not be fetched: {_reason(one)}")
            if isinstance(one, BaseException)
            else one
            for (key, _), one in zip(wanted, found, strict=True)
        ]

    def hand_over(self, batch: MessageBatch) -> None:
        """Add what was fetched to the batch that asked for it."""
        found, self._found = self._found, []
        for key, plain, html, files, unread in found:
            batch.add_content(key, plain, html, files, unread)
        for _ in range(self._links):
            batch.remark(LINK)
        self._links = 0

    async def _one(self, user: str, key: str, row: form.Row) -> tuple[Any, ...]:
        url = f"{user}/messages/{segment(row.id)}"
        asked = {"$select": "body"}
        if row.has_attachments:
            asked["$expand"] = EXPAND
        try:
            found = await self._session.get(url, asked, lane=self._lane)
        except (GoneError, NotEnabledError):
            return key, [], [], None, "moved or deleted before its text was fetched"
        except UnreadableError as error:
            return key, [], [], None, f"its text could not be read: {error}"
        plain, html = form.body_of(found)
        listed = [a for a in found.get("attachments") or () if isinstance(a, dict)]
        if row.has_attachments and not listed:
            return key, plain, html, None, "it has attachments that were not listed"
        files, problems = await self._files(url, listed)
        return key, plain, html, files, "; ".join(dict.fromkeys(problems))

    async def _files(
        self, url: str, listed: Sequence[dict[str, Any]]
    ) -> tuple[list[mime.Part], list[str]]:
        files, problems = [], []
        for row in listed:
            kind = str(row.get("@odata.type") or "").lower()
            if kind.endswith("referenceattachment"):
                self._links += self._with_files
                files.append(form.part_of(row, _nothing))
                continue
            where = f"{url}/attachments/{segment(str(row.get('id')))}/$value"
            part = form.part_of(row, _nothing)
            if self._with_files and not part.media_type.startswith(NO_TEXT):
                if part.size > MAX_FILE_BYTES:
                    problems.append(f"an attachment longer than {MAX_FILE_BYTES // 1024**2} MB")
                else:
                    part = form.part_of(row, await self._loader(where, part.size))
            files.append(part)
        return files, problems

    async def _loader(self, where: str, size: int) -> Any:
        """Return what gives an attachment's bytes: fetched already, or when they are asked for."""
        if self._ahead + size <= AHEAD_BYTES:
            self._ahead += size
            try:
                return partial(_known, await self._bytes(where))
            except (GoneError, UnreadableError) as error:
                return partial(_fails, error)
        loop = asyncio.get_running_loop()

        def later() -> bytes:
            try:
                return asyncio.run_coroutine_threadsafe(self._bytes(where), loop).result()
            except ConnectorError as error:
                return _fails(error)

        return later

    async def _bytes(self, where: str) -> bytes:
        return await self._session.content(where, lane=self._lane, limit=MAX_FILE_BYTES)


def _reason(error: BaseException) -> str:
    return str(error).partition(";")[0]


def _known(content: bytes) -> bytes:
    return content


def _nothing() -> bytes:
    return b""


def _fails(error: ConnectorError) -> bytes:
    raise UnreadableError(f"could not be fetched: {error}")
