"""Recording and removing results: in the student's view and in the exam's.

On one server a script writes both, so each result is atomic. In a cluster the views are in two shards:
the student's is written first, with a note beside it of what is to be done; then the exam's is made the
same, and the note taken away once both are equal. Rule: whoever finds an old note does what it says, so
the views become equal whatever becomes of the process that wrote the first.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Final

from scores.errors import LeaseLost, OutcomeUnknown, StoreError
from scores.models import Lease, Outcome, Repeats, Result, ResultKey, StudentKey
from scores.stores.redis.layout import encode_exam
from scores.stores.redis.traffic import Traffic

__all__ = ["Results"]

log = logging.getLogger(__name__)

_NOTE_AGE: Final = 15
"""Seconds after which a note is taken for left behind."""
_SWEEP_EVERY: Final = 10.0
_NOTES_AT_ONCE: Final = 100

_OUTCOMES: Final = {b"new": Outcome.NEW, b"replaced": Outcome.REPLACED, b"kept": Outcome.KEPT}
_ASK: Final = "?"
"""No score: asks what the score is."""


class Results:
    """The results in one Redis, or in a cluster."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._layout = traffic.layout
        self._numbers = itertools.count()

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None
    ) -> list[Outcome]:
        """As `Store.record`."""
        fence = ("", 0) if lease is None else (self._layout.feed_id(lease.feed), lease.token)
        recording = self._record_twice if self._traffic.clustered else self._record
        replies = await _all(recording(result, repeats.value, *fence) for result in results)
        if b"fenced" in replies:
            raise LeaseLost("another server reads the feed by now")
        return [_OUTCOMES[reply] for reply in replies]

    async def remove(self, key: StudentKey | ResultKey) -> bool:
        """As `Store.remove`."""
        student, exam = key.student_id, encode_exam(key.exam) if isinstance(key, ResultKey) else ""
        shard, base = self._layout.home(student)
        if self._traffic.clustered:
            note = self._note()
            exams = await self._traffic.write(shard, "begin_removal", base, note, student, exam)
            await _all(self._mirror(note, student, gone.decode(), "") for gone in exams)
            return bool(exams)
        if exam:
            exam_base = self._layout.home(exam)[1]
            return bool(await self._traffic.write(shard, "remove_result", base, exam_base, student, exam))
        tags = ",".join(map(str, self._layout.tags))
        prefix = f"{self._layout.prefix}:"
        return bool(await self._traffic.write(shard, "remove_student", base, student, prefix, tags))

    async def sweep(self) -> None:
        """Does, for ever, what is left to be done by notes that nobody has settled."""
        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            for shard in self._traffic.units:
                try:
                    await self._sweep(shard)
                except StoreError as exc:
                    log.debug("store: notes of shard %d are not read: %s", shard, exc)

    def _record(self, result: Result, repeats: str, feed: str, token: int) -> Awaitable[Any]:
        student_id, number, score = result
        exam = encode_exam(number)
        shard, base = self._layout.home(student_id)
        exam_base = self._layout.home(exam)[1]
        return self._traffic.write(
            shard, "record", base, exam_base, student_id, exam, repr(score), repeats, feed, token
        )

    async def _record_twice(self, result: Result, repeats: str, feed: str, token: int) -> Any:
        student_id, number, score = result
        exam, note = encode_exam(number), self._note()
        shard, base = self._layout.home(student_id)
        reply = await self._traffic.write(
            shard, "begin_record", base, note, student_id, exam, repr(score), repeats, feed, token
        )
        if reply == b"fenced":
            return reply
        outcome, changed = reply
        if changed:
            await self._mirror(note, student_id, exam, changed.decode())
        return outcome

    async def _mirror(self, note: str, student_id: str, exam: str, score: str) -> None:
        """Makes the exam's view what the student's is, which a moment ago was `score`."""
        shard, base = self._layout.home(student_id)
        exam_shard, exam_base = self._layout.home(exam)
        try:
            while True:
                if score != _ASK:
                    await self._traffic.write(exam_shard, "mirror", exam_base, student_id, exam, score)
                reply = await self._traffic.write(shard, "settle", base, note, student_id, exam, score)
                if reply == b"settled":
                    return
                score = reply[0].decode()
        except StoreError as exc:
            raise OutcomeUnknown(
                f"it is recorded with the student, and not yet with the exam: {exc}"
            ) from exc

    async def _sweep(self, shard: int) -> None:
        base = self._layout.bases[shard]
        notes = await self._traffic.read_shard(shard, "notes", base, _NOTE_AGE, _NOTES_AT_ONCE)
        for entry in notes:
            note, student_id, exam = entry.decode().split("\0")
            await self._mirror(note, student_id, exam, _ASK)
        if notes:
            log.info("store: finished %d results that were recorded by halves", len(notes))

    def _note(self) -> str:
        return f"{self._traffic.name}.{next(self._numbers)}"


async def _all(calls: Iterable[Awaitable[Any]]) -> list[Any]:
    """All answers, in order; raises the first error once every call has ended."""
    replies = await asyncio.gather(*calls, return_exceptions=True)
    for reply in replies:
        if isinstance(reply, BaseException):
            raise reply
    return replies
