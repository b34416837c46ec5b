"""Reads mail folders through Graph: many mailboxes at a time, each page by page in its order.

Requests run in an event loop in a thread of its own; rows are built, and pages committed, in the
thread that asks for them, one at a time.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from scanner.connectors import graph_message as form
from scanner.connectors.base import Order, Page
from scanner.connectors.graph_content import Contents
from scanner.connectors.graph_place import Piece, Place, second, short
from scanner.connectors.graph_session import GoneError, Lane, Session, SlowError
from scanner.errors import ConnectorError, NotEnabledError, ParkedError
from scanner.model import ContentLevel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable

    from scanner.messages import MessageBatch

SIZES = (1_000, 500, 250, 100, 50, 20)
"""Messages a page: fewer for a mailbox whose pages the server does not give in time."""

SLOW = 20.0
"""Seconds from which on a full page is taken as a sign to ask for a smaller one."""

SLICED_FROM = 30
"""With so many pages to come a mailbox is read in several stretches of time at once."""

SLICES = 3
CHUNKS = {ContentLevel.NONE: 1_000, ContentLevel.TEXT: 200, ContentLevel.ATTACHMENTS: 50}
"""Messages committed together: what is fetched for them is in memory at once."""

MET_PAGES = 8
IDLE = 3
"""Pages without anything new, one after the other, after which a listing leads nowhere."""

CUT = (
    "recipient lists whose length is that at which some clients cut one short; compare with a trace"
)
ATTACHED = "messages whose attachments were not listed; --content text lists them"


@dataclass(slots=True)
class Box:
    """One mailbox while it is read."""

    lane: Lane = field(default_factory=Lane)
    size: int = 0
    """Position in `SIZES`."""

    def smaller(self, reason: str) -> None:
        """Ask for smaller pages from now on; raises `ParkedError` where there are none."""
        if self.size + 1 == len(SIZES):
            raise ParkedError(f"even small pages failed ({reason}); put off to the next scan")
        self.size += 1


Dated = tuple[datetime | None, form.Row]


@dataclass(slots=True)
class Listed:
    """One page of a listing."""

    piece: Piece
    rows: list[Dated]
    """Each row with the second it was sent in."""

    parts: list[Piece] | None = None
    """What its piece is replaced by, where the listing ends with this page."""


class Desk:
    """Takes work from the event loop to the thread that builds and commits, one at a time."""

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[tuple[Callable[[], Any] | None, Any, Any]] = (
            queue.SimpleQueue()
        )
        self.failure: BaseException | None = None

    async def call(self, work: Callable[[], Any]) -> Any:
        """Have something done in the other thread; return or raise what comes of it."""
        return await self._put(work, None)

    async def give(self, order: Order, found: Page | Exception | None) -> None:
        """Hand over a page or an end; returns when it is committed."""
        await self._put(None, (order, found))

    async def _put(self, work: Callable[[], Any] | None, given: Any) -> Any:
        done = asyncio.get_running_loop().create_future()
        self._inbox.put((work, given, done))
        return await done

    def close(self, failure: BaseException | None) -> None:
        """Say that nothing more comes."""
        self.failure = failure
        self._inbox.put((None, None, None))

    def work(self) -> Generator[tuple[Order, Page | Exception | None], None, None]:
        """Do what comes in, and yield what is given."""
        while True:
            work, given, done = self._inbox.get()
            if done is None:
                break
            result, error = None, None
            if work is None:
                yield given
            else:
                try:
                    result = work()
                except Exception as raised:  # noqa: BLE001 - it goes back to whoever asked
                    error = raised
            done.get_loop().call_soon_threadsafe(_settle, done, result, error)
        if self.failure is not None:
            raise self.failure


def _settle(done: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)


class MailReader:
    """Carries out orders for mail folders."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        folder_url: Callable[[Session, Lane, Order], Coroutine[Any, Any, str]],
        concurrency: int,
    ) -> None:
        """Read with `concurrency` requests in flight; `folder_url` says where a unit's mail is."""
        self._open_session, self._folder_url = open_session, folder_url
        self._concurrency = concurrency

    def carry_out(
        self, orders: Iterable[Order]
    ) -> Generator[tuple[Order, Page | Exception | None], None, None]:
        """Yield the pages of the orders, and the end of each; see `Connector.carry_out`."""
        desk = Desk()
        boxes = (list(found) for _, found in groupby(orders, key=lambda o: o.unit.mailbox))
        started: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        thread = threading.Thread(
            target=self._run, args=(desk, boxes, started), name="graph", daemon=True
        )
        thread.start()
        stop = started.get()
        try:
            yield from desk.work()
        finally:
            stop()
            thread.join()

    def _run(
        self,
        desk: Desk,
        boxes: Iterable[list[Order]],
        started: queue.SimpleQueue[Callable[[], None]],
    ) -> None:
        async def main() -> None:
            async def read() -> None:
                async with self._open_session() as session:
                    await self._all(desk, boxes, session)

            task, loop = asyncio.create_task(read()), asyncio.get_running_loop()

            def stop() -> None:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(task.cancel)

            started.put(stop)
            await task

        failure: BaseException | None = None
        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the pages are taken
            failure = error
        started.put(lambda: None)
        desk.close(failure)

    async def _all(self, desk: Desk, boxes: Iterable[list[Order]], session: Session) -> None:
        # More mailboxes than requests in flight: all of them end at about the same time.
        active = asyncio.Semaphore(3 * self._concurrency)
        held = asyncio.Semaphore(self._concurrency + 4)

        async def one(orders: list[Order]) -> None:
            try:
                box = Box()
                for order in orders:
                    await _Reading(session, desk, order, box, held, self._folder_url).run()
            finally:
                active.release()

        async with asyncio.TaskGroup() as tasks:
            boxes = iter(boxes)
            while True:
                await active.acquire()
                orders = next(boxes, None)
                if orders is None:
                    break
                tasks.create_task(one(orders))


