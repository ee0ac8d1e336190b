"""Clients that post scores and write down what they were told, and the comparison with what is stored.

The rule of every fault test: for each inspector, acked ≤ stored ≤ acked + unknown.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

__all__ = ["Audit", "posting", "stored"]

UUIDS = 8


@dataclass(slots=True)
class Audit:
    """How many scores of each inspector were acknowledged, and how many have an outcome that nobody knows."""

    acked: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Those that were said not to be recorded, by the error's code."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def violations(self, counts: Mapping[str, int]) -> dict[str, str]:
        """The inspectors for which a score was lost, or counted twice."""
        return {
            uuid: f"{self.acked[uuid]} acked, {self.unknown[uuid]} unknown, {counts.get(uuid, 0)} stored"
            for uuid in self.acked.keys() | self.unknown.keys() | counts.keys()
            if not self.acked[uuid] <= counts.get(uuid, 0) <= self.acked[uuid] + self.unknown[uuid]
        }

    async def more(self, count: int) -> None:
        """Returns when that many more scores have been acknowledged."""
        wanted = self.acked.total() + count
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: self.acked.total() >= wanted)


@asynccontextmanager
async def posting(*addresses: str, clients: int = 32) -> AsyncIterator[Audit]:
    """Clients that post to the servers, each one score after the other, until the block is left."""
    audit, stop = Audit(), asyncio.Event()
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        asyncio.TaskGroup() as group,
    ):
        for number in range(clients):
            address = addresses[number % len(addresses)]
            group.create_task(_client(http, address, f"a1-b{number % UUIDS}", audit, stop))
        try:
            yield audit
        finally:
            stop.set()


async def _client(
    http: aiohttp.ClientSession, address: str, uuid: str, audit: Audit, stop: asyncio.Event
) -> None:
    while not stop.is_set():
        try:
            async with http.post(f"{address}/scores", json={"UUID": uuid, "score": 3}) as answer:
                document = await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError):
            audit.unknown[uuid] += 1
            await _patience(stop)
            continue
        if answer.status == 200:
            async with audit.changed:
                audit.acked[uuid] += 1
                audit.changed.notify_all()
            continue
        code = document["type"].rpartition(":")[2]
        assert answer.status == 503, document
        assert "Retry-After" in answer.headers
        if code == "outcome-unknown":
            audit.unknown[uuid] += 1
        else:
            audit.refused[code] += 1
        await _patience(stop)


async def _patience(stop: asyncio.Event) -> None:
    """What a client does after an error: it waits a little, unless the test is over."""
    try:
        async with asyncio.timeout(0.02):
            await stop.wait()
    except TimeoutError:
        return


async def stored(address: str) -> dict[str, int]:
    """How many scores each inspector has."""
    async with aiohttp.ClientSession() as http, http.get(f"{address}/inspectors?limit=1000") as answer:
        document = await answer.json()
        assert answer.status == 200, document
        return {inspector["UUID"]: inspector["count"] for inspector in document["inspectors"]}
