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
from scores.stores.redis.delivery import MEMORY_SECONDS
from scores.stores.redis.layout import encode_exam
from scores.stores.redis.traffic import Traffic

__all__ = ["Results"]

log = logging.getLogger(__name__)

_NOTE_AGE: Final = 15
"""Seconds after which a note is taken for left behind."""
_SWEEP_EVERY: Final = 10.0
_NOTES_AT_ONCE: Final = 100
_REMOVED_AT_ONCE: Final = 500
"""As many results of a student as one step removes (AT_ONCE in write.lua)."""
_ASKED_AT_ONCE: Final = 256
"""Most requests that one call has waiting, so that it leaves room for others."""

_RECORDING: Final = 16
"""What recording a result costs Redis, where adding a score costs 1."""
_REMOVING: Final = 512

_OUTCOMES: Final = {b"new": Outcome.NEW, b"replaced": Outcome.REPLACED, b"kept": Outcome.KEPT}
_ASK: Final = "?"
"""No score: asks what the score is."""


class Results:
    """The results in one Redis, or in a cluster."""

    def __init__(self, traffic: Traffic, *, queue: int) -> None:
        """`queue` is how many requests may wait at once."""
        self._traffic = traffic
        self._layout = traffic.layout
        self._numbers = itertools.count()
        self._slice = min(queue, _ASKED_AT_ONCE)

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None
    ) -> list[Outcome]:
        """As `Store.record`."""
        fence = ("", 0) if lease is None else (self._layout.feed_id(lease.feed), lease.token)
        recording = self._record_twice if self._traffic.clustered else self._record
        replies = await self._all(recording(result, repeats.value, *fence) for result in results)
        if b"fenced" in replies:
            raise LeaseLost("another server reads the feed by now")
        return [_OUTCOMES[reply] for reply in replies]

    async def remove(self, key: StudentKey | ResultKey) -> bool:
        """As `Store.remove`; of a student with very many results, step by step."""
        if isinstance(key, ResultKey):
            return await self._remove(key.student_id, encode_exam(key.exam)) > 0
        removed = count = await self._remove(key.student_id, "")
        try:
            while count == _REMOVED_AT_ONCE:
                count = await self._remove(key.student_id, "")
        except StoreError as exc:
            raise OutcomeUnknown(f"some of the student's results are removed, and not all: {exc}") from exc
        return removed > 0

    async def sweep(self) -> None:
        """Does, for ever, what is left to be done by notes that nobody has settled."""
        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            for shard in self._traffic.units:
                try:
                    await self._sweep(shard)
                except StoreError as exc:
                    log.debug("store: notes of shard %d are not read: %s", shard, exc)
                except Exception:
                    # It goes on after a bug, which is logged whole.
                    log.exception("store: unexpected error")

    def _record(self, result: Result, repeats: str, feed: str, token: int) -> Awaitable[Any]:
        student_id, number, score = result
        exam = encode_exam(number)
        shard, base = self._layout.home(student_id)
        operation = ("record", base, self._layout.home(exam)[1], student_id, exam, repr(score), repeats)
        return self._traffic.write(shard, *operation, feed, token, weight=_RECORDING)

    async def _record_twice(self, result: Result, repeats: str, feed: str, token: int) -> Any:
        student_id, number, score = result
        exam, note = encode_exam(number), self._note()
        shard, base = self._layout.home(student_id)
        operation = ("begin_record", base, note, student_id, exam, repr(score), repeats, feed, token)
        reply = await self._traffic.write(shard, *operation, weight=_RECORDING)
        if reply == b"fenced":
            return reply
        outcome, changed = reply
        if changed:
            await self._mirror(note, student_id, exam, changed.decode())
        return outcome

    async def _remove(self, student_id: str, exam: str) -> int:
        """Removes one result, or, of all exams, as many as one step does; says how many that were."""
        traffic = self._traffic
        shard, base = self._layout.home(student_id)
        weight = _RECORDING if exam else _REMOVING
        if traffic.clustered:
            note = self._note()
            operation = ("begin_removal", base, note, student_id, exam)
            exams = await traffic.write(shard, *operation, weight=weight)
            await self._all(self._mirror(note, student_id, gone.decode(), "") for gone in exams)
            return len(exams)
        if exam:
            operation = ("remove_result", base, self._layout.home(exam)[1], student_id, exam)
        else:
            tags = ",".join(map(str, self._layout.tags))
            operation = ("remove_student", base, student_id, f"{self._layout.prefix}:", tags)
        return int(await traffic.write(shard, *operation, weight=weight))

    async def _mirror(self, note: str, student_id: str, exam: str, score: str, *, age: int = 0) -> None:
        """Makes the exam's view what the student's is, which a moment ago was `score`."""
        shard, base = self._layout.home(student_id)
        exam_shard, exam_base = self._layout.home(exam)
        try:
            while True:
                if score != _ASK:
                    mirror = ("mirror", exam_base, student_id, exam, score)
                    await self._traffic.write(exam_shard, *mirror, weight=_RECORDING)
                settle = ("settle", base, note, student_id, exam, score, age)
                reply = await self._traffic.write(shard, *settle)
                if reply == b"settled":
                    return
                score = reply[0].decode()
        except StoreError as exc:
            raise OutcomeUnknown(
                f"it is recorded with the student, and not yet with the exam: {exc}"
            ) from exc

    async def _sweep(self, shard: int) -> None:
        base = self._layout.bases[shard]
        notes, at = [], 0
        while len(page := await self._notes(shard, base, at)) == _NOTES_AT_ONCE:
            notes += page
            at += _NOTES_AT_ONCE
        for entry in [*notes, *page]:
            note, student_id, exam = entry.decode().split("\0")
            try:
                # What its writer has sent may still arrive, until Redis has forgotten the writer.
                await self._mirror(note, student_id, exam, _ASK, age=MEMORY_SECONDS)
            except StoreError as exc:
                log.debug("store: a result stays recorded by halves for now: %s", exc)

    async def _notes(self, shard: int, base: str, at: int) -> list[bytes]:
        found: list[bytes] = await self._traffic.read_shard(
            shard, "notes", base, _NOTE_AGE, at, _NOTES_AT_ONCE
        )
        return found

    def _note(self) -> str:
        return f"{self._traffic.name}.{next(self._numbers)}"

    async def _all(self, calls: Iterable[Awaitable[Any]]) -> list[Any]:
        """All answers, in order, a slice at a time; raises a slice's first error once all of it has ended."""
        replies: list[Any] = []
        left = iter(calls)
        while asked := list(itertools.islice(left, self._slice)):
            answers = await asyncio.gather(*asked, return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
            replies += answers
        return replies
