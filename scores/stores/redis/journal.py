"""What is recorded by any process, told to those who listen (`scores.stores.journal`).

The scripts that record also tell, in a stream beside what they write, and only while somebody listens: so
an event is there exactly if its write is, and in its place. On one server there is one stream; in a cluster
each shard has its own, and what comes of them is numbered by each process for itself. Rule: whoever cannot
be certain that nothing is missing begins a new epoch.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from itertools import chain
from typing import Any, Final

from scores.models import Result
from scores.stores.journal import Entry, Event
from scores.stores.redis.layout import decode_inspector, exam_number
from scores.stores.redis.traffic import Traffic

__all__ = ["RedisJournal"]

_POLL: Final = 0.02
"""Seconds between two looks at the stream."""
_POLL_SHARDS: Final = 0.1
"""The same in a cluster, where it takes a look at each shard."""
_RENEW: Final = 10.0
_HEARD: Final = 120
"""Seconds for which events are told after somebody has last said that they listen."""
_ENTRIES: Final = 100
"""As many as a look takes in; the next one then comes at once."""
_READING: Final = 64
"""What a look costs Redis at most, where adding a score costs 1."""


class RedisJournal:
    """The journal of one Redis, or of a cluster."""

    def __init__(self, traffic: Callable[[], Awaitable[Traffic]]) -> None:
        """`traffic` raises `StoreError` while there is no way to Redis."""
        self._traffic = traffic

    async def follow(self, history: int) -> AsyncGenerator[Sequence[Entry], None]:
        """As `Journal.follow`."""
        traffic = await self._traffic()
        if traffic.clustered:
            streams = [_Stream(traffic, unit, history // len(traffic.units) + 1) for unit in traffic.units]
            told, poll = _numbered(streams), _POLL_SHARDS
        else:
            streams = [_Stream(traffic, 0, history)]
            told, poll = streams[0].entries(), _POLL
        now = asyncio.get_running_loop().time
        renewed = now()
        await _each(stream.listen() for stream in streams)
        async with aclosing(told):
            async for entries in told:
                yield entries
                await asyncio.sleep(0 if len(entries) == _ENTRIES else poll)
                if now() - renewed > _RENEW:
                    renewed = now()
                    await _each(stream.listen() for stream in streams)


class _Stream:
    """The events of one unit, from a position on."""

    def __init__(self, traffic: Traffic, unit: int, history: int) -> None:
        self.epoch = ""
        self.number = 0
        self._traffic = traffic
        self._unit = unit
        self._history = history
        self._base = traffic.layout.bases[unit]

    async def listen(self) -> None:
        """Has events told, from now on and for a while."""
        while True:
            run = self._traffic.run_of(self._unit)
            epoch, number = await self._traffic.write(self._unit, "listen", run, _HEARD, self._history)
            if run == self._traffic.run_of(self._unit):
                break
            # The call was what found out that another server answers by now.
        if not self.epoch:
            self.epoch, self.number = epoch.decode(), number

    async def entries(self) -> AsyncGenerator[list[Entry], None]:
        """What is kept, and then what is new."""
        end, self.number = self.number, 0
        kept = await self.read()
        while self.number < end and (more := await self.read()):
            kept += more
        self.number = max(self.number, end)
        yield kept or [Entry(self.epoch, self.number, ())]
        while True:
            yield await self.read()

    async def read(self) -> list[Entry]:
        """What is new: an entry without events where a new epoch has begun."""
        after = f"{self.epoch}-{self.number}"
        epoch, number, found = await self._traffic.read(
            self._unit, "events", self._base, after, _ENTRIES, weight=_READING
        )
        entries = [_entry(*one) for one in found]
        if not epoch:
            # It has lost everything.
            self.epoch = ""
            await self.listen()
            return [Entry(self.epoch, self.number, ())]
        if not entries and (epoch.decode() != self.epoch or number < self.number):
            entries = [Entry(epoch.decode(), number, ())]
        if entries:
            self.epoch, self.number = entries[-1].epoch, entries[-1].last
        return entries


async def _numbered(streams: Sequence[_Stream]) -> AsyncGenerator[list[Entry], None]:
    """What is new in any of the streams, under numbers of this process' own."""
    epoch, number = secrets.token_hex(6), 0
    yield [Entry(epoch, number, ())]
    while True:
        at = [(stream.epoch, stream.number) for stream in streams]
        found = await _each(stream.read() for stream in streams)
        if any(not _follows(*one, entries) for one, entries in zip(at, found, strict=True)):
            epoch, number = secrets.token_hex(6), 0
        events = [event for entry in chain.from_iterable(found) for event in entry.events]
        number += len(events)
        yield [Entry(epoch, number, events)] if events or not number else []


def _follows(epoch: str, number: int, entries: Sequence[Entry]) -> bool:
    """Whether the entries go on from there without a gap."""
    for entry in entries:
        if (entry.epoch, entry.first) != (epoch, number + 1):
            return False
        number = entry.last
    return True


async def _each(calls: Any) -> list[Any]:
    """All answers; raises the first error once all have ended."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers


def _entry(name: bytes, fields: Sequence[bytes]) -> Entry:
    epoch, _, number = name.decode("ascii").partition("-")
    events = [_event(*pair) for pair in zip(fields[::2], fields[1::2], strict=True)]
    return Entry(epoch, int(number), events)


def _event(name: bytes, value: bytes) -> Event:
    student_id, separator, exam = name.decode().partition("\0")
    if separator:
        return Result(student_id, exam_number(exam.encode("ascii")), float(value))
    return decode_inspector(student_id, value)
