"""Feeds to listen to: a scripted server that sends exactly these bytes, and a store that can be watched."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scores.models import Lease, Outcome, Repeats, Result
from scores.stores.embedded import EmbeddedStore

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def event(student: str, exam: int = 3, score: float = 0.5, *, number: str | None = None) -> bytes:
    line = b"" if number is None else b"id: %b\n" % number.encode()
    return line + b'event: score\ndata: {"studentId":"%b","exam":%d,"score":%r}\n\n' % (
        student.encode(),
        exam,
        score,
    )


def event_of(body: bytes) -> bytes:
    """An event with this data, whose lines are lines of data."""
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"event: score\n" + b"".join(b"data: %b\n" % line for line in lines) + b"\n"


class WatchedStore(EmbeddedStore):
    """An embedded store that lets a test wait for what is written, and that can be told to fail."""

    def __init__(self) -> None:
        super().__init__(dict)
        self.written: list[Result] = []
        self.seen: set[Result] = set()
        self.holding = False
        self.failures: list[Exception] = []
        self.hold: asyncio.Event | None = None
        self.changed = asyncio.Condition()

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None = None
    ) -> list[Outcome]:
        async with self.changed:
            self.changed.notify_all()
            if self.failures:
                raise self.failures.pop(0)
        if self.hold is not None:
            self.holding = True
            await self.hold.wait()
        outcomes = await super().record(results, repeats=repeats, lease=lease)
        self.written += results
        self.seen.update(results)
        return outcomes

    async def until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(ready)

    async def students_are(self, *expected: str) -> None:
        await eventually(lambda: {result.student_id for result in self.written} == set(expected))


async def eventually(ready: Callable[[], bool]) -> None:
    """Waits for what no event announces."""
    async with asyncio.timeout(30):
        while not ready():  # noqa: ASYNC110  # what is waited for is a state, set by code that knows no test
            await asyncio.sleep(0)


@dataclass(slots=True)
class ScriptedFeed:
    """Answers the first connection with the first script, and so on; the last serves all that follow."""

    scripts: list[Any]
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.scripts[min(len(self.requests), len(self.scripts) - 1)]
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            self.open.add(writer)
            if callable(script):
                await script(reader, writer)
            else:
                writer.write(script)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            # The client has left, as it may.
            return
        finally:
            self.open.discard(writer)
            writer.close()

    def last_event_ids(self) -> list[str | None]:
        return [
            next(
                (
                    line[15:].decode()
                    for line in request.split(b"\r\n")
                    if line.lower().startswith(b"last-event-id: ")
                ),
                None,
            )
            for request in self.requests
        ]


def then_hold(data: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A script that sends these bytes and keeps the connection open until the client leaves."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await reader.read()

    return script
