"""Scores in bulk: one request whose body goes out while its answer comes in (`application/x-ndjson`).

Rule: nothing is kept of what is done. The source is asked for more only as the server takes it, and each
answer is counted as it comes. An answer that does not end as a whole one is a `BrokenOff`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import StreamReader

from scores.client.errors import ApiError, BadAnswer, BrokenOff, Import, Problem, Unreachable
from scores.client.exchange import Exchange

__all__ = ["MAX_ERRORS", "Lines", "Tally", "batches", "encode", "send"]

MAX_ERRORS: Final = 100
"""As many problems as are kept."""

_LINES: Final = 256
"""Most lines that are sent at once."""

_GATHERING: Final = 0.05
"""Seconds after which a score does not wait for others to be sent with."""

_MAX_LINE: Final = 1024 * 1024
"""Most bytes of an answer's line."""

_MEAN: Final = b'{"UUID"'
_NDJSON: Final = {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson, application/json"}

Lines = Sequence[bytes]
"""Each with its LF."""


class Tally:
    """What has become of the lines so far; answers come in order."""

    def __init__(self) -> None:
        self.sent = 0
        self.accepted = 0
        self.rejected = 0
        self._errors: list[Problem] = []

    @property
    def answered(self) -> int:
        """Lines that have an answer."""
        return self.accepted + self.rejected

    def take(self, problem: Problem | None) -> None:
        """Counts an answer."""
        if problem is None:
            self.accepted += 1
            return
        self.rejected += 1
        if len(self._errors) < MAX_ERRORS:
            self._errors.append(problem)

    def summary(self) -> Import:
        """The same, to keep."""
        return Import(self.accepted, self.rejected, tuple(self._errors))


async def send(
    exchange: Exchange, path: str, source: AsyncIterable[Lines], tally: Tally
) -> AsyncGenerator[Problem | None, None]:
    """Each line's answer, in order: None for a line that was counted, else the problem.

    Raises `BrokenOff` once anything was sent, before that `ApiError` or `Unreachable`; and whatever the
    source raises.
    """
    body = _Body(tally)
    feeding = asyncio.create_task(body.feed(source), name="bulk")
    try:
        async with (
            exchange.open("POST", path, headers=_NDJSON, data=body) as response,
            aclosing(_certain(_lines(response.content))) as answers,
        ):
            async for answer in answers:
                tally.take(answer)
                yield answer
    except (Unreachable, ApiError) as exc:
        body.raise_failure()
        if not tally.sent or (isinstance(exc, ApiError) and exc.status < HTTPStatus.INTERNAL_SERVER_ERROR):
            raise
        raise BrokenOff(str(exc), done=tally.summary(), sent=tally.sent) from exc
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
    body.raise_failure()
    if tally.answered != tally.sent:
        raise BrokenOff("the server's answer ended early", done=tally.summary(), sent=tally.sent)


class _Body:
    """What the library sends: the source, read by a task of ours, which ends when we say so."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._queue: asyncio.Queue[Lines] = asyncio.Queue(maxsize=1)
        self._failure: Exception | None = None

    async def feed(self, source: AsyncIterable[Lines]) -> None:
        """Takes from the source as the library takes from here."""
        try:
            async for lines in source:
                await self._queue.put(lines)
        except Exception as exc:  # noqa: BLE001  # whatever it is, it is raised where the request is made
            self._failure = exc
        await self._queue.put(())

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        lines = await self._queue.get()
        if not lines:
            # The library would wrap the failure in one of its own, which it makes of any.
            self.raise_failure()
            raise StopAsyncIteration
        self._tally.sent += len(lines)
        return b"".join(lines)

    def raise_failure(self) -> None:
        """Raises what the source has raised."""
        if self._failure is not None:
            raise self._failure


async def _lines(content: StreamReader) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for piece in content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > _MAX_LINE:
            raise BadAnswer(f"a line of the server's answer is longer than {_MAX_LINE} bytes")


async def _certain(lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[Problem | None, None]:
    """The answers; a problem only once another line, or a whole end, follows.

    Before a break it is about the request, and answers no line.
    """
    held: Problem | None = None
    async with aclosing(lines):
        async for line in lines:
            if held is not None:
                yield held
                held = None
            if line.startswith(_MEAN):
                yield None
            else:
                held = _problem(line)
    if held is not None:
        yield held


def _problem(line: bytes) -> Problem:
    try:
        problem = Problem.read(orjson.loads(line))
    except orjson.JSONDecodeError as exc:
        raise BadAnswer("the server's answer to a line is not JSON: is it a scores server?") from exc
    if not problem.status:
        raise BadAnswer("the server's answer to a line is neither a mean nor a problem")
    return problem


def encode(uuid: str, score: int) -> bytes:
    """A score as a line."""
    return orjson.dumps({"UUID": uuid, "score": score}, option=orjson.OPT_APPEND_NEWLINE)


async def batches(
    source: AsyncIterable[tuple[str, int]] | Iterable[tuple[str, int]],
) -> AsyncGenerator[Lines, None]:
    """The scores as lines: many at once from a source that is fast, each by itself from one that is slow."""
    clock = asyncio.get_running_loop().time
    lines: list[bytes] = []
    gathered = clock()
    async with aclosing(_each(source)) as each:
        async for uuid, score in each:
            lines.append(encode(uuid, score))
            if len(lines) >= _LINES or clock() - gathered > _GATHERING:
                yield lines
                lines, gathered = [], clock()
    if lines:
        yield lines


async def _each(
    source: AsyncIterable[tuple[str, int]] | Iterable[tuple[str, int]],
) -> AsyncGenerator[tuple[str, int], None]:
    if isinstance(source, AsyncIterable):
        async for pair in source:
            yield pair
    else:
        for pair in source:
            yield pair
