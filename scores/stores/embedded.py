"""The embedded stores' one body: flat maps of atomic values, inside this process.

A result is one entry under the row numbers of its student and its exam, packed in one integer, and a
place in two orders. A total is one integer (`scores.exact`), an inspector is one integer (count and
sum). Rule: no map holds a container, so the collector's work does not grow with what is stored, and
no method suspends, so each is atomic by itself.
"""

import time
from collections.abc import Collection, Iterable, Iterator, MutableMapping, Sequence
from itertools import islice
from typing import Final, TypeVar

from scores import exact
from scores.errors import Fault, InvalidQuery, LeaseLost, StoreError, StoreFull
from scores.exact import LEAST_SHORT, SHORT_ONE
from scores.marks import Mark, Replayed
from scores.models import (
    Exam,
    ExamReport,
    Inspector,
    InspectorKey,
    Key,
    Lease,
    Outcome,
    Page,
    Repeats,
    Result,
    Score,
    Student,
    StudentKey,
    StudentReport,
)
from scores.stores.marks import Marks
from scores.stores.order import IntOrder, Order
from scores.stores.rows import MAX_ROW, ROW_BITS, MakeMap, Rows

__all__ = ["EmbeddedStore"]

# An inspector is count << 33 | sum: the sum is at most 5 * count, so a count below 2^30 keeps it
# within its bits, and one more overflows signed 64 bits, which is where Redis' HINCRBY stops as well.
SUM_BITS: Final = 33
SUM: Final = (1 << SUM_BITS) - 1
ONE: Final = 1 << SUM_BITS
MAX_INSPECTOR: Final = 2**63 - 1

T = TypeVar("T")
# A named tuple's own constructor is a Python function: twice the time.
_new = tuple.__new__