class _Reading:
    """One order while it is carried out."""

    def __init__(
        self,
        session: Session,
        desk: Desk,
        order: Order,
        box: Box,
        held: asyncio.Semaphore,
        folder_url: Callable[[Session, Lane, Order], Coroutine[Any, Any, str]],
    ) -> None:
        self._session, self._desk, self._order, self._box = session, desk, order, box
        self._folder_url, self._url = folder_url, ""
        self._held = held
        """Pages that may be in memory at a time, those under way among them."""

        self._pages: asyncio.Queue[Listed | Exception | None] = asyncio.Queue(1)
        asked = order.examination
        self._place = Place.of(order.resume, asked.since, asked.until)
        self._split = len(self._place.pieces) > 1
        self._committed = order.resume
        self._contents: Contents | None = None
        self._met: deque[set[int]] = deque()
        """What the last pages held: one may hold a message twice, or one of a page before."""

        self._known: set[int] = set()
        """All of that."""

    async def run(self) -> None:
        """Read to the end and hand over every page, then how it ended."""
        ended: Exception | None = None
        pumping = asyncio.create_task(self._pump_all())
        try:
            while isinstance(found := await self._pages.get(), Listed):
                try:
                    await self._take(found)
                finally:
                    self._held.release()
            ended = found
            if ended is None and self._url and self._place.token() != self._committed:
                await self._commit(await self._desk.call(self._order.new_batch))
        except Exception as error:  # noqa: BLE001 - whatever it is costs one unit
            ended = error
        finally:
            pumping.cancel()
            await asyncio.gather(pumping, return_exceptions=True)
            while not self._pages.empty():
                self._held.release() if isinstance(self._pages.get_nowait(), Listed) else None
        await self._desk.give(self._order, ended)

    # -- listing -----------------------------------------------------------------------------

    async def _pump_all(self) -> None:
        end: Exception | None = None
        try:
            self._url = await self._folder_url(self._session, self._box.lane, self._order)
            if not self._url:
                self._place = Place([])
            async with asyncio.TaskGroup() as tasks:
                for piece in self._place.pieces:
                    tasks.create_task(self._pump(piece))
        except* Exception as errors:  # noqa: BLE001 - whatever it is costs one unit
            end = _first(errors)
        await self._pages.put(end)

    async def _pump(self, piece: Piece) -> None:
        """Put the pages of a piece where they are taken; split it where it is long."""
        async for page, left in self._listing(piece):
            page.parts = None if left else []
            if left >= SLICED_FROM * SIZES[0] and not self._split:
                at = Piece(piece.since, piece.until)
                for when, row in page.rows:
                    at.advance(short(row.id), when)
                parts = at.parts(SLICES, datetime.now(UTC))
                if len(parts) > 1:
                    self._split, page.parts = True, parts
                    await self._put(page)
                    async with asyncio.TaskGroup() as tasks:
                        for part in parts:
                            tasks.create_task(self._pump(part))
                    return
            await self._put(page)

    async def _put(self, page: Listed) -> None:
        try:
            await self._pages.put(page)
        except BaseException:
            self._held.release()
            raise

    async def _listing(self, piece: Piece) -> AsyncIterator[tuple[Listed, int]]:
        """Yield each page of a piece with the number of messages that come after it."""
        at, until = piece.since, piece.until
        link, total, passed, idle = "", 0, 0, 0
        seen: set[str] = set()
        while True:
            await self._held.acquire()
            try:
                page = await self._page(link, at, until)
                rows, following = page.value, page.next_link
            except SlowError as error:
                self._held.release()
                self._box.smaller(str(error))
                link = ""
                continue
            except BaseException:
                self._held.release()
                raise
            count = page.count if isinstance(page.count, int) else 0
            if link and count < total:
                # What was removed meanwhile moved the pages up: list again from what is known.
                self._held.release()
                link = ""
                continue
            passed = passed + len(rows) if link else len(rows)
            total, full = count, len(rows) >= SIZES[self._box.size]
            dated = [(second(form.instant(row.sent_date_time)), row) for row in rows]
            at = max((when for when, _ in dated if when), default=at)
            fresh = {row.id for row in rows} - seen
            idle, seen = (0, fresh) if fresh else (idle + 1, seen)
            yield Listed(piece, dated), max(total - passed, 1) if following else 0
            if not following:
                return
            if idle > IDLE:
                raise ConnectorError("the server's listing leads in a circle")
            link = self._session.checked(following)
            if self._box.lane.took > SLOW and full and self._box.size + 1 < len(SIZES):
                self._box.smaller("slow")
                link = ""

    async def _page(
        self, link: str, since: datetime | None, until: datetime | None
    ) -> form.Listing:
        get = partial(self._session.get, lane=self._box.lane, hurry=True, read=form.listing_of)
        found: form.Listing
        if link:
            found = await get(link)
            return found
        window = [("ge", since), ("lt", until)]
        conditions = [f"sentDateTime {op} {form.stamp(at)}" for op, at in window if at]
        asked = {
            "$select": form.SELECT,
            "$top": str(SIZES[self._box.size]),
            "$orderby": "sentDateTime",
            "$count": "true",
        }
        if conditions:
            asked["$filter"] = " and ".join(conditions)
        if self._order.examination.content is not ContentLevel.NONE:
            asked["$expand"] = form.EXTENDED
        try:
            found = await get(f"{self._url}/messages", asked)
        except GoneError as error:
            raise NotEnabledError(f"the mailbox has no such folder: {error}") from error
        return found

    # -- taking ------------------------------------------------------------------------------

    async def _take(self, page: Listed) -> None:
        """Build rows from a page, fetch what content they want, and commit them."""
        dated, earliest = page.rows, datetime.min.replace(tzinfo=UTC)
        dated.sort(key=lambda pair: pair[0] or earliest)
        now, place, piece = datetime.now(UTC).replace(microsecond=0), self._place, page.piece
        fresh: list[tuple[str, form.Row]] = []
        met: set[int] = set()
        self._met.append(met)
        if len(self._met) > MET_PAGES:
            self._known -= self._met.popleft()
        size = CHUNKS[self._order.examination.content]
        for left, (at, row) in zip(range(len(dated) - 1, -1, -1), dated, strict=True):
            identity = short(row.id)
            number = hash(identity)
            if number in self._known or place.known(identity, piece):
                piece.advance(identity, at)
            else:
                met.add(number)
                self._known.add(number)
                place.take(identity, at, piece, now)
                fresh.append((identity, row))
            if len(fresh) == size and left:
                await self._build(fresh)
                fresh = []
        if page.parts is not None:
            place.replace(piece, page.parts)
        if fresh:
            await self._build(fresh)

    async def _build(self, rows: list[tuple[str, form.Row]]) -> None:
        batch, wanted = await self._desk.call(partial(self._add, rows))
        if wanted:
            if self._contents is None:
                self._contents = Contents(self._session, self._box.lane, self._order)
            user = self._url.partition("/mailFolders/")[0]
            await self._contents.fetch(user, wanted)
            await self._desk.call(partial(self._contents.hand_over, batch))
        await self._commit(batch)

    def _add(
        self, rows: list[tuple[str, form.Row]]
    ) -> tuple[MessageBatch, list[tuple[str, form.Row]]]:
        """Return a batch of rows, and those whose content is wanted with their keys."""
        batch, listed = self._order.new_batch(), [row for _, row in rows]
        found = form.columns_of(listed)
        batch.remark(CUT, sum(map(form.truncated, listed)))
        if self._order.examination.content is ContentLevel.NONE:
            batch.remark(ATTACHED, found.files.count(None))
        keys = batch.add_all(found, [f"item {identity}" for identity, _ in rows])
        return batch, [(key, row) for key, row in zip(keys, listed, strict=True) if key]

    async def _commit(self, batch: MessageBatch) -> None:
        self._committed = self._place.token()
        found = await self._desk.call(batch.take)
        await self._desk.give(self._order, Page(found, self._committed))


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    found: Exception | BaseExceptionGroup[Exception] = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
