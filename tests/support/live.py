"""A reader of `GET /scores`, with our own decoder, and what it makes of the results that it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from scores.feed.decoder import Decoder, Event
from scores.models import Repeats, Result
from scores.stores import Store

__all__ = ["ACCEPT", "Listener", "listening_to", "put", "results_of", "stored_results"]

ACCEPT = {"Accept": "text/event-stream"}


@dataclass
class Listener:
    """One open stream."""

    answer: aiohttp.ClientResponse
    decoder: Decoder = field(default_factory=Decoder)
    events: list[Event] = field(default_factory=list)

    async def until(self, ready: Callable[[list[Event]], bool]) -> list[Event]:
        """All events so far, once they are enough."""
        async with asyncio.timeout(20):
            while not ready(self.events):
                data = await self.answer.content.readany()
                assert data, "the stream has ended"
                self.events += self.decoder.feed(data)
        return self.events

    async def count(self, number: int) -> list[Event]:
        """The events, once there are so many."""
        return await self.until(lambda events: len(events) >= number)

    async def become(self, expected: dict[tuple[str, int], float]) -> None:
        """Returns once what was told amounts to these results."""
        await self.until(lambda events: results_of(events) == expected)

    async def ended(self) -> None:
        """Returns when the stream has ended, in order or not."""
        async with asyncio.timeout(20):
            try:
                while data := await self.answer.content.readany():
                    self.events += self.decoder.feed(data)
            except aiohttp.ClientError:
                return


@asynccontextmanager
async def listening_to(address: str, last_event_id: str = "", query: str = "") -> AsyncIterator[Listener]:
    """A reader of that server's stream, which was let in."""
    headers = {**ACCEPT, **({"Last-Event-ID": last_event_id} if last_event_id else {})}
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(f"{address}/scores{query}", headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
        yield Listener(answer)


def results_of(events: list[Event]) -> dict[tuple[str, int], float]:
    """What the results are after these events."""
    found = {}
    for event in events:
        if event.type == "score":
            data: dict[str, Any] = orjson.loads(event.data)
            found[data["studentId"], data["exam"]] = data["score"]
    return found


async def put(store: Store, student_id: str, exam: int, score: float) -> None:
    """Records one result."""
    await store.record([Result(student_id, exam, score)], repeats=Repeats.LAST)


async def stored_results(address: str) -> dict[tuple[str, int], float]:
    """All results of a server, by its pages."""
    found = {}
    async with aiohttp.ClientSession() as http:

        async def pages(path: str, name: str) -> AsyncIterator[Any]:
            link: str | None = f"{path}?limit=1000"
            while link is not None:
                async with http.get(address + link) as answer:
                    page = await answer.json()
                if answer.status == 404:
                    return
                for one in page[name]:
                    yield one
                link = page["next"]

        async for exam in pages("/exams", "exams"):
            async for result in pages(f"/exams/{exam['exam']}", "results"):
                found[result["studentId"], exam["exam"]] = result["score"]
    return found
