"""A store of somebody else: two dictionaries, sorted anew for each answer."""

import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from scores import (
    Exam,
    ExamReport,
    Fault,
    Inspector,
    InspectorKey,
    InvalidQuery,
    Key,
    KeyReused,
    Lease,
    LeaseLost,
    Mark,
    Outcome,
    Page,
    Repeats,
    Replayed,
    Result,
    ResultKey,
    Score,
    Store,
    StoreBusy,
    StoreError,
    Student,
    StudentReport,
    exact,
)


@asynccontextmanager
async def open_listing(_url: str) -> AsyncIterator[Store]:
    yield ListingStore()


class ListingStore:
    shared = False
    add_now = None

    def __init__(self) -> None:
        self.results: dict[tuple[str, int], float] = {}
        self.scores: dict[str, list[int]] = {}
        self.leases: dict[str, tuple[Lease, str, float]] = {}
        self.marks: dict[str, tuple[bytes, Inspector, float]] = {}

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None = None
    ) -> list[Outcome]:
        if lease is not None and self.leases[lease.feed][0].token > lease.token:
            raise LeaseLost("another reads the feed by now")
        return [self._record(result, repeats) for result in results]

    async def lease(
        self, feed: str, holder: str, *, seconds: float, position: str | None = None
    ) -> Lease | None:
        lease, has, expires = self.leases.get(feed, (Lease(feed, 0, ""), "", 0.0))
        if has != holder and time.monotonic() < expires:
            return None
        at = lease.position if position is None or has != holder else position
        lease = Lease(feed, lease.token + (has != holder), at)
        self.leases[feed] = lease, holder, time.monotonic() + seconds
        return lease

    def _record(self, result: Result, repeats: Repeats) -> Outcome:
        key = (result.student_id, result.exam)
        if key not in self.results:
            self.results[key] = result.score
            return Outcome.NEW
        self.results[key] = repeats.keep(self.results[key], result.score)
        return Outcome.REPLACED if self.results[key] == result.score else Outcome.KEPT

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        return [
            self._add(score) if mark is None else self._add_once(score, mark)
            for score, mark in zip(scores, marks or [None] * len(scores), strict=True)
        ]

    def _add_once(self, score: Score, mark: Mark) -> Inspector | StoreError:
        now = time.monotonic()
        self.marks = {key: known for key, known in self.marks.items() if known[2] > now}
        if mark.key in self.marks:
            body, added, _ = self.marks[mark.key]
            return (
                Replayed(*added) if body == mark.body else KeyReused("the key came before with another body")
            )
        if len(self.marks) >= mark.most:
            return StoreBusy("as many keys are remembered as may be")
        added = self._add(score)
        self.marks[mark.key] = mark.body, added, now + mark.seconds
        return added

    def _add(self, score: Score) -> Inspector:
        self.scores.setdefault(score.uuid, []).append(score.score)
        return self._inspector(score.uuid)

    async def remove(self, key: Key) -> bool:
        if isinstance(key, InspectorKey):
            return self.scores.pop(key.uuid, None) is not None
        gone = [
            (student, exam)
            for student, exam in self.results
            if student == key.student_id and (not isinstance(key, ResultKey) or exam == key.exam)
        ]
        for result in gone:
            del self.results[result]
        return bool(gone)

    async def student(
        self, student_id: str, *, exams: Collection[int] = (), after: str | None = None, limit: int
    ) -> StudentReport | None:
        results = [Result(*key, score) for key, score in self.results.items() if key[0] == student_id]
        if not results:
            return None
        wanted = {str(result.exam): result for result in results if not exams or result.exam in exams}
        return StudentReport(Student(student_id, *summary(results)), page(wanted, after, limit))

    async def exam(
        self, exam: int, *, students: Collection[str] = (), after: str | None = None, limit: int
    ) -> ExamReport | None:
        results = [Result(*key, score) for key, score in self.results.items() if key[1] == exam]
        if not results:
            return None
        wanted = {
            result.student_id: result for result in results if not students or result.student_id in students
        }
        return ExamReport(Exam(exam, *summary(results)), page(wanted, after, limit))

    async def inspector(self, uuid: str) -> Inspector | None:
        return self._inspector(uuid) if uuid in self.scores else None

    async def students(self, *, after: str | None = None, limit: int) -> Page[Student]:
        found = {}
        for student in {student for student, _ in self.results}:
            found[student] = Student(
                student,
                *summary(r for k, s in self.results.items() if k[0] == student for r in [Result(*k, s)]),
            )
        return page(found, after, limit)

    async def exams(self, *, after: str | None = None, limit: int) -> Page[Exam]:
        if after is not None and not (after.isascii() and after.isdigit() and len(after) == 19):
            raise InvalidQuery(Fault("after", "after is no position"))
        found = {}
        for exam in {exam for _, exam in self.results}:
            found[f"{exam:019}"] = Exam(
                exam, *summary(r for k, s in self.results.items() if k[1] == exam for r in [Result(*k, s)])
            )
        return page(found, after, limit)

    async def inspectors(self, *, after: str | None = None, limit: int) -> Page[Inspector]:
        return page({uuid: self._inspector(uuid) for uuid in self.scores}, after, limit)

    def _inspector(self, uuid: str) -> Inspector:
        return Inspector(uuid, len(self.scores[uuid]), sum(self.scores[uuid]))


def summary(results: Iterable[Result]) -> tuple[float, int]:
    total = sum(exact.term(result.score) for result in results)
    return exact.mean(total), exact.count(total)


def page(found: dict[str, Any], after: str | None, limit: int) -> Page[Any]:
    positions = sorted(position for position in found if after is None or position > after)
    items = [found[position] for position in positions[:limit]]
    return Page(items, len(found), positions[limit - 1] if len(positions) > limit else None)
