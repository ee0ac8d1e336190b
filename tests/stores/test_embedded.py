"""What only the embedded stores promise: limits, the collector's peace, pages that cost what they cost."""

import gc
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.errors import InvalidQuery, StoreFull
from scores.models import (
    MAX_EXAM,
    Exam,
    Inspector,
    InspectorKey,
    Outcome,
    Repeats,
    Result,
    ResultKey,
    Score,
    Student,
    StudentKey,
)
from scores.stores.embedded import EmbeddedStore
from scores.stores.rows import MAX_ROW
from scores.testing import BlockingStore, open_blocking
from scores.testing.oracle import exact_mean


@pytest.fixture(params=["dict", "sharded"])
def store(request: pytest.FixtureRequest) -> Any:
    with open_blocking(request.param) as opened:
        yield opened


def embedded(store: BlockingStore) -> EmbeddedStore:
    inner = store.store
    assert isinstance(inner, EmbeddedStore)
    return inner


def visits(store: EmbeddedStore) -> int:
    """How many references within the store a full collection follows: the collector's work, counted."""
    count, found, left = 0, {id(store)}, [store]
    while left:
        for one in gc.get_referents(left.pop()):
            count += 1
            if gc.is_tracked(one) and id(one) not in found and not isinstance(one, type):
                found.add(id(one))
                left.append(one)
    return count


def test_the_collectors_work_does_not_grow_with_the_keys(store: BlockingStore) -> None:
    before = visits(embedded(store))
    for start in range(0, 20_000, 500):
        store.record(
            [Result(f"s{i}", i % 1000, 0.5) for i in range(start, start + 500)], repeats=Repeats.LAST
        )
    for i in range(20_000):
        store.add_one(Score(f"u{i}", 5))
    # 20,000 students, 20,000 results, 20,000 inspectors: one visit for each would be 60,000.
    assert visits(embedded(store)) - before < 1500


def test_a_count_that_is_full_is_an_error_that_changes_nothing(store: BlockingStore) -> None:
    full = Inspector("a1-b1", 2**30 - 1, 5 * (2**30 - 1))
    embedded(store)._inspectors["a1-b1"] = (full.count << 33) + full.total
    assert store.inspector("a1-b1") == full
    with pytest.raises(StoreFull):
        store.add_one(Score("a1-b1", 0))
    assert store.inspector("a1-b1") == full


def test_a_full_inspector_keeps_out_its_own_scores_only(store: BlockingStore) -> None:
    full = Inspector("full", 2**30 - 2, 0)
    embedded(store)._inspectors["full"] = full.count << 33
    batch = [Score(uuid, 1) for uuid in ("foo", "full", "full", "foo", "full")]
    first, last, *others = store.add(batch)
    assert (first, last) == (Inspector("foo", 1, 1), Inspector("full", 2**30 - 1, 1))
    assert others[1] == Inspector("foo", 2, 2)
    assert all(isinstance(answer, StoreFull) for answer in others[::2])
    assert store.inspector("full") == last


def test_a_batch_never_suspends(store: BlockingStore) -> None:
    adding = embedded(store).add([Score(f"u{i}", 5) for i in range(10_000)])
    with pytest.raises(StopIteration) as done:
        adding.send(None)
    assert len(done.value.value) == 10_000


def test_rows_that_are_used_up_are_an_error_that_changes_nothing(store: BlockingStore) -> None:
    store.record([Result("foo", 3, 0.5)], repeats=Repeats.LAST)
    embedded(store)._exams._next = MAX_ROW + 1
    with pytest.raises(StoreFull):
        store.record([Result("bar", 4, 0.5)], repeats=Repeats.LAST)
    assert store.students(limit=9).total == 1
    # What has its row goes on, and a row that is given up serves again.
    store.record([Result("bar", 3, 0.5)], repeats=Repeats.LAST)
    store.remove(StudentKey("foo"))
    store.remove(StudentKey("bar"))
    assert store.record([Result("bar", 4, 0.5)], repeats=Repeats.LAST) == [Outcome.NEW]


def test_a_batch_that_uses_up_the_rows_is_recorded_up_to_there(store: BlockingStore) -> None:
    embedded(store)._exams._next = MAX_ROW
    with pytest.raises(StoreFull):
        store.record([Result("foo", 3, 0.5), Result("foo", 4, 0.5)], repeats=Repeats.LAST)
    report = store.student("foo", limit=9)
    assert report.student == Student("foo", 0.5, 1)
    assert [result.exam for result in report.results.items] == [3]
    assert store.exams(limit=9).items == [Exam(3, 0.5, 1)]
    assert store.exam(3, limit=9).results.items == [Result("foo", 3, 0.5)]


RESULTS = st.lists(
    st.builds(
        Result,
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 3),
        st.sampled_from([0.0, 0.25, 1.0]) | st.floats(0, 1) | st.floats(0, 2**-43),
    )
)