class EmbeddedStore:
    """A store in this process, which lives as long as the process."""

    shared = False

    def __init__(self, make_map: MakeMap) -> None:
        self._students: Rows[str] = Rows(make_map)
        self._exams: Rows[int] = Rows(make_map)
        self._scores: MutableMapping[int, float] = make_map()
        self._by_student = IntOrder()
        self._by_exam = IntOrder()
        self._inspectors: MutableMapping[str, int] = make_map()
        self._inspector_order: Order[str] = Order()
        self._leases: dict[str, tuple[Lease, str, float]] = {}
        self._marks = Marks(make_map)
        self._torn: Sequence[int] = ()
        """Results that a call without memory may have left in part: the rows, by student, that were new."""
        self._touched: Sequence[Result] = ()
        """All results of that call."""

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None = None
    ) -> list[Outcome]:
        if lease is not None and lease.token < self._leases[lease.feed][0].token:
            raise LeaseLost("another reads the feed by now")
        if self._torn or self._touched:
            self._mend()
        if min(self._students.spare, self._exams.spare) >= len(results):
            return self._record(results, repeats)
        return [self._record_one(result, repeats) for result in results]

    async def lease(
        self, feed: str, holder: str, *, seconds: float, position: str | None = None
    ) -> Lease | None:
        now = time.monotonic()
        lease, has, expires = self._leases.get(feed, (Lease(feed, 0, ""), "", now))
        if has != holder:
            if now < expires:
                return None
            lease = lease._replace(token=lease.token + 1)
        elif position is not None:
            lease = lease._replace(position=position)
        self._leases[feed] = lease, holder, now + seconds
        return lease

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        if marks:
            return [self._add_once(score, mark) for score, mark in zip(scores, marks, strict=True)]
        answers = list[Inspector | StoreError]()
        inspectors, packed_of = self._inspectors, self._inspectors.get
        for score in scores:
            uuid, mark = score
            # `add_now` without the calls, where the inspector is known and is not full.
            packed = packed_of(uuid)
            if packed is not None and (packed := packed + ONE + mark) <= MAX_INSPECTOR:
                inspectors[uuid] = packed
                answers.append(_new(Inspector, (uuid, packed >> SUM_BITS, packed & SUM)))
                continue
            try:
                answers.append(self.add_now(score))
            except StoreFull as exc:
                answers.append(exc.with_traceback(None))
        return answers

    def add_now(self, score: Score) -> Inspector:
        uuid, mark = score
        packed = self._inspectors.get(uuid)
        if packed is None:
            packed = ONE + mark
            self._begin(uuid, packed)
        else:
            packed += ONE + mark
            if packed > MAX_INSPECTOR:
                raise StoreFull(f"inspector {uuid!r} has as many scores as can be counted")
            self._inspectors[uuid] = packed
        return _new(Inspector, (uuid, packed >> SUM_BITS, packed & SUM))

    def _begin(self, uuid: str, packed: int) -> None:
        """Puts in an inspector, whole or not at all."""
        known = uuid in self._inspectors
        self._inspectors[uuid] = packed
        if known:
            return
        try:
            self._inspector_order.add(uuid)
        except MemoryError:
            self._take_out(uuid)
            raise

    def _add_once(self, score: Score, mark: Mark | None) -> Inspector | StoreError:
        try:
            packed = None if mark is None else self._marks.find(mark)
            if packed is not None:
                return _new(Replayed, _inspector(score.uuid, packed))
            # Its own, also in a store made of this one that suspends, and so has none.
            return EmbeddedStore.add_now(self, score) if mark is None else self._add_marked(score, mark)
        except StoreError as exc:
            return exc.with_traceback(None)

    def _add_marked(self, score: Score, mark: Mark) -> Inspector:
        """Adds a score and remembers its mark, or neither: else, sent again, it would count again."""
        uuid = score.uuid
        before = self._inspectors.get(uuid)
        try:
            added = EmbeddedStore.add_now(self, score)
            self._marks.keep(mark, (added.count << SUM_BITS) + added.total)
        except MemoryError:
            if before is None:
                self._take_out(uuid)
            else:
                self._inspectors[uuid] = before
            raise
        return added

    def _take_out(self, uuid: str) -> bool:
        """Takes out an inspector; says whether it was there."""
        self._inspector_order.discard(uuid)
        return self._inspectors.pop(uuid, None) is not None

    async def restore(self, inspectors: Sequence[Inspector]) -> None:
        """As `Restoring.restore`."""
        for uuid, count, total in inspectors:
            self._begin(uuid, (count << SUM_BITS) + total)

    async def remove(self, key: Key) -> bool:
        if isinstance(key, InspectorKey):
            return self._take_out(key.uuid)
        if self._torn or self._touched:
            self._mend()
        student = self._students.numbers.get(key.student_id)
        if student is None:
            return False
        if isinstance(key, StudentKey):
            for exam in list(_row(self._by_student, student)):
                self._forget(student, exam)
            return True
        number = self._exams.numbers.get(key.exam)
        if number is None or _pack(student, number) not in self._scores:
            return False
        self._forget(student, number)
        return True

    async def student(
        self, student_id: str, *, exams: Collection[int] = (), after: str | None = None, limit: int
    ) -> StudentReport | None:
        student = self._students.numbers.get(student_id)
        if student is None:
            return None
        summary, above = self._student(student_id), _position(after)
        total, numbers = summary.count, _row(self._by_student, student, above=above)
        if exams:
            found = [exam for exam in self._exams.find(exams) if _pack(student, exam) in self._scores]
            total, numbers = len(found), _ascend(found, above=above)
        results = [
            (str(exam), Result(student_id, self._exams.keys[exam], self._scores[_pack(student, exam)]))
            for exam in islice(numbers, limit + 1)
        ]
        return StudentReport(summary, _page(results, total, limit))

    async def exam(
        self, exam: int, *, students: Collection[str] = (), after: str | None = None, limit: int
    ) -> ExamReport | None:
        number = self._exams.numbers.get(exam)
        if number is None:
            return None
        summary, above = self._exam(exam), _position(after)
        total, numbers = summary.count, _row(self._by_exam, number, above=above)
        if students:
            found = [one for one in self._students.find(students) if _pack(one, number) in self._scores]
            total, numbers = len(found), _ascend(found, above=above)
        results = [
            (str(student), Result(self._students.keys[student], exam, self._scores[_pack(student, number)]))
            for student in islice(numbers, limit + 1)
        ]
        return ExamReport(summary, _page(results, total, limit))

    async def inspector(self, uuid: str) -> Inspector | None:
        packed = self._inspectors.get(uuid)
        return None if packed is None else _inspector(uuid, packed)

    async def students(self, *, after: str | None = None, limit: int) -> Page[Student]:
        ids = self._students.order.after(after, limit + 1)
        return _page([(key, self._student(key)) for key in ids], len(self._students.numbers), limit)

    async def exams(self, *, after: str | None = None, limit: int) -> Page[Exam]:
        numbers = self._exams.order.after(_position(after), limit + 1)
        return _page([(str(key), self._exam(key)) for key in numbers], len(self._exams.numbers), limit)

    async def inspectors(self, *, after: str | None = None, limit: int) -> Page[Inspector]:
        uuids = self._inspector_order.after(after, limit + 1)
        items = [(uuid, _inspector(uuid, self._inspectors[uuid])) for uuid in uuids]
        return _page(items, len(self._inspectors), limit)

    def _record_one(self, result: Result, repeats: Repeats) -> Outcome:
        """Records one result when the rows may be used up."""
        student_id, exam, _ = result
        if not (self._students.can_take(student_id) and self._exams.can_take(exam)):
            raise StoreFull(f"no row is left for student {student_id!r} in exam {exam}")
        return self._record([result], repeats)[0]

    def _record(self, results: Sequence[Result], repeats: Repeats) -> list[Outcome]:
        """Records results for which there are rows; without memory, none of those that are new."""
        new: list[int] = []
        try:
            return self._record_all(results, repeats, new)
        except BaseException:  # CPython makes a SystemError of some allocations that fail
            self._break_off(new, results)
            raise

    def _record_all(
        self, results: Sequence[Result], repeats: Repeats, by_student: list[int]
    ) -> list[Outcome]:
        """Records results; the orders hear of the new ones, which are put into the list, together."""
        students, exams, scores = self._students, self._exams, self._scores
        student_of, exam_of, score_of = students.numbers.get, exams.numbers.get, scores.get
        student_totals, exam_totals = students.totals, exams.totals
        new, replaced = Outcome.NEW, Outcome.REPLACED
        outcomes: list[Outcome] = []
        by_exam: list[int] = []
        for student_id, exam_number, score in results:
            student, exam = student_of(student_id), exam_of(exam_number)
            if student is None:
                student = students.append(student_id)
            if exam is None:
                exam = exams.append(exam_number)
            row = (student << ROW_BITS) + exam
            old = score_of(row)
            if old is None:
                by_student.append(row)
                scores[row] = score
                if score >= LEAST_SHORT:
                    # `exact.parts` and `Rows.add` without the calls: of a rest there is none.
                    short = int(score * SHORT_ONE) + 1
                    student_totals[student] += short
                    exam_totals[exam] += short
                else:
                    short, rest = exact.parts(score)
                    students.add(student, short, rest)
                    exams.add(exam, short, rest)
                by_exam.append((exam << ROW_BITS) + student)
                outcomes.append(new)
            elif old == score:
                outcomes.append(replaced)
            else:
                outcomes.append(self._repeat(row, old, score, repeats))
        self._by_student.update(by_student)
        self._by_exam.update(by_exam)
        return outcomes

    def _repeat(self, row: int, old: float, score: float, repeats: Repeats) -> Outcome:
        """Keeps one of two different scores of a result."""
        if repeats.keep(old, score) == old:
            return Outcome.KEPT
        self._scores[row] = score
        self._change(row, exact.parts(score), exact.parts(old))
        return Outcome.REPLACED

    def _forget(self, student: int, exam: int) -> None:
        row = _pack(student, exam)
        gone = [row]
        try:
            self._by_student.discard(row)
            self._by_exam.discard(_pack(exam, student))
            self._change(row, (0, 0), exact.parts(self._scores.pop(row)))
        except BaseException:  # likewise
            self._break_off(gone, ())
            raise

    def _break_off(self, torn: Sequence[int], touched: Sequence[Result]) -> None:
        """Makes whole what a call has left for want of memory; without any for that, the next one does."""
        self._torn, self._touched = torn, touched
        try:  # noqa: SIM105  # without memory there is none for suppress() either
            self._mend()
        except MemoryError:
            pass

    def _mend(self) -> None:
        """Takes out the results that may be there in part, and adds up anew what the call had to do with."""
        for row in self._torn:
            self._scores.pop(row, None)
            self._by_student.discard(row)
            self._by_exam.discard(_pack(row & MAX_ROW, row >> ROW_BITS))
        students = self._students.find(result.student_id for result in self._touched)
        exams = self._exams.find(result.exam for result in self._touched)
        for student in students | {row >> ROW_BITS for row in self._torn}:
            mine = _row(self._by_student, student)
            self._students.settle(student, (self._scores[_pack(student, exam)] for exam in mine))
        for exam in exams | {row & MAX_ROW for row in self._torn}:
            those = _row(self._by_exam, exam)
            self._exams.settle(exam, (self._scores[_pack(student, exam)] for student in those))
        self._torn = self._touched = ()

    def _change(self, row: int, added: tuple[int, int], taken: tuple[int, int]) -> None:
        short, rest = added[0] - taken[0], added[1] - taken[1]
        self._students.change(row >> ROW_BITS, short, rest)
        self._exams.change(row & MAX_ROW, short, rest)

    def _student(self, student_id: str) -> Student:
        return Student(student_id, *self._students.average(self._students.numbers[student_id]))

    def _exam(self, number: int) -> Exam:
        return Exam(number, *self._exams.average(self._exams.numbers[number]))


