"""A file of scores and exam results, imported so that each line counts once, through any interruption.

Each line is a request of its own, many at a time, with a key made of the import's id and the line's number:
what was sent and not answered is sent again, and counted once. In bulk (`fast`) lines have no keys: those
that a break leaves in doubt are named, and not sent again unasked. Rule: the journal is written before
anything is sent; lines that are about one result go out in the file's order.
"""

import asyncio
import time
import uuid as uuids
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, Literal

import orjson

from scores.client.bulk import MAX_ERRORS, Lines, Tally
from scores.client.client import Client
from scores.client.errors import ApiError, ClientError, Import, Problem
from scores.client.journal import Journal, JournalError, Progress
from scores.client.source import Chunk, Source
from scores.errors import Fault, InvalidInput, MalformedJSON
from scores.models import Result, Score, parse_result, parse_score

__all__ = ["InDoubtPolicy", "Interrupted", "Running", "run_import"]

InDoubtPolicy = Literal["ask", "send", "skip"]

CHUNK: Final = 2000
"""Lines between two records of the journal."""
FAST_CHUNK: Final = 10_000
_BATCH: Final = 500

_LINE_STATUSES: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INSUFFICIENT_STORAGE,
    }
)
"""What is wrong with one line only; anything else would befall the next line, too."""

_MARGIN: Final = 120.0
"""Seconds that a request may have been under way before the journal was last written."""


class Interrupted(ClientError):
    """The import stopped before the file's end, for this reason."""

    code = "interrupted"


@dataclass(slots=True)
class Running:
    """An import under way; `changed` is called after each answer."""

    accepted: int = 0
    rejected: int = 0
    size: int | None = None
    """Bytes of the file; None for a pipe."""
    done_bytes: int = 0
    """Bytes of the lines that have their answer."""
    begun_bytes: int = 0
    """Those of them that an earlier run has done."""
    errors: list[Problem] = field(default_factory=list)
    changed: Callable[[], None] = lambda: None

    @property
    def lines(self) -> int:
        """Lines that have their answer, those of earlier runs included."""
        return self.accepted + self.rejected

    def take(self, problem: Problem | None, size: int) -> None:
        """Counts the answer to a line of that many bytes."""
        self.done_bytes += size
        if problem is None:
            self.accepted += 1
        else:
            self.rejected += 1
            if len(self.errors) < MAX_ERRORS:
                self.errors.append(problem)
        self.changed()

    def summary(self) -> Import:
        """The same, to keep; errors are those of this run."""
        return Import(self.accepted, self.rejected, tuple(sorted(self.errors, key=lambda one: one.line or 0)))


Outcome = Problem | Literal["accepted"] | None
"""Of a line: None is no answer yet."""


async def run_import(
    client: Client,
    source: Source,
    journal: Journal | None,
    running: Running,
    *,
    fast: bool = False,
    parallel: int = 32,
    key_ttl: float = 86_400.0,
    in_doubt: InDoubtPolicy = "ask",
) -> None:
    """Imports the source to its end, going on from what the journal has proof of.

    `key_ttl` is how many seconds the server remembers keys. Raises `Interrupted` where it stops early, and
    `JournalError` when the journal is of another import, or to send its lines in doubt may count them twice.
    """
    progress = _begin(client, source, journal, running, fast=fast, key_ttl=key_ttl, in_doubt=in_doubt)
    running.size = source.size
    # A wrong address is found out before anything is written down.
    await client.ready()
    while (chunk := await source.chunk(FAST_CHUNK if fast else CHUNK)) is not None:
        # The keys of lines that are sent again are as old as when they were sent first.
        since = time.time() if progress.answered == progress.sent else progress.time
        before = replace(progress, answered=chunk.place(0), sent=source.here, time=since)
        if journal is not None:
            journal.write(before)
        sending = _Sending(client, chunk, running, id=progress.id, parallel=parallel)
        try:
            await (sending.in_bulk() if fast else sending.one_by_one(range(len(chunk.lines))))
        finally:
            progress = sending.progress(before)
            if journal is not None:
                journal.write(progress)
    if journal is not None:
        journal.remove()


def _begin(
    client: Client,
    source: Source,
    journal: Journal | None,
    running: Running,
    *,
    fast: bool,
    key_ttl: float,
    in_doubt: InDoubtPolicy,
) -> Progress:
    """Where the last run got to, and the source there; or a beginning."""
    known = None if journal is None else journal.read()
    if journal is None or known is None:
        here = source.here
        return Progress(client.url, uuids.uuid4().hex, fast, time.time(), answered=here, sent=here)
    if (known.url, known.fast) != (client.url, fast):
        how = f"into {known.url}, {'with' if known.fast else 'without'} --fast"
        raise JournalError(
            f"{str(journal.path)!r} is of an import {how}: go on likewise, or remove it to begin anew"
        )
    source.go_to(known.answered, known.sent)
    if known.answered != known.sent and not _settles(known, key_ttl):
        if in_doubt == "ask":
            lines = f"lines {known.answered.line + 1} to {known.sent.line}"
            raise JournalError(
                f"{lines} were sent, and have no answer that was written down: each was counted or was not;"
                " --in-doubt=send sends them again, --in-doubt=skip goes on after them"
            )
        if in_doubt == "skip":
            source.go_to(known.sent, known.sent)
            known = replace(known, answered=known.sent)
    running.accepted, running.rejected = known.accepted, known.rejected
    running.done_bytes = running.begun_bytes = known.answered.offset
    return known


