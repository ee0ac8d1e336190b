"""All that a server is asked for in its life, at once: scores of every kind, results, pages, live readers, rubbish, cuts.

Rule: each client writes under names of its own, and remembers what was acknowledged; so at the end it is known to the
bit what the server has to hold. The names are few, so that what is stored does not grow with the time.
"""

import asyncio
import gzip
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from support import retries
from support.honest import Honest, honest
from support.live import listening_to, stored_results
from support.requests import POST, post, request
from support.sockets import connection

__all__ = ["Traffic", "traffic"]

PACE = 0.01
"""Seconds between two requests of a client."""

EXAMS = range(10)
STUDENTS = 8
NDJSON = {"Content-Type": "application/x-ndjson"}

RUBBISH = (
    b"GARBAGE\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /students?limit=0 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /exams/x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 9000 + b"\r\n\r\n",
    POST + b"Content-Length: 5\r\n\r\n{}   ",
    POST + b"Content-Length: 3\r\n\r\n\xff\xfe\x00",
    POST + b"Content-Length: 99999999\r\n\r\n",
    POST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nno-gz",
    post("a1-b1", 6),
    post("a1-b1", '"5"'),
    request("POST", "/scores", {"Content-Type": "text/plain"}, b"5"),
    request("DELETE", "/exams"),
)