def _pack(first: int, second: int) -> int:
    return (first << ROW_BITS) + second


def _row(order: Order[int], first: int, *, above: int = -1) -> Iterator[int]:
    """The second numbers, above a position, of all packed keys that have this first number."""
    for packed in order.ascend(_pack(first, above)):
        if packed >> ROW_BITS != first:
            return
        yield packed & MAX_ROW


def _ascend(numbers: Iterable[int], *, above: int) -> Iterator[int]:
    return iter(sorted(number for number in numbers if number > above))


def _inspector(uuid: str, packed: int) -> Inspector:
    return _new(Inspector, (uuid, packed >> SUM_BITS, packed & SUM))


def _position(after: str | None) -> int:
    if after is None:
        return -1
    if after.isascii() and after.isdigit() and len(after) <= _POSITION_DIGITS:
        return int(after)
    raise InvalidQuery(Fault("after", "after must be the `next` of an earlier page of this listing"))


_POSITION_DIGITS: Final = 19
"""As many as 2^63-1 has, the highest exam number."""


def _page(found: Sequence[tuple[str, T]], total: int, limit: int) -> Page[T]:
    """The page of the first `limit` (position, item) pairs; one more pair says that it goes on."""
    items = [item for _, item in found[:limit]]
    return Page(items, total, found[limit - 1][0] if len(found) > limit else None)
