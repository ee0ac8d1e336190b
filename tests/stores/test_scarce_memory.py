"""An embedded store that gets no memory in the middle of a call: what it has afterwards is whole, and goes on.

Rule: each place where a map grows, a leaf is cut or a total is added up fails once, so none is left out.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import pytest

from scores.marks import Mark, Replayed
from scores.models import Inspector, InspectorKey, Repeats, Result, ResultKey, Score, StudentKey
from scores.stores import embedded, order
from scores.stores.embedded import EmbeddedStore
from scores.stores.rows import Rows
from scores.stores.tallied import TallyingStore
from scores.testing.oracle import exact_mean

Call = Callable[[EmbeddedStore], Awaitable[Any]]

RESULTS = [Result(f"s{number % 7}", number % 5, number / 64) for number in range(25)]
NEW = [Result("new", 3, 0.5), Result("s1", 99, 2.0**-70), Result("s2", 2, 0.75), Result("s1", 1, 2.0**-60)] + [
    Result(f"n{number}", 3 + number % 2, 0.5) for number in range(12)
]  # fmt: skip
SCORES = [Score(f"x{number}", 3) for number in range(9)]
MARKS = [Mark(f"k{number}", b"x" * 16, 100.0, 1000) for number in range(9)]


class Memory:
    """Fails the step with this number, and those that follow it."""

    def __init__(self) -> None:
        self.left = self.failing = 0
        self.failed = False

    def fail_at(self, step: int, *, times: int) -> None:
        self.left, self.failing, self.failed = step, times, False

    def take(self) -> None:
        if self.failing:
            self.left -= 1
            if self.left < 0:
                self.failing -= 1
                self.failed = True
                raise MemoryError


MEMORY = Memory()


class Scarce(dict[Any, Any]):
    """A map that needs memory for each new key."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if key not in self:
            MEMORY.take()
        super().__setitem__(key, value)


def taking(inner: Callable[..., Any]) -> Callable[..., Any]:
    def outer(*arguments: Any) -> Any:
        MEMORY.take()
        found = inner(*arguments)
        MEMORY.take()
        return found

    return outer


@pytest.fixture(autouse=True)
def _scarce(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(order, "LEAF", 5)
    monkeypatch.setattr(Rows, "add", taking(Rows.add))
    monkeypatch.setattr(Rows, "change", taking(Rows.change))
    for kind, name in (
        (order.Order, "add"),
        (order.Order, "_cut"),
        (order.IntOrder, "_cut"),
        (order.IntOrder, "update"),
    ):
        monkeypatch.setattr(kind, name, taking(getattr(kind, name)))
    monkeypatch.setattr(embedded, "_new", taking(tuple.__new__))
    yield
    MEMORY.failing = 0


async def filled() -> EmbeddedStore:
    store = TallyingStore(Scarce)
    await store.record(RESULTS, repeats=Repeats.LAST)
    await store.restore([Inspector(f"u{number}", 2, 5) for number in range(13)])
    return store


def check(total: int, average: float, values: Iterable[float]) -> None:
    found = list(values)
    assert (total, average) == (len(found), exact_mean(found))


async def contents(store: EmbeddedStore) -> tuple[dict[tuple[str, int], float], dict[str, tuple[int, int]]]:
    """All that is there, if both views and all averages agree."""
    by_exam, by_student = dict[tuple[str, int], float](), dict[tuple[str, int], float]()
    exams, students = await store.exams(limit=1000), await store.students(limit=1000)
    for exam in exams.items:
        report = await store.exam(exam.exam, limit=1000)
        assert report is not None
        by_exam |= {(one.student_id, one.exam): one.score for one in report.results.items}
        check(exam.count, exam.average, (one.score for one in report.results.items))
    for student in students.items:
        mine = await store.student(student.student_id, limit=1000)
        assert mine is not None
        by_student |= {(one.student_id, one.exam): one.score for one in mine.results.items}
        check(student.count, student.average, (one.score for one in mine.results.items))
    assert by_exam == by_student
    assert (exams.total, students.total) == (len(exams.items), len(students.items))
    inspectors = await store.inspectors(limit=1000)
    assert inspectors.total == len(inspectors.items)
    return by_student, {one.uuid: (one.count, one.total) for one in inspectors.items}


async def each_failure(call: Call, *, times: int) -> list[EmbeddedStore]:
    """A store for each place at which the call can fail, after it has failed there."""
    stores = []
    for step in range(1000):
        store = await filled()
        MEMORY.fail_at(step, times=times)
        try:
            await call(store)
        except MemoryError:
            stores.append(store)
        finally:
            MEMORY.failing = 0
        if not MEMORY.failed:
            return stores
        await contents(store)
    raise AssertionError("it never ends")


def record(store: EmbeddedStore) -> Awaitable[Any]:
    return store.record(NEW, repeats=Repeats.LAST)


def add(store: EmbeddedStore) -> Awaitable[Any]:
    return store.add(SCORES)


def add_marked(store: EmbeddedStore) -> Awaitable[Any]:
    return store.add(SCORES, marks=MARKS)


async def tally(store: EmbeddedStore) -> None:
    assert isinstance(store, TallyingStore)
    store.tally([one.uuid for one in SCORES], [one.score for one in SCORES])


@pytest.mark.parametrize("call", [record, add, add_marked, tally])
async def test_whatever_fails_what_is_there_is_whole(call: Call) -> None:
    stores = await each_failure(call, times=1)
    assert len(stores) > 8
    for store in stores:
        await call(store)
        results, inspectors = await contents(store)
        if call is record:
            assert all(results[one.student_id, one.exam] == one.score for one in NEW)
        else:
            assert inspectors.keys() >= {one.uuid for one in SCORES}


async def test_what_cannot_be_made_whole_at_once_is_before_the_next_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, mended = await filled(), list[int]()
    mend = EmbeddedStore._mend

    def failing(self: EmbeddedStore) -> None:
        mended.append(1)
        if len(mended) < 2:
            raise MemoryError
        mend(self)

    monkeypatch.setattr(EmbeddedStore, "_mend", failing)
    MEMORY.fail_at(20, times=1)
    with pytest.raises(MemoryError):
        await record(store)
    before = len(mended)
    await store.remove(ResultKey("s1", 1))
    assert (before, len(mended)) == (1, 2)
    await contents(store)
    await record(store)
    await contents(store)
    assert len(mended) == 2


async def test_a_removal_is_whole_too() -> None:
    def remove(store: EmbeddedStore) -> Awaitable[Any]:
        return store.remove(StudentKey("s1"))

    stores = await each_failure(remove, times=1)
    assert stores
    for store in stores:
        assert await store.remove(InspectorKey("u1"))
        await remove(store)
        results, inspectors = await contents(store)
        assert "s1" not in {student for student, _ in results}
        assert "u1" not in inspectors


async def test_a_score_that_failed_with_its_mark_counts_once_when_it_comes_again() -> None:
    for store in await each_failure(add_marked, times=1):
        again = await store.add(SCORES, marks=MARKS)
        assert all(type(answer) in (Inspector, Replayed) for answer in again)
        _, inspectors = await contents(store)
        assert all(inspectors[score.uuid] == (1, 3) for score in SCORES)


async def test_control_what_is_not_made_whole_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedStore, "_mend", lambda _: None)
    with pytest.raises((AssertionError, ZeroDivisionError, KeyError)):
        await each_failure(record, times=1)