class Traffic:
    """What goes on at one server, and what has come of it."""

    def __init__(self, address: str, http: aiohttp.ClientSession, clients: Honest) -> None:
        self.address = address
        self.http = http
        self.honest = clients
        self.done = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.statuses: Counter[int] = Counter()
        self.wrong: list[object] = []
        self.results: dict[tuple[str, int], float] = {}
        self.bulk: dict[str, list[int]] = {}
        self.keyed = retries.Tally()
        self.told = 0
        """Events that live readers were told."""

    @property
    def errors(self) -> int:
        """Answers that say that the server failed."""
        all_of = [
            *self.statuses.items(),
            *((status, count) for (_, status), count in self.honest.statuses.items()),
        ]
        refused = sum(count for status, count in self.keyed.refused.items() if status >= 500)
        return refused + sum(count for status, count in all_of if status >= 500)

    @property
    def acknowledged(self) -> int:
        return (
            self.honest.acknowledged
            + self.keyed.posts
            + sum(map(len, self.bulk.values()))
            + len(self.results)
        )

    async def put(self, number: int, rng: random.Random) -> None:
        """Records, corrects and deletes a result."""
        student, exam = f"put-{number}-{rng.randrange(STUDENTS)}", rng.choice(EXAMS)
        path = f"/exams/{exam}/results/{student}"
        if rng.random() < 0.7:
            score = rng.random()
            status, _ = await self._ask("PUT", path, json={"score": score})
            if status in (200, 201):
                self.results[student, exam] = score
        else:
            status, _ = await self._ask("DELETE", path)
            if (status == 204) != ((student, exam) in self.results):
                self.wrong.append((path, status))
            self.results.pop((student, exam), None)

    async def post_bulk(self, number: int, rng: random.Random) -> None:
        """Sends lines, of which some are wrong, in each of the ways in which they may be sent."""
        uuid = f"bulk-{number}"
        scores = [rng.randint(0, 6) for _ in range(rng.randint(1, 300))]
        body = b"".join(b'{"UUID":"%b","score":%d}\n' % (uuid.encode(), score) for score in scores)
        fields, minimal = dict(NDJSON), rng.random() < 0.5
        if rng.random() < 0.5:
            body = gzip.compress(body, 1)
            fields["Content-Encoding"] = "gzip"
        if minimal:
            fields["Prefer"] = "return=minimal"
        status, data = await self._ask("POST", "/scores", data=body, headers=fields)
        good = [score for score in scores if score <= 5]
        found = orjson.loads(data)["accepted"] if minimal else data.count(b'"mean"')
        if (status, found) != (200, len(good)):
            self.wrong.append((uuid, status, found, len(good)))
        self.bulk.setdefault(uuid, []).extend(good)

    async def walk(self, _number: int, rng: random.Random) -> None:
        """Follows a listing to its end."""
        path: str | None = rng.choice(
            ["/students?limit=50", "/exams?limit=7", "/inspectors?limit=5", "/feed", "/metrics", "/docs"]
        )
        while path:
            status, data = await self._ask("GET", path)
            path = orjson.loads(data).get("next") if status == 200 and b'"next"' in data[-2000:] else None

    async def listen(self, _number: int, rng: random.Random) -> None:
        """Reads the live stream for a while, and leaves."""
        async with listening_to(self.address, query=rng.choice(["", "?start=now"])) as listener:
            try:
                async with asyncio.timeout(rng.random()):
                    while True:
                        data = await listener.answer.content.readany()
                        self.told += data.count(b"data:")
            except TimeoutError:
                return

    async def send_rubbish(self, _number: int, rng: random.Random) -> None:
        """Sends what is refused."""
        async with connection(self.address) as (reader, writer):
            writer.write(rng.choice(RUBBISH))
            async with asyncio.timeout(60):
                status = int((await reader.readline()).split(b" ")[1])
        self.statuses[status] += 1
        if not 400 <= status < 500:
            self.wrong.append(("rubbish", status))

    async def break_off(self, _number: int, rng: random.Random) -> None:
        """Sends a part of a request, and is gone."""
        data = rng.choice([request("GET", "/students"), POST + b"Content-Length: 100\r\n\r\n{", *RUBBISH])
        async with connection(self.address) as (_, writer):
            writer.write(data[: rng.randrange(1, len(data))])
            if rng.random() < 0.5:
                writer.transport.abort()

    async def tidy(self, _number: int, _rng: random.Random) -> None:
        """Deletes the students that the feed has brought: what is stored does not grow with the time."""
        await asyncio.sleep(1)
        _, data = await self._ask("GET", "/students?limit=1000")
        for one in orjson.loads(data)["students"]:
            if not one["studentId"].startswith("put-"):
                await self._ask("DELETE", f"/students/{one['studentId']}")

    async def stop(self) -> None:
        """Returns when every request has been answered and nothing more is asked."""
        self.done.set()
        await asyncio.gather(*self.tasks)
        await self.honest.stop()

    async def check(self) -> tuple[int, int]:
        """How many scores and results are lost, and how many there are twice; raises AssertionError if any is wrong."""
        lost, doubled = await self.honest.compare()
        assert not self.wrong, self.wrong[:3]
        assert not self.honest.wrong, self.honest.wrong[:3]
        for uuid, scores in [*self.bulk.items(), *self.keyed.scores.items()]:
            status, data = await self._ask("GET", f"/inspectors/{uuid}")
            found: dict[str, Any] = orjson.loads(data) if status == 200 else {"count": 0, "mean": None}
            lost += max(0, len(scores) - found["count"])
            doubled += max(0, found["count"] - len(scores))
            if found["count"] == len(scores) and scores:
                assert found["mean"] == sum(scores) / len(scores)
        stored = {
            key: score
            for key, score in (await stored_results(self.address)).items()
            if key[0].startswith("put-")
        }
        assert stored == self.results
        return lost, doubled

    async def _ask(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        async with self.http.request(method, self.address + path, **options) as answer:
            data = await answer.read()
        self.statuses[answer.status] += 1
        return answer.status, data


Deed = Callable[[int, random.Random], Awaitable[None]]


async def _repeat(deed: Deed, number: int, done: asyncio.Event) -> None:
    rng = random.Random(number)
    while not done.is_set():
        await deed(number, rng)
        await asyncio.sleep(PACE)


@asynccontextmanager
async def traffic(address: str) -> AsyncIterator[Traffic]:
    """Has all of it go on within `async with`, until its `stop`."""
    async with aiohttp.ClientSession() as http, honest(address, 2) as clients:
        one = Traffic(address, http, clients)
        deeds: list[Deed] = [one.put, one.put, one.post_bulk, one.walk, one.walk, one.listen, one.listen]
        deeds += [one.send_rubbish, one.break_off, one.tidy]
        async with asyncio.TaskGroup() as group:
            for number, deed in enumerate(deeds):
                one.tasks.append(group.create_task(_repeat(deed, number, one.done)))
            one.tasks.append(group.create_task(retries.post_until([address], one.done, one.keyed, clients=2)))
            try:
                yield one
            finally:
                one.done.set()
