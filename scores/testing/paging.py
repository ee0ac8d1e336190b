"""The part of the store contract that is about pages: walks, positions, filters."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from scores.errors import InvalidQuery
from scores.models import Exam, Page, Repeats, Result, Score, Student, StudentKey
from scores.testing.blocking import BlockingStore

__all__ = ["PagingContract"]

LAST = Repeats.LAST


def walk(
    page_of: Callable[..., Page[Any]], limit: int, meanwhile: Callable[[], None] | None = None
) -> list[Any]:
    """Every item of a listing, page by page, with something else going on between two pages."""
    items: list[Any] = []
    after = None
    while True:
        page = page_of(after=after, limit=limit)
        assert len(page.items) <= limit
        items += page.items
        if page.next is None:
            return items
        after = page.next
        if meanwhile is not None:
            meanwhile()


class PagingContract:
    """What `StoreContract` says of pages."""

    @pytest.mark.parametrize("limit", [1, 2, 7, 1000])
    def test_a_walk_gives_every_id_once(self, store: BlockingStore, limit: int) -> None:
        store.record([Result(f"s{i}", i % 13, 0.5) for i in range(50)], repeats=LAST)
        for i in range(50):
            store.add_one(Score(f"u{i}", 3))
        students = [student.student_id for student in walk(store.students, limit)]
        inspectors = [inspector.uuid for inspector in walk(store.inspectors, limit)]
        assert sorted(students) == sorted(f"s{i}" for i in range(50))
        assert sorted(inspectors) == sorted(f"u{i}" for i in range(50))
        assert [exam.exam for exam in walk(store.exams, limit)] == list(range(13))

    @pytest.mark.parametrize("limit", [1, 3, 1000])
    def test_a_walk_gives_every_result_once(self, store: BlockingStore, limit: int) -> None:
        store.record([Result(f"s{i}", 3, i / 50) for i in range(50)], repeats=LAST)
        store.record([Result("s0", exam, exam / 50) for exam in range(50)], repeats=LAST)

        def of_student(**page: Any) -> Page[Result]:
            results: Page[Result] = store.student("s0", **page).results
            return results

        def of_exam(**page: Any) -> Page[Result]:
            results: Page[Result] = store.exam(3, **page).results
            return results

        assert sorted(walk(of_student, limit)) == [Result("s0", exam, exam / 50) for exam in range(50)]
        assert {result.student_id for result in walk(of_exam, limit)} == {f"s{i}" for i in range(50)}
        assert len(walk(of_exam, limit)) == 50

    def test_a_page_says_how_many_there_are(self, store: BlockingStore) -> None:
        store.record([Result(f"s{i}", 3, 0.5) for i in range(5)], repeats=LAST)
        page = store.students(limit=2)
        assert (len(page.items), page.total) == (2, 5)
        assert page.next is not None

    def test_before_all_ids_is_the_start(self, store: BlockingStore) -> None:
        store.record([Result(f"s{i}", 3, 0.5) for i in range(20)], repeats=LAST)
        for i in range(20):
            store.add_one(Score(f"u{i}", 3))
        assert store.students(limit=50, after="") == store.students(limit=50)
        assert store.inspectors(limit=50, after="") == store.inspectors(limit=50)

    def test_the_last_full_page_is_the_last(self, store: BlockingStore) -> None:
        store.record([Result(f"s{i}", 3, 0.5) for i in range(4)], repeats=LAST)
        first = store.students(limit=2)
        assert store.students(limit=2, after=first.next).next is None

    def test_a_walk_goes_on_through_writes_and_removals(self, store: BlockingStore) -> None:
        rng = random.Random(1)
        stay = {f"stay{i}" for i in range(200)}
        store.record([Result(one, 3, 0.5) for one in [*stay, *(f"go{i}" for i in range(200))]], repeats=LAST)
        go = [f"go{i}" for i in range(200)]
        rng.shuffle(go)

        def meanwhile() -> None:
            for _ in range(5):
                if go:
                    store.remove(StudentKey(go.pop()))
                store.record([Result(f"new{rng.random()}", 3, 0.5)], repeats=LAST)

        def of_exam(**page: Any) -> Page[Result]:
            results: Page[Result] = store.exam(3, **page).results
            return results

        seen = [student.student_id for student in walk(store.students, 7, meanwhile)]
        assert sorted(one for one in seen if one in stay) == sorted(stay)
        seen = [result.student_id for result in walk(of_exam, 7, meanwhile)]
        assert sorted(one for one in seen if one in stay) == sorted(stay)

    def test_a_walk_goes_on_after_the_item_it_stood_at_is_removed(self, store: BlockingStore) -> None:
        store.record([Result(f"s{i}", 3, 0.5) for i in range(10)], repeats=LAST)
        first = store.students(limit=5)
        for student in first.items:
            store.remove(StudentKey(student.student_id))
        rest = [student.student_id for student in store.students(limit=9, after=first.next).items]
        assert len(rest) == len(set(rest)) == 5

    @pytest.mark.parametrize("position", ["", "x", "-1", "1e3", "１", "9" * 5000])
    def test_what_is_no_position_is_refused(self, store: BlockingStore, position: str) -> None:
        store.record([Result("foo", 3, 0.5)], repeats=LAST)
        with pytest.raises(InvalidQuery):
            store.exams(limit=1, after=position)

    # Filters.

    def test_a_filter_narrows_the_results_and_not_the_average(self, store: BlockingStore) -> None:
        store.record([Result("foo", exam, exam / 4) for exam in range(5)], repeats=LAST)
        report = store.student("foo", exams=[1, 3, 3, 99], limit=9)
        assert report.student == Student("foo", 0.5, 5)
        assert sorted(report.results.items) == [Result("foo", 1, 0.25), Result("foo", 3, 0.75)]
        assert report.results.total == 2

    def test_a_filter_narrows_an_exam_likewise(self, store: BlockingStore) -> None:
        store.record([Result(f"s{i}", 3, i / 4) for i in range(5)], repeats=LAST)
        store.record([Result("elsewhere", 4, 1.0)], repeats=LAST)
        report = store.exam(3, students=["s4", "s4", "elsewhere", "nobody"], limit=9)
        assert report.exam == Exam(3, 0.5, 5)
        assert list(report.results.items) == [Result("s4", 3, 1.0)]

    def test_a_filter_that_finds_nothing_gives_no_results(self, store: BlockingStore) -> None:
        store.record([Result("foo", 3, 0.5)], repeats=LAST)
        page = store.student("foo", exams=[4], limit=9).results
        assert (list(page.items), page.total, page.next) == ([], 0, None)

    def test_filtered_results_page_too(self, store: BlockingStore) -> None:
        store.record([Result(f"s{i}", 3, 0.5) for i in range(20)], repeats=LAST)
        wanted = {f"s{i}" for i in range(0, 20, 2)}

        def of_exam(**page: Any) -> Page[Result]:
            results: Page[Result] = store.exam(3, students=sorted(wanted), **page).results
            return results

        seen = [result.student_id for result in walk(of_exam, 3)]
        assert len(seen) == len(wanted)
        assert set(seen) == wanted
