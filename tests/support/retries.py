"""Clients whose connections break off anywhere, and who retry each score under its key until it is answered.

Rule: a client knows only what it was told. How often a score was really sent whole, and how far each answer
came, is nothing that it looks at; what is stored at last has to be the sum of what it meant to say.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from yarl import URL

from support.requests import post

__all__ = ["UUIDS", "Tally", "post_all", "post_until"]

UUIDS = [f"a1-b{number}" for number in range(23)]

FATES = {"whole": 4, "before": 2, "after": 2, "answer": 2}
"""What becomes of an attempt, and how often: it is answered, or the connection ends before the request is whole,
after it, or within the answer."""

_PATIENCE = 0.003
"""Seconds that a client waits after an attempt that was refused."""

_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n")

_REFUSED = frozenset({409, 503})
"""What says that it is worth another attempt."""


@dataclass(slots=True)
class Tally:
    """What was meant to be recorded, and what it took."""

    scores: dict[str, list[int]] = field(default_factory=lambda: {uuid: [] for uuid in UUIDS})
    fates: Counter[str] = field(default_factory=Counter)
    """Attempts by what became of them."""
    refused: Counter[int] = field(default_factory=Counter)
    """Attempts that were answered with another status than 200."""
    answered: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def posts(self) -> int:
        return sum(map(len, self.scores.values()))

    async def more(self, count: int) -> None:
        """Returns when that many more scores have been answered."""
        wanted = self.posts + count
        async with asyncio.timeout(60), self.answered:
            await self.answered.wait_for(lambda: self.posts >= wanted)


async def post_all(
    address: str, posts: int, *, seed: int = 1, clients: int = 16, again: float = 0.1
) -> Tally:
    """Has that many scores answered, in all."""
    tally, left = Tally(), iter(range(posts))
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            client = Client([address], random.Random(f"{seed} {number}"), tally, again=again)
            group.create_task(client.run(lambda: next(left, None) is not None))
    return tally


async def post_until(
    addresses: Sequence[str], done: asyncio.Event, tally: Tally, *, seed: int = 1, clients: int = 8
) -> None:
    """Posts to servers, any of them for each attempt, until it is done; their addresses may change meanwhile."""
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            client = Client(addresses, random.Random(f"{seed} {number}"), tally)
            group.create_task(client.run(lambda: not done.is_set()))


class Client:
    """One client, which sends one score after the other."""

    def __init__(
        self, addresses: Sequence[str], rng: random.Random, tally: Tally, *, again: float = 0.1
    ) -> None:
        """`again` is how often it asks once more for an answer that it has, from 0 to 1."""
        self._addresses = addresses
        self._rng = rng
        self._tally = tally
        self._again = again
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, goes_on: Callable[[], bool]) -> None:
        """Posts scores while it goes on."""
        try:
            while goes_on():
                uuid, score = self._rng.choice(UUIDS), self._rng.randint(0, 5)
                data = post(uuid, score, Idempotency_Key=f"{self._rng.getrandbits(128):032x}")
                answer = await self._answer(data)
                if self._rng.random() < self._again:
                    # Somebody who has the answer, and asks once more, is told the same.
                    again = await self._answer(data)
                    assert again == answer, (uuid, score, answer, again)
                async with self._tally.answered:
                    self._tally.scores[uuid].append(score)
                    self._tally.answered.notify_all()
        finally:
            self._end(abort=True)

    async def _answer(self, data: bytes) -> bytes:
        """The document that a request is answered with at last."""
        while True:
            (fate,) = self._rng.choices(list(FATES), list(FATES.values()))
            self._tally.fates[fate] += 1
            try:
                answer = await self._attempt(data, fate)
            except (OSError, asyncio.IncompleteReadError):
                # A server that has been killed breaks off at any point, and refuses whoever comes.
                self._end(abort=True)
                await asyncio.sleep(_PATIENCE)
                continue
            if answer is None:
                continue
            head, body = answer
            status = int(head.split(b" ", 2)[1])
            if status == 200:
                return body
            assert status in _REFUSED, head + body
            self._tally.refused[status] += 1
            await asyncio.sleep(_PATIENCE)

    async def _attempt(self, data: bytes, fate: str) -> tuple[bytes, bytes] | None:
        """An answer's head and body, if it came whole."""
        reader, writer = await self._connect()
        writer.write(data[: self._rng.randrange(len(data))] if fate == "before" else data)
        if fate in ("before", "after"):
            # Bytes that are on their way: now and then long enough to arrive.
            await asyncio.sleep(0)
        elif fate == "answer":
            await reader.read(self._rng.randint(1, 60))
        if fate != "whole":
            self._end(abort=self._rng.random() < 0.5)
            return None
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert length is not None, head
        return head, await reader.readexactly(int(length[1]))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._connection is None:
            url = URL(self._rng.choice(self._addresses))
            self._connection = await asyncio.open_connection(url.host, url.port)
        return self._connection

    def _end(self, *, abort: bool) -> None:
        """Ends the connection, with a reset or in good order."""
        if self._connection is not None:
            _, writer = self._connection
            self._connection = None
            if abort:
                writer.transport.abort()
            else:
                writer.close()
