"""What the clients of the fault suite do: post a score, send a bulk of them, correct a result.

Rule: one attempt ends in one of four ways, and a client acts on nothing else. What it does about an answer that
never came is what makes the difference: it gives up, asks again under its key, or asks again and hopes.
"""

import asyncio
import random
import re
from enum import Enum
from typing import Literal

import orjson
from yarl import URL

from support.accounts import Account
from support.feed_series import OTHERS
from support.requests import post, request
from support.uploads import upload

__all__ = ["Bulk", "Correction", "Fate", "Look", "Post", "Way"]

Way = Literal["once", "keyed", "blind"]
"""Never again, again under an `Idempotency-Key`, or again without one."""

_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n")

_PAUSE = 0.02
"""Seconds until a client that was not answered tries again."""

_ABSENCE = 0.1
"""Seconds until one that nobody let in comes again: were it less, the clients of a server that starts would take
the time that it needs."""


class Fate(Enum):
    """What became of an attempt."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The server has said that it has not done it."""
    UNKNOWN = "unknown"
    """The connection broke off, or nothing came for too long, or the server has said that it does not know."""
    UNSENT = "unsent"
    """There was no connection to send it on."""


class _Line:
    """A client's connection, made anew when it has broken."""

    def __init__(self, address: str, account: Account, patience: float) -> None:
        url = URL(address)
        self._host, self._port = url.host, url.port
        self._account = account
        self._patience = patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, data: bytes) -> tuple[Fate, bytes]:
        """What became of a request, and the answer's body."""
        try:
            async with asyncio.timeout(self._patience):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError):
            await asyncio.sleep(_ABSENCE)
            return Fate.UNSENT, b""
        self._account.under_way += 1
        try:
            async with asyncio.timeout(self._patience):
                return await self._answer(data)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self._account.broken += 1
            self.end()
            return Fate.UNKNOWN, b""
        except BaseException:
            self.end()
            raise
        finally:
            self._account.under_way -= 1

    async def _answer(self, data: bytes) -> tuple[Fate, bytes]:
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert length is not None, head
        body = await reader.readexactly(int(length[1]))
        if b"\r\nConnection: close\r\n" in head:
            self.end()
        return _fate(int(head.split(b" ", 2)[1]), body, self._account), body

    def end(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def _fate(status: int, body: bytes, account: Account) -> Fate:
    if status in (200, 201):
        return Fate.ANSWERED
    # Nothing else is honest: it is full of requests, away from its store, or does not know.
    assert status in (409, 503), body
    code = orjson.loads(body)["type"].rpartition(":")[2]
    account.refused[code] += 1
    return Fate.UNKNOWN if code == "outcome-unknown" else Fate.REFUSED


class Post:
    """Posts one score at a time."""

    def __init__(
        self, address: str, account: Account, way: Way, *, name: str, patience: float = 60, seed: int = 1
    ) -> None:
        """`name` begins the inspectors' names; `patience` is how long it waits for an answer, in seconds."""
        self._line = _Line(address, account, patience)
        self._account = account
        self._way = way
        self._name = name
        self._rng = random.Random(f"{seed} {name}")

    async def __call__(self) -> None:
        uuid, score = f"{self._name}-{self._rng.randrange(3)}", self._rng.randint(0, 5)
        key = {"Idempotency_Key": f"{self._rng.getrandbits(128):032x}"} if self._way == "keyed" else {}
        data = post(uuid, score, **key)
        while (fate := (await self._line.ask(data))[0]) is not Fate.ANSWERED:
            if self._way == "once" and fate is Fate.UNKNOWN:
                self._account.unknown[uuid].append(score)
            await asyncio.sleep(_PAUSE)
            if self._way == "once":
                return
        await self._account.acknowledge(uuid, score)

    def end(self) -> None:
        self._line.end()


class Look:
    """Asks whether the server is there, which concerns no store."""

    def __init__(self, address: str, account: Account) -> None:
        self._line = _Line(address, account, 60)
        self._account = account

    async def __call__(self) -> None:
        fate, _ = await self._line.ask(request("GET", "/livez"))
        assert fate is Fate.ANSWERED
        await self._account.acknowledge("livez", 0)

    def end(self) -> None:
        self._line.end()


class Correction:
    """Puts one result after the other, each until it is answered: that is safe without any key."""

    def __init__(self, address: str, account: Account, student: str, *, patience: float = 60) -> None:
        self._line = _Line(address, account, patience)
        self._account = account
        self.student = student
        self._rng = random.Random(student)
        self.results: dict[int, float] = {}
        """What is stored of this student, by exam."""

    async def __call__(self) -> None:
        # Far from the exams of any feed.
        exam, score = OTHERS + self._rng.randrange(20), self._rng.random()
        data = request("PUT", f"/exams/{exam}/results/{self.student}", {"Content-Type": "application/json"},
                       b'{"score":%r}' % score)  # fmt: skip
        fate = Fate.UNSENT
        while fate is not Fate.ANSWERED:
            fate, _ = await self._line.ask(data)
            await asyncio.sleep(0 if fate is Fate.ANSWERED else _PAUSE)
        self.results[exam] = score
        await self._account.acknowledge(self.student, 0)

    def end(self) -> None:
        self._line.end()


class Bulk:
    """Sends bulks of scores, and believes of each what its line says."""

    LINES = 60
    PIECES = 6

    def __init__(self, address: str, account: Account, *, name: str) -> None:
        self._address = address
        self._account = account
        self._name = name
        self._rng = random.Random(name)

    async def __call__(self) -> None:
        scores = [self._rng.randint(0, 5) for _ in range(self.LINES)]
        sent = answered = 0
        self._account.under_way += 1
        try:
            async with upload(self._address) as bulk:
                size = self.LINES // self.PIECES
                for at in range(0, self.LINES, size):
                    sent += size
                    await bulk.send(b"".join(map(self._line, scores[at : at + size])))
                    # The next piece is sent before the answer to this one is there.
                    while answered < at:
                        await self._note(await bulk.line(), scores[answered])
                        answered += 1
                await bulk.end()
                while answered < self.LINES:
                    await self._note(await bulk.line(), scores[answered])
                    answered += 1
                assert await bulk.line() is None
        except (OSError, EOFError):
            self._account.unknown[self._name] += scores[answered:sent]
            await asyncio.sleep(_PAUSE if sent else _ABSENCE)
        finally:
            self._account.under_way -= 1

    def _line(self, score: int) -> bytes:
        return b'{"UUID":"%b","score":%d}\n' % (self._name.encode(), score)

    async def _note(self, line: dict[str, object] | None, score: int) -> None:
        if line is None:
            raise EOFError("the answer ended before all lines were answered")
        if "mean" in line:
            await self._account.acknowledge(self._name, score)
            return
        code = str(line["type"]).rpartition(":")[2]
        assert line["status"] == 503, line
        self._account.refused[code] += 1
        if code == "outcome-unknown":
            self._account.unknown[self._name].append(score)

    def end(self) -> None:
        """Each bulk has a connection of its own, which ends with it."""