@given(results=RESULTS, size=st.integers(1, 9), repeats=st.sampled_from(Repeats))
def test_a_batch_is_recorded_as_its_results_one_by_one(
    results: list[Result], size: int, repeats: Repeats
) -> None:
    with open_blocking("dict") as batches, open_blocking("dict") as singles:
        outcomes = [
            one
            for start in range(0, len(results), size)
            for one in batches.record(results[start : start + size], repeats=repeats)
        ]
        assert outcomes == [singles.record([result], repeats=repeats)[0] for result in results]
        for exam in range(4):
            assert batches.exam(exam, limit=9) == singles.exam(exam, limit=9)


@given(results=RESULTS)
def test_averages_of_scores_however_small_are_exact(results: list[Result]) -> None:
    with open_blocking("dict") as store:
        store.record(results, repeats=Repeats.LAST)
        last = {(result.student_id, result.exam): result.score for result in results}
        for student in store.students(limit=9).items:
            mine = [score for (student_id, _), score in last.items() if student_id == student.student_id]
            assert student.average == exact_mean(mine)


def test_a_row_that_was_given_up_is_used_again(store: BlockingStore) -> None:
    for i in range(100):
        store.record([Result(f"s{i}", i, 0.5)], repeats=Repeats.LAST)
        store.remove(ResultKey(f"s{i}", i))
    students = embedded(store)._students
    assert students._next == 1
    assert students._free == array("q", [0])


def test_nothing_is_left_of_what_is_removed(store: BlockingStore) -> None:
    for i in range(3000):
        store.record([Result(f"s{i}", i % 7, i / 3000), Result(f"s{i}", 8, 1e-300)], repeats=Repeats.LAST)
        store.add_one(Score(f"u{i}", 5))
    for i in range(3000):
        store.remove(StudentKey(f"s{i}"))
        store.remove(InspectorKey(f"u{i}"))
    inner = embedded(store)
    for rows in (inner._students, inner._exams):
        assert (len(rows.numbers), len(rows.keys), len(rows.totals), len(rows.rests)) == (0, 0, 0, 0)
        assert rows.order.after(None, 1) == []
    assert (len(inner._scores), len(inner._inspectors)) == (0, 0)
    for order in (inner._by_student, inner._by_exam):
        assert order.after(None, 1) == []


def test_the_last_row_of_one_is_not_taken_for_the_first_of_the_next(store: BlockingStore) -> None:
    # A key is packed of two row numbers: (0, MAX_ROW) is the neighbour of (1, 0).
    store.record([Result("foo", 3, 0.5)], repeats=Repeats.LAST)
    embedded(store)._exams._next = MAX_ROW
    store.record([Result("foo", 4, 0.5), Result("bar", 3, 0.25)], repeats=Repeats.LAST)
    assert embedded(store)._exams.numbers[4] == MAX_ROW
    assert store.student("bar", limit=9).results.items == [Result("bar", 3, 0.25)]
    assert store.student("foo", limit=9).results.items == [Result("foo", 3, 0.5), Result("foo", 4, 0.5)]
    assert store.exam(4, limit=9).results.items == [Result("foo", 4, 0.5)]
    assert store.remove(StudentKey("bar"))
    assert store.student("bar", limit=9) is None
    assert store.student("foo", limit=9).student == Student("foo", 0.5, 2)


def test_a_walk_goes_on_from_the_largest_exams(store: BlockingStore) -> None:
    numbers = [10**18 - 1, 10**18, MAX_EXAM - 1, MAX_EXAM]
    store.record([Result("foo", number, 0.5) for number in numbers], repeats=Repeats.LAST)
    seen, after = [], None
    for _ in numbers:
        page = store.exams(limit=1, after=after)
        seen += [exam.exam for exam in page.items]
        after = page.next
    assert (seen, after) == (numbers, None)
    assert store.exams(limit=9, after=str(MAX_EXAM)).items == []


@pytest.mark.parametrize("position", ["9" * 20, "-1", "", "x"])
def test_what_is_no_position_is_said_of_the_parameter(store: BlockingStore, position: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        store.exams(limit=1, after=position)
    assert [fault.where for fault in caught.value.faults] == ["after"]


def test_inspectors_are_restored_as_they_were(store: BlockingStore) -> None:
    inspectors = [
        Inspector("a1-b1", 3, 14),
        Inspector("foo", 2**30 - 1, 5 * (2**30 - 1)),
        Inspector("bar", 1, 0),
    ]
    store.restore(inspectors)
    assert store.inspectors(limit=9).items == sorted(inspectors)
    assert store.add_one(Score("a1-b1", 5)) == Inspector("a1-b1", 4, 19)
    # As of a later moment, it takes the place of what is there.
    store.restore([Inspector("a1-b1", 7, 21)])
    assert store.inspector("a1-b1") == Inspector("a1-b1", 7, 21)
