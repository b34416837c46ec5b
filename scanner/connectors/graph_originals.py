"""Messages as Graph gives them whole: found again in their mailbox, and fetched as MIME."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from scanner import mime
from scanner.connectors import graph_message as form
from scanner.connectors.base import Original
from scanner.connectors.graph_session import GoneError, Lane, segment
from scanner.errors import DeniedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from scanner.connectors.base import Wanted
    from scanner.connectors.graph_session import Session

MOST = 10
"""Messages with one Message-ID that are looked at."""

MOVED = "found in another folder of its mailbox: it was moved since"
SERVED = "as Exchange writes it out anew at every request: its bytes need not be equal twice"
NEEDS_READ = "a whole message needs the permission Mail.Read (docs/microsoft-365.md)"


def originals(
    open_session: Callable[[], Session],
    folder_url: Callable[[Session, Lane], Awaitable[str]],
    wanted: Sequence[Wanted],
) -> Iterator[tuple[Wanted, Original]]:
    """Yield each of these messages of one folder that is still in the mailbox, one after the other.

    Requests are GETs, as all others are.
    """
    with asyncio.Runner() as runner:
        session = runner.run(_opened(open_session))
        try:
            lane = Lane()
            folder = runner.run(_awaited(folder_url(session, lane)))
            for one in wanted:
                for identity, note in runner.run(_places(session, lane, folder, one)):
                    content = runner.run(_whole(session, lane, folder, identity))
                    if content:
                        yield one, Original(content, ".eml", note=note)
        finally:
            runner.run(session.__aexit__())


async def _opened(open_session: Callable[[], Session]) -> Session:
    return await open_session().__aenter__()


async def _awaited(url: Awaitable[str]) -> str:
    return await url


async def _places(
    session: Session, lane: Lane, folder: str, wanted: Wanted
) -> list[tuple[str, str]]:
    """Return ids of what may be a message: in its folder, else anywhere in its mailbox."""
    user = folder.partition("/mailFolders/")[0]
    for url, note in ((folder, SERVED), (user, f"{MOVED}; {SERVED}")):
        asked = {"$select": "id,internetMessageId", "$top": str(MOST), "$filter": _filter(wanted)}
        try:
            page = await session.get(f"{url}/messages", asked, lane=lane)
        except GoneError:
            continue
        rows = [row for row in page.get("value") or () if isinstance(row, dict)]
        found = [(str(row["id"]), note) for row in rows if isinstance(row.get("id"), str)]
        if found:
            return found[:MOST]
    return []


def _filter(wanted: Wanted) -> str:
    if wanted.internet_message_id or wanted.sent_at is None:
        identity = f"<{wanted.internet_message_id}>".replace("'", "''")
        return f"internetMessageId eq '{identity}'"
    # Filters know whole seconds.
    since = wanted.sent_at.replace(microsecond=0)
    until = since + timedelta(seconds=1)
    return f"sentDateTime ge {form.stamp(since)} and sentDateTime lt {form.stamp(until)}"


async def _whole(session: Session, lane: Lane, folder: str, identity: str) -> bytes:
    """Return a message as MIME; nothing where it has gone meanwhile."""
    user = folder.partition("/mailFolders/")[0]
    url = f"{user}/messages/{segment(identity)}/$value"
    try:
        return await session.content(url, lane=lane, limit=mime.MAX_MESSAGE_BYTES)
    except GoneError:
        return b""
    except DeniedError as error:
        raise DeniedError(f"{error}: {NEEDS_READ}") from error
