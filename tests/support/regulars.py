"""Clients who keep their connections, look at how each one ends, and come again until nobody lets them in.

Rule: a request may be answered, or its connection may have been closed before the server took it: then it is as
if it had not been sent. It is never reset, and no answer breaks off.
"""

import asyncio
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from yarl import URL

from scores.testing.oracle import exact_mean
from support.accounts import Account
from support.requests import post

__all__ = ["End", "Ends", "Regular"]

End = Literal["said", "closed", "reset", "torn", "idle"]
"""How a connection ended: as its last answer had said; before a request was answered; with a reset; within an
answer; or while nothing was asked."""

_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n")
_MEAN = re.compile(rb'"mean":([0-9.]+)')


@dataclass(slots=True)
class Ends:
    """How the connections of some clients ended."""

    account: Account = field(default_factory=Account)
    ends: Counter[End] = field(default_factory=Counter)
    gaps: int = 0
    """Answers that are not the mean of what that client was told to be recorded, and of this score."""


class Regular:
    """One client, with an inspector of its own."""

    def __init__(self, address: str, seen: Ends, name: str) -> None:
        url = URL(address)
        self._host, self._port = url.host, url.port
        self._seen = seen
        self._name = name
        self._rng = random.Random(name)

    async def run(self) -> None:
        """Posts until it is refused."""
        while True:
            try:
                reader, writer = await asyncio.open_connection(self._host, self._port)
            except ConnectionRefusedError:
                return
            except OSError:
                # Let in and reset before it was heard: it has asked for nothing, and comes again.
                continue
            try:
                self._seen.ends[await self._visit(reader, writer)] += 1
            finally:
                writer.transport.abort()

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> End:
        while True:
            # It asks one thing after the other, and now and then thinks before.
            await asyncio.sleep(self._rng.choice([0, 0, 0, 0.005, 0.02]))
            if reader.at_eof():
                return "idle"
            score = self._rng.randint(0, 5)
            self._seen.account.under_way += 1
            try:
                writer.write(post(self._name, score))
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                assert length is not None, head
                body = await reader.readexactly(int(length[1]))
            except asyncio.IncompleteReadError as exc:
                return "torn" if exc.partial else "closed"
            except ConnectionError:
                return "reset"
            finally:
                self._seen.account.under_way -= 1
            assert head.startswith(b"HTTP/1.1 200 "), head + body
            await self._note(score, body)
            if b"\r\nConnection: close\r\n" in head:
                return "said"

    async def _note(self, score: int, body: bytes) -> None:
        mean = _MEAN.search(body)
        assert mean is not None, body
        await self._seen.account.acknowledge(self._name, score)
        self._seen.gaps += float(mean[1]) != exact_mean(self._seen.account.acknowledged[self._name])
