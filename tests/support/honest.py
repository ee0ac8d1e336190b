"""Clients that keep to the rules, beside whatever else goes on: how long they wait, and whether what they are told is right.

Rule: each has an inspector of its own, so it knows to the bit what the server has to answer; a score counts as
acknowledged when its 200 has come whole, and whatever else comes is kept to be looked at.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from yarl import URL

from support.outside import saw
from support.requests import post, request
from support.tally import note

__all__ = ["Honest", "honest"]

PACE = 0.005
"""Seconds between an answer and the next request of a client: they are there to be waited for, not to be a load."""

PATIENCE = 60.0
"""Seconds after which an answer counts as one that never comes."""

_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n", re.IGNORECASE)


class Honest:
    """Some clients of one server."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.waits: list[float] = []
        """Seconds that each answer took."""
        self.statuses: Counter[tuple[str, int]] = Counter()
        """By method."""
        self.wrong: list[object] = []
        """Answers that are not what they should be."""
        self.broken = 0
        """Connections that ended although nobody wanted that."""
        self.scores: dict[str, list[int]] = {}
        """Those that were acknowledged."""
        self.unknown: Counter[str] = Counter()
        """Scores that were sent, and not answered."""
        self.longest_outage = 0.0
        self._answered_at = time.monotonic()
        self._change = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def acknowledged(self) -> int:
        return sum(map(len, self.scores.values()))

    @property
    def p99(self) -> float:
        """The wait that one answer in a hundred exceeds, in seconds."""
        return sorted(self.waits)[len(self.waits) * 99 // 100]

    async def more(self, count: int) -> None:
        """Returns when that many more have been answered."""
        wanted = len(self.waits) + count
        async with asyncio.timeout(PATIENCE):
            while len(self.waits) < wanted:
                self._change.clear()
                for task in self._tasks:
                    if task.done():
                        task.result()
                await self._change.wait()

    async def until_refused(self) -> None:
        """Returns when one of them is told that the server cannot do it now."""
        before = self._refused
        async with asyncio.timeout(PATIENCE):
            while self._refused == before:  # noqa: ASYNC110  # a rare state, which is worth no event of its own
                await asyncio.sleep(PACE)

    @property
    def _refused(self) -> int:
        return sum(count for (_, status), count in self.statuses.items() if status == 503)

    def check(self, *also: tuple[str, int]) -> None:
        """Raises AssertionError unless all were answered, and rightly: with 200, or as is allowed also."""
        assert not self.wrong, self.wrong[:3]
        assert not self.broken
        assert self.statuses.keys() <= {("POST", 200), ("GET", 200), *also}, self.statuses
        assert max(self.waits) < PATIENCE

    async def compare(self) -> tuple[int, int]:
        """How many scores are lost, and how many there are twice."""
        lost = doubled = 0
        for uuid, scores in self.scores.items():
            count = await self.count(uuid)
            lost += max(0, len(scores) - count)
            doubled += max(0, count - len(scores) - self.unknown[uuid])
        return lost, doubled

    async def count(self, uuid: str) -> int:
        """How many scores the server says that this inspector has, once it says anything."""
        status, body = 503, b""
        async with asyncio.timeout(PATIENCE):
            while status == 503:
                # One that was refused is closed, and may be before anything was said.
                reader, writer = await _connect(self.address)
                try:
                    status, body = await _ask(reader, writer, request("GET", f"/inspectors/{uuid}"))
                except (ConnectionError, asyncio.IncompleteReadError):
                    continue
                finally:
                    writer.close()
        return int(orjson.loads(body)["count"]) if status == 200 else 0

    async def report(self, fault: str, injected: int, in_flight: int) -> None:
        """Notes what they saw, and raises AssertionError if anything is lost or doubled."""
        lost, doubled = await self.compare()
        saw(
            f"{fault}: {injected} injected, honest p99 {self.p99 * 1000:.1f} ms,"
            f" longest {max(self.waits) * 1000:.1f} ms, {len(self.waits)} answers"
        )
        note(
            fault=fault, injected=injected, in_flight=in_flight, acknowledged=self.acknowledged,
            lost=lost, doubled=doubled, longest_outage=self.longest_outage,
        )  # fmt: skip
        assert (lost, doubled) == (0, 0)

    async def stop(self) -> None:
        """Returns when each has its last answer."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    def begin(self, clients: int) -> None:
        """Has so many of them begin."""
        self._tasks = [asyncio.create_task(self.run(number)) for number in range(clients)]
        for task in self._tasks:
            task.add_done_callback(lambda _: self._change.set())

    async def end(self) -> None:
        """Breaks off whoever has not stopped, and raises what has ended one before."""
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in ends:
            if end is not None and not isinstance(end, asyncio.CancelledError):
                raise end

    async def run(self, number: int) -> None:
        """One client: a score, and then its inspector, again and again."""
        uuid, turn = f"honest-{number}", 0
        scores = self.scores.setdefault(uuid, [])
        reader, writer = await _connect(self.address)
        try:
            while not self._stopping:
                turn += 1
                try:
                    score = turn % 6
                    self.unknown[uuid] += 1
                    status, body = await self._timed(reader, writer, post(uuid, score))
                    self.unknown[uuid] -= b"outcome-unknown" not in body
                    if status == 200:
                        scores.append(score)
                        self._compare(body, {"UUID": uuid, "mean": sum(scores) / len(scores)})
                    if scores:
                        status, body = await self._timed(
                            reader, writer, request("GET", f"/inspectors/{uuid}")
                        )
                        if status == 200:
                            mean = sum(scores) / len(scores)
                            self._compare(body, {"UUID": uuid, "mean": mean, "count": len(scores)})
                except (OSError, asyncio.IncompleteReadError):
                    self.broken += 1
                    writer.close()
                    reader, writer = await _connect(self.address)
                await asyncio.sleep(PACE)
        finally:
            writer.close()

    def _compare(self, body: bytes, expected: object) -> None:
        # Where a score's fate is not known, neither is the mean.
        if orjson.loads(body) != expected and not any(self.unknown.values()):
            self.wrong.append((body, expected))

    async def _timed(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
    ) -> tuple[int, bytes]:
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            status, body = await _ask(reader, writer, data)
        now = time.monotonic()
        self.statuses[data.split(b" ", 1)[0].decode(), status] += 1
        if status == 200:
            self.waits.append(now - began)
            self.longest_outage = max(self.longest_outage, now - self._answered_at)
            self._answered_at = now
            self._change.set()
        return status, body


@asynccontextmanager
async def honest(address: str, clients: int = 4) -> AsyncIterator[Honest]:
    """Has some clients at work within `async with`; the first have been answered when it begins."""
    them = Honest(address)
    them.begin(clients)
    try:
        await them.more(clients)
        yield them
    finally:
        await them.end()


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = URL(address)
    return await asyncio.open_connection(url.host, url.port)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> tuple[int, bytes]:
    """The status and the body of the answer."""
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return int(head.split(b" ", 2)[1]), await reader.readexactly(int(length[1]) if length else 0)
