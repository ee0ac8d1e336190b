"""The store contract, one fact a test; every store passes all of it, with no case of its own."""

import math
import random
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import permutations
from operator import add
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scores.errors import InvalidQuery
from scores.models import (
    MAX_EXAM,
    MAX_ID_LENGTH,
    Exam,
    Inspector,
    InspectorKey,
    Outcome,
    Page,
    Repeats,
    Result,
    ResultKey,
    Score,
    Student,
    StudentKey,
)
from scores.testing.blocking import BlockingStore, open_blocking
from scores.testing.machine import check_store
from scores.testing.oracle import Oracle, exact_mean

__all__ = ["StoreContract"]

AWKWARD_IDS = [
    "a/b", "a b", " ", "%2F", "a?b#c", "a+b", "...", "-", "0", "None", "{tag}", "a:b", "*", "[a-z]",
    "é", "e\u0301", "É", "日本", "👩‍🏫", "\u202e", "\ufeff", "x" * MAX_ID_LENGTH, "🎓" * MAX_ID_LENGTH,
]  # fmt: skip

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


class StoreContract:
    """Subclass it as `Test…`, with a fixture `store_url`: the URL of an empty store, for each test."""

    @pytest.fixture
    def store(self, store_url: str) -> Iterator[BlockingStore]:
        """The store under test, open and empty."""
        with open_blocking(store_url) as store:
            yield store

    # What is not there.

    def test_an_unknown_id_is_none(self, store: BlockingStore) -> None:
        assert store.student("foo", limit=1) is None
        assert store.exam(3, limit=1) is None
        assert store.inspector("a1-b1") is None

    def test_an_empty_listing_is_an_empty_page(self, store: BlockingStore) -> None:
        for listing in (store.students, store.exams, store.inspectors):
            page = listing(limit=10)
            assert (list(page.items), page.total, page.next) == ([], 0, None)

    def test_removing_the_unknown_is_false(self, store: BlockingStore) -> None:
        store.record([Result("foo", 3, 0.5)], repeats=LAST)
        for key in (StudentKey("bar"), ResultKey("foo", 4), ResultKey("bar", 3), InspectorKey("foo")):
            assert store.remove(key) is False
        assert store.student("foo", limit=1).student == Student("foo", 0.5, 1)

    # Results.

    def test_a_result_is_seen_from_its_student_and_from_its_exam(self, store: BlockingStore) -> None:
        assert store.record([Result("foo", 3, 0.991)], repeats=LAST) == [Outcome.NEW]
        student, exam = store.student("foo", limit=1), store.exam(3, limit=1)
        assert student.student == Student("foo", 0.991, 1)
        assert exam.exam == Exam(3, 0.991, 1)
        for results in (student.results, exam.results):
            assert (list(results.items), results.total, results.next) == ([Result("foo", 3, 0.991)], 1, None)

    def test_zero_is_a_score_and_zero_is_an_exam(self, store: BlockingStore) -> None:
        store.record([Result("foo", 0, 0.0), Result("foo", 1, 1.0)], repeats=LAST)
        assert store.exam(0, limit=1).exam == Exam(0, 0.0, 1)
        assert store.student("foo", limit=1).student == Student("foo", 0.5, 2)

    def test_an_exam_number_may_be_as_large_as_it_is_allowed(self, store: BlockingStore) -> None:
        numbers = [MAX_EXAM, MAX_EXAM - 1, 2**53 + 1, 2**53]
        store.record([Result("foo", number, 0.5) for number in numbers], repeats=LAST)
        assert [exam.exam for exam in store.exams(limit=10).items] == sorted(numbers)
        assert {result.exam for result in store.student("foo", limit=10).results.items} == set(numbers)

    @pytest.mark.parametrize("one", AWKWARD_IDS)
    def test_an_id_of_any_shape_is_kept_as_it_is(self, store: BlockingStore, one: str) -> None:
        store.record([Result(one, 3, 0.5), Result("other", 3, 0.25)], repeats=LAST)
        store.add(Score(one, 4))
        assert store.student(one, limit=1).student == Student(one, 0.5, 1)
        assert store.inspector(one) == Inspector(one, 1, 4)
        assert {result.student_id for result in store.exam(3, limit=9).results.items} == {one, "other"}
        assert {student.student_id for student in store.students(limit=9).items} == {one, "other"}
        assert [inspector.uuid for inspector in store.inspectors(limit=9).items] == [one]
        assert store.remove(StudentKey(one))
        assert [student.student_id for student in store.students(limit=9).items] == ["other"]

    def test_ids_that_look_alike_are_different(self, store: BlockingStore) -> None:
        ids = ["foo", "Foo", "foo ", "é", "e\u0301", "1", "01", "１"]
        store.record([Result(one, 3, 0.5) for one in ids], repeats=LAST)
        assert store.students(limit=20).total == len(ids)

    # Repeats.

    @pytest.mark.parametrize(
        ("repeats", "kept", "outcomes"),
        [
            (Repeats.LAST, 0.2, [Outcome.REPLACED, Outcome.REPLACED]),
            (Repeats.FIRST, 0.5, [Outcome.KEPT, Outcome.KEPT]),
            (Repeats.MAX, 0.9, [Outcome.REPLACED, Outcome.KEPT]),
            (Repeats.MIN, 0.2, [Outcome.KEPT, Outcome.REPLACED]),
        ],
    )
    def test_a_policy_decides_between_a_score_and_its_repeats(
        self, store: BlockingStore, repeats: Repeats, kept: float, outcomes: list[Outcome]
    ) -> None:
        results = [Result("foo", 3, score) for score in (0.5, 0.9, 0.2)]
        assert store.record(results, repeats=repeats) == [Outcome.NEW, *outcomes]
        assert store.student("foo", limit=1).student == Student("foo", kept, 1)
        assert store.exam(3, limit=1).exam == Exam(3, kept, 1)

    @pytest.mark.parametrize("repeats", Repeats)
    def test_recording_the_same_again_changes_nothing(self, store: BlockingStore, repeats: Repeats) -> None:
        results = [Result("foo", 3, 0.1), Result("bar", 3, 0.2), Result("foo", 4, 0.3)]
        store.record(results, repeats=repeats)
        before = store.exams(limit=9), store.students(limit=9)
        assert store.record(results, repeats=repeats) == [Outcome.REPLACED] * 3
        assert (store.exams(limit=9), store.students(limit=9)) == before

    # Averages.

    def test_an_average_does_not_depend_on_the_order(self, store: BlockingStore) -> None:
        orders = list(permutations([0.1, 0.2, 0.3, 2**-60, 1.0]))
        for exam, scores in enumerate(orders):
            store.record([Result(f"s{score!r}", exam, score) for score in scores], repeats=LAST)
        averages = {exam.average for exam in store.exams(limit=1000).items}
        assert averages == {exact_mean(orders[0])}

    def test_an_average_keeps_what_floats_would_lose(self, store: BlockingStore) -> None:
        scores = [1.0, *[2**-54] * 3]
        store.record([Result(f"s{i}", 3, score) for i, score in enumerate(scores)], repeats=LAST)
        # From Python 3.12 on `sum` compensates for what plain addition loses.
        assert reduce(add, scores) / len(scores) != exact_mean(scores)
        assert store.exam(3, limit=1).exam.average == exact_mean(scores)

    def test_an_average_of_the_smallest_doubles_is_exact(self, store: BlockingStore) -> None:
        scores = [5e-324, 1e-323, 0.0, 2.2250738585072014e-308]
        store.record([Result(f"s{i}", 3, score) for i, score in enumerate(scores)], repeats=LAST)
        assert store.exam(3, limit=1).exam.average == exact_mean(scores)

    @settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_every_average_is_the_oracles(self, store_url: str, data: st.DataObject) -> None:
        results = data.draw(
            st.lists(
                st.builds(
                    Result,
                    st.sampled_from(["foo", "bar", "baz"]),
                    st.sampled_from([0, 3, MAX_EXAM]),
                    st.floats(0, 1).map(lambda score: score + 0.0),
                ),
                min_size=1,
                max_size=40,
            )
        )
        repeats, oracle = data.draw(st.sampled_from(Repeats)), Oracle()
        with open_blocking(store_url) as store:
            for one in {result.student_id for result in results}:
                store.remove(StudentKey(one))
            store.record(results, repeats=repeats)
            for result in results:
                oracle.record(result, repeats)
            for result in results:
                assert store.student(result.student_id, limit=1).student.average == exact_mean(
                    oracle.of_student(result.student_id).values()
                )
                assert store.exam(result.exam, limit=1).exam.average == exact_mean(
                    oracle.of_exam(result.exam).values()
                )

    # Removal.

    def test_a_removed_result_was_never_there(self, store: BlockingStore) -> None:
        store.record([Result("foo", 3, 0.1), Result("bar", 3, 0.2), Result("foo", 4, 0.7)], repeats=LAST)
        assert store.remove(ResultKey("foo", 3)) is True
        assert store.exam(3, limit=9).exam == Exam(3, 0.2, 1)
        assert store.student("foo", limit=9).student == Student("foo", 0.7, 1)
        assert list(store.exam(3, limit=9).results.items) == [Result("bar", 3, 0.2)]
        assert store.remove(ResultKey("foo", 3)) is False

    def test_whoever_has_lost_the_last_result_is_unknown(self, store: BlockingStore) -> None:
        store.record([Result("foo", 3, 0.0)], repeats=LAST)
        store.remove(ResultKey("foo", 3))
        assert store.student("foo", limit=1) is None
        assert store.exam(3, limit=1) is None
        assert store.students(limit=1).total == store.exams(limit=1).total == 0

    def test_a_removed_student_takes_all_results_along(self, store: BlockingStore) -> None:
        store.record([Result("foo", exam, 0.25) for exam in range(10)], repeats=LAST)
        store.record([Result("bar", 3, 0.75)], repeats=LAST)
        assert store.remove(StudentKey("foo")) is True
        assert store.student("foo", limit=1) is None
        assert list(store.exams(limit=99).items) == [Exam(3, 0.75, 1)]

    def test_a_removed_inspector_begins_anew(self, store: BlockingStore) -> None:
        store.add(Score("a1-b1", 5))
        assert store.remove(InspectorKey("a1-b1")) is True
        assert store.inspector("a1-b1") is None
        assert store.inspectors(limit=1).total == 0
        assert store.add(Score("a1-b1", 1)) == Inspector("a1-b1", 1, 1)

    # Inspectors.

    def test_an_inspectors_mean_runs_along(self, store: BlockingStore) -> None:
        assert [store.add(Score("a1-b1", score)).mean for score in (5, 3, 4)] == [5.0, 4.0, 4.0]

    def test_an_inspector_counts_every_score_also_zero_and_equal_ones(self, store: BlockingStore) -> None:
        for score in (0, 0, 5, 5):
            store.add(Score("a1-b1", score))
        assert store.inspector("a1-b1") == Inspector("a1-b1", 4, 10)

    def test_inspectors_and_students_of_one_name_are_strangers(self, store: BlockingStore) -> None:
        store.record([Result("foo", 3, 0.5)], repeats=LAST)
        store.add(Score("foo", 5))
        store.remove(StudentKey("foo"))
        assert store.inspector("foo") == Inspector("foo", 1, 5)

    def test_scores_that_come_at_once_are_each_counted_once(self, store: BlockingStore) -> None:
        answers = store.together(*[lambda one: one.add(Score("a1-b1", 3))] * 100)
        assert sorted(answer.count for answer in answers) == list(range(1, 101))
        assert all(answer.total == 3 * answer.count for answer in answers)

    # Pages.

    @pytest.mark.parametrize("limit", [1, 2, 7, 1000])
    def test_a_walk_gives_every_id_once(self, store: BlockingStore, limit: int) -> None:
        store.record([Result(f"s{i}", i % 13, 0.5) for i in range(50)], repeats=LAST)
        for i in range(50):
            store.add(Score(f"u{i}", 3))
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

    # Everything at once.

    def test_it_does_what_a_dictionary_would(self, store_url: str) -> None:
        check_store(store_url)

    def test_scores_stay_the_doubles_they_were(self, store: BlockingStore) -> None:
        scores = [0.1, 1 / 3, math.nextafter(1.0, 0.0), 5e-324, 0.6519944591580055, 0.0, 1.0]
        store.record([Result("foo", exam, score) for exam, score in enumerate(scores)], repeats=LAST)
        found = {result.exam: result.score for result in store.student("foo", limit=99).results.items}
        assert [found[exam].hex() for exam in range(len(scores))] == [score.hex() for score in scores]
