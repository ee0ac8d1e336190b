"""The Redis store: each method a read or a write that shares its round trip with whatever waits beside it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

from scores.errors import ConfigError, StoreError
from scores.marks import Mark
from scores.models import (
    Exam,
    ExamReport,
    Inspector,
    InspectorKey,
    Key,
    Lease,
    Outcome,
    Page,
    Repeats,
    Result,
    Score,
    Student,
    StudentReport,
)
from scores.stores.base import Store
from scores.stores.observed import Watcher
from scores.stores.redis.driver import open_link
from scores.stores.redis.inspectors import Inspectors
from scores.stores.redis.journal import RedisJournal
from scores.stores.redis.layout import (
    decode_exam,
    decode_student,
    encode_exam,
    exam_number,
    exam_position,
    page_of,
    text_bytes,
)
from scores.stores.redis.listings import Listings
from scores.stores.redis.options import Options, parse_options
from scores.stores.redis.results import Results
from scores.stores.redis.session import Session
from scores.stores.redis.traffic import Traffic

__all__ = ["RedisStore", "open_redis"]


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Store]:
    """Opens the Redis that the URL names, also one that is away: it is then waited for.

    Raises `ConfigError` for a URL that is wrong, and for a Redis that answers and cannot be used.
    """
    store = RedisStore(parse_options(url))
    try:
        await store.start()
        yield store
    finally:
        await store.close()


_KEYS_AT_ONCE: Final = 256
"""Results that one read looks for."""


_START_SECONDS: Final = 3.0
"""How long a start waits for Redis."""


class _Opened(NamedTuple):
    """What works with a Redis that has been met."""

    traffic: Traffic
    results: Results
    inspectors: Inspectors
    listings: Listings


class RedisStore:
    """A store in Redis; any number of processes may have it open."""

    shared: Final = True
    add_now: Final = None

    def __init__(self, options: Options) -> None:
        self._options = options
        self._link = open_link(options)
        self._session = Session(self._link, options)
        self._opened: _Opened | None = None
        self._reads: Watcher | None = None
        self._writes: Watcher | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self.journal: Final = RedisJournal(self._traffic)
        """What is recorded by any process, told to those who listen."""

    async def start(self) -> None:
        """Meets Redis, if it is there; if it is not, the first request that finds it does."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                await self._meet()

    async def close(self) -> None:
        """Lets what is under way finish, and closes all connections."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._link.close)
            closing.push_async_callback(self._session.close)
            if self._opened is not None:
                closing.push_async_callback(self._opened.traffic.close)
            if self._sweeping is not None:
                self._sweeping.cancel()
                await asyncio.wait([self._sweeping])

    def observe(self, *, reads: Watcher, writes: Watcher) -> None:
        """As `Observed.observe`."""
        self._reads, self._writes = reads, writes
        if self._opened is not None:
            self._opened.traffic.observe(reads=reads, writes=writes)

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None = None
    ) -> list[Outcome]:
        opened = await self._open()
        return await opened.results.record(results, repeats=repeats, lease=lease)

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        try:
            opened = self._opened or await self._open()
        except StoreError as exc:
            return [exc] * len(scores)
        return await opened.inspectors.add(scores, marks)

    async def restore(self, inspectors: Sequence[Inspector]) -> None:
        """As `Restoring.restore`."""
        await (await self._open()).inspectors.restore(inspectors)

    async def remove(self, key: Key) -> bool:
        opened = await self._open()
        if isinstance(key, InspectorKey):
            return await opened.inspectors.remove(key)
        return await opened.results.remove(key)

    async def lease(
        self, feed: str, holder: str, *, seconds: float, position: str | None = None
    ) -> Lease | None:
        traffic = (await self._open()).traffic
        name = traffic.layout.feed_id(feed)
        shard, base = traffic.layout.home(name)
        held, token, at = await traffic.write(
            shard,
            "lease",
            f"{base}feed:{name}",
            holder,
            int(seconds * 1000),
            int(position is not None),
            position or "",
        )
        return Lease(feed, token, at.decode()) if held else None

    async def student(
        self, student_id: str, *, exams: Collection[int] = (), after: str | None = None, limit: int
    ) -> StudentReport | None:
        position = exam_position(after)
        keys = sorted(map(encode_exam, set(exams)))
        reply = await self._report("student", student_id, position, limit, keys)
        if reply is None:
            return None
        total, members = reply
        student = decode_student(student_id, total)
        found = []
        for member in members:
            exam, _, score = member.partition(b"\0")
            number = exam_number(exam)
            found.append((exam, str(number), Result(student_id, number, float(score))))
        return StudentReport(student, _results(found, student.count, position, limit, narrowed=bool(exams)))

    async def exam(
        self, exam: int, *, students: Collection[str] = (), after: str | None = None, limit: int
    ) -> ExamReport | None:
        reply = await self._report("exam", encode_exam(exam), after or "", limit, sorted(set(students)))
        if reply is None:
            return None
        total, members = reply
        summary = decode_exam(exam, total)
        found = []
        for member in members:
            name, _, score = member.partition(b"\0")
            student_id = name.decode()
            found.append((name, student_id, Result(student_id, exam, float(score))))
        return ExamReport(
            summary, _results(found, summary.count, after or "", limit, narrowed=bool(students))
        )

    async def inspector(self, uuid: str) -> Inspector | None:
        return await (await self._open()).inspectors.get(uuid)

    async def students(self, *, after: str | None = None, limit: int) -> Page[Student]:
        return await (await self._open()).listings.students(after=after, limit=limit)

    async def exams(self, *, after: str | None = None, limit: int) -> Page[Exam]:
        return await (await self._open()).listings.exams(after=after, limit=limit)

    async def inspectors(self, *, after: str | None = None, limit: int) -> Page[Inspector]:
        return await (await self._open()).listings.inspectors(after=after, limit=limit)

    async def _report(self, view: str, owner: str, position: str, limit: int, keys: Sequence[str]) -> Any:
        """The total of a student or an exam and members of its results; None when it is unknown."""
        traffic = (await self._open()).traffic
        shard, base = traffic.layout.home(owner)
        asked = ("report", base, view, owner, text_bytes(position), limit + 1)
        if not keys:
            return await traffic.read_shard(shard, *asked, weight=1 + limit // 4)
        replies = [
            await traffic.read_shard(shard, *asked, *keys[at : at + _KEYS_AT_ONCE], weight=_KEYS_AT_ONCE)
            for at in range(0, len(keys), _KEYS_AT_ONCE)
        ]
        if None in replies:
            return None
        return replies[0][0], [member for _, members in replies for member in members]

    async def _traffic(self) -> Traffic:
        return (await self._open()).traffic

    async def _open(self) -> "_Opened":
        """What is there once Redis has been met; raises `StoreError` while it cannot be."""
        if self._opened is not None:
            return self._opened
        try:
            return await self._meet()
        except ConfigError as exc:
            raise StoreError(str(exc)) from exc

    async def _meet(self) -> "_Opened":
        layout = await self._session.meet()
        if self._opened is None:
            traffic = Traffic(self._session, layout, self._options)
            traffic.observe(reads=self._reads, writes=self._writes)
            results = Results(traffic, queue=self._options.queue)
            inspectors = Inspectors(traffic, queue=self._options.queue)
            self._opened = _Opened(traffic, results, inspectors, Listings(traffic))
            if traffic.clustered:
                self._sweeping = asyncio.create_task(results.sweep())
        return self._opened


def _results(
    found: Sequence[tuple[bytes, str, Result]], count: int, position: str, limit: int, *, narrowed: bool
) -> Page[Result]:
    """A page of results with their sort keys and positions; narrowed ones have come from the start."""
    total = count
    if narrowed:
        after = text_bytes(position)
        total, found = len(found), [one for one in found if one[0] > after]
    return page_of([(at, result) for _, at, result in found], total, limit)