def _settles(known: Progress, key_ttl: float) -> bool:
    """Whether sending again counts nothing twice: the server still knows the keys."""
    return not known.fast and 0 <= time.time() - known.time < key_ttl - _MARGIN


class _Sending:
    """One chunk on its way."""

    def __init__(self, client: Client, chunk: Chunk, running: Running, *, id: str, parallel: int) -> None:  # noqa: A002  # its name in the journal
        self._client = client
        self._chunk = chunk
        self._running = running
        self._id = id
        self._parallel = parallel
        self._outcomes: list[Outcome] = [None] * len(chunk.lines)
        self._sent = 0

    async def one_by_one(self, indexes: Sequence[int]) -> None:
        """Each line as a request with a key of its own."""
        lanes: list[list[tuple[int, Score | Result]]] = [[] for _ in range(self._parallel)]
        for index in indexes:
            item = self._parsed(index)
            if isinstance(item, Problem):
                self._take(index, item)
            else:
                # What two lines say of one result must arrive in their order: they share a lane.
                lane = hash(item[:2]) if isinstance(item, Result) else index
                lanes[lane % self._parallel].append((index, item))
        try:
            async with asyncio.TaskGroup() as group:
                for items in lanes:
                    if items:
                        group.create_task(self._lane(items))
        except ExceptionGroup as failed:
            first = _first(failed)
            if isinstance(first, ClientError):
                raise Interrupted(str(first)) from first
            raise

    async def in_bulk(self) -> None:
        """All lines in one request; those that the store was too busy for once more, one by one."""
        tally, again = Tally(), list[int]()
        try:
            async with aclosing(self._client.send_lines(self._batches(), tally)) as answers:
                async for problem in answers:
                    index = tally.answered - 1
                    if _is_refused_for_now(problem):
                        again.append(index)
                    else:
                        self._take(index, problem)
        except ApiError as exc:
            # The request as a whole was refused.
            tally.sent = 0
            raise Interrupted(str(exc)) from exc
        except ClientError as exc:
            raise Interrupted(str(exc)) from exc
        finally:
            self._sent = tally.sent
        await self.one_by_one(again)

    def progress(self, before: Progress) -> Progress:
        """What the journal can say now, after what it said before."""
        missing = [index for index, outcome in enumerate(self._outcomes) if outcome is None]
        first = missing[0] if missing else len(self._outcomes)
        proven = self._outcomes[:first]
        accepted = sum(outcome == "accepted" for outcome in proven)
        return replace(
            before,
            answered=self._chunk.place(first),
            sent=self._chunk.place(max(first, self._sent)),
            accepted=before.accepted + accepted,
            rejected=before.rejected + first - accepted,
        )

    async def _lane(self, items: Sequence[tuple[int, Score | Result]]) -> None:
        for index, item in items:
            try:
                if isinstance(item, Result):
                    await self._client.put_result(item.exam, item.student_id, item.score)
                else:
                    key = f"{self._id}-{self._chunk.number(index)}"
                    await self._client.post(item.uuid, item.score, key=key)
            except asyncio.CancelledError:
                self._mark_sent(index)
                raise
            except ClientError as exc:
                if exc.doubt:
                    self._mark_sent(index)
                if not isinstance(exc, ApiError) or exc.status not in _LINE_STATUSES:
                    raise
                self._take(index, exc.problem)
            else:
                self._take(index, None)

    async def _batches(self) -> AsyncGenerator[Lines, None]:
        lines = self._chunk.lines
        for at in range(0, len(lines), _BATCH):
            yield [line if line.endswith(b"\n") else line + b"\n" for line in lines[at : at + _BATCH]]

    def _mark_sent(self, index: int) -> None:
        self._sent = max(self._sent, index + 1)

    def _take(self, index: int, problem: Problem | None) -> None:
        self._mark_sent(index)
        if problem is not None:
            problem = replace(problem, line=self._chunk.number(index))
        self._outcomes[index] = problem or "accepted"
        self._running.take(problem, len(self._chunk.lines[index]))

    def _parsed(self, index: int) -> Score | Result | Problem:
        """What the line says; the problem is the one that the server would tell."""
        try:
            try:
                data = orjson.loads(self._chunk.lines[index])
            except orjson.JSONDecodeError as exc:
                raise MalformedJSON(
                    Fault("", f"the line is not JSON: {exc.msg}, at column {exc.colno}")
                ) from exc
            is_result = isinstance(data, dict) and "exam" in data and "UUID" not in data
            return parse_result(data) if is_result else parse_score(data)
        except InvalidInput as exc:
            errors = tuple({"pointer": fault.where, "detail": fault.detail} for fault in exc.faults)
            return Problem(exc.status, exc.code, str(exc), errors)


def _is_refused_for_now(problem: Problem | None) -> bool:
    """Whether nothing was recorded, and trying again may help."""
    return (
        problem is not None
        and problem.status == HTTPStatus.SERVICE_UNAVAILABLE
        and problem.code != "outcome-unknown"
    )


def _first(failed: Exception) -> Exception:
    return _first(failed.exceptions[0]) if isinstance(failed, ExceptionGroup) else failed
