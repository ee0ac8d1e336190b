"""The store contract, one fact a test; every store passes all of it, with no case of its own."""

import math
import time
from collections.abc import Iterator
from functools import reduce
from itertools import accumulate, chain, permutations
from operator import add

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scores.errors import LeaseLost
from scores.models import (
    MAX_EXAM,
    MAX_ID_LENGTH,
    Exam,
    Inspector,
    InspectorKey,
    Lease,
    Outcome,
    Repeats,
    Result,
    ResultKey,
    Score,
    Student,
    StudentKey,
)
from scores.testing.blocking import BlockingStore, add_one, open_blocking
from scores.testing.machine import check_store
from scores.testing.marks import MarksContract
from scores.testing.oracle import Oracle, exact_mean
from scores.testing.paging import PagingContract

__all__ = ["StoreContract"]

AWKWARD_IDS = [
    "a/b", "a b", " ", "%2F", "a?b#c", "a+b", "...", "-", "0", "None", "{tag}", "a:b", "*", "[a-z]",
    "é", "e\u0301", "É", "日本", "👩‍🏫", "\u202e", "\ufeff", "x" * MAX_ID_LENGTH, "🎓" * MAX_ID_LENGTH,
]  # fmt: skip

LAST = Repeats.LAST


class StoreContract(PagingContract, MarksContract):
    """Subclass it as `Test…`, with a fixture `store_url`: the URL of an empty store, for each test."""

    @pytest.fixture
    def store(self, store_url: str) -> Iterator[BlockingStore]:
        """The store under test, open and empty."""
        with open_blocking(store_url) as store:
            yield store

    # What it is.

    def test_it_says_whether_several_processes_may_have_it_open(self, store: BlockingStore) -> None:
        assert store.store.shared in (True, False)

    def test_adding_now_is_adding(self, store: BlockingStore) -> None:
        # A store that may have to wait has nothing to compare.
        add = store.store.add_now or store.add_one
        assert add(Score("a1-b1", 5)) == Inspector("a1-b1", 1, 5)
        assert store.add_one(Score("a1-b1", 2)) == Inspector("a1-b1", 2, 7)
        assert add(Score("a1-b1", 0)) == store.inspector("a1-b1") == Inspector("a1-b1", 3, 7)

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
        store.add_one(Score(one, 4))
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

    # Each subclass runs it, on a store of its own: that they are different is no harm.
    @settings(
        deadline=None,
        max_examples=30,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
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
            for one in ("foo", "bar", "baz"):
                # What an earlier example left in a store that outlives its opening.
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
        store.add_one(Score("a1-b1", 5))
        assert store.remove(InspectorKey("a1-b1")) is True
        assert store.inspector("a1-b1") is None
        assert store.inspectors(limit=1).total == 0
        assert store.add_one(Score("a1-b1", 1)) == Inspector("a1-b1", 1, 1)

    # Inspectors.

    def test_an_inspectors_mean_runs_along(self, store: BlockingStore) -> None:
        assert [store.add_one(Score("a1-b1", score)).mean for score in (5, 3, 4)] == [5.0, 4.0, 4.0]

    def test_an_inspector_counts_every_score_also_zero_and_equal_ones(self, store: BlockingStore) -> None:
        for score in (0, 0, 5, 5):
            store.add_one(Score("a1-b1", score))
        assert store.inspector("a1-b1") == Inspector("a1-b1", 4, 10)

    def test_inspectors_and_students_of_one_name_are_strangers(self, store: BlockingStore) -> None:
        store.record([Result("foo", 3, 0.5)], repeats=LAST)
        store.add_one(Score("foo", 5))
        store.remove(StudentKey("foo"))
        assert store.inspector("foo") == Inspector("foo", 1, 5)

    def test_scores_that_come_at_once_are_each_counted_once(self, store: BlockingStore) -> None:
        answers = store.together(*[lambda one: add_one(one, Score("a1-b1", 3))] * 100)
        assert sorted(answer.count for answer in answers) == list(range(1, 101))
        assert all(answer.total == 3 * answer.count for answer in answers)

    # Batches of scores.

    def test_no_scores_are_no_answers(self, store: BlockingStore) -> None:
        assert store.add([]) == []
        assert store.inspectors(limit=1).total == 0

    def test_each_score_of_a_batch_is_answered_as_of_just_after_it(self, store: BlockingStore) -> None:
        store.add_one(Score("a1-b1", 1))
        batch = [Score("a1-b1", 5), Score("foo", 2), Score("a1-b1", 0), Score("foo", 2), Score("a1-b1", 5)]
        assert store.add(batch) == [
            Inspector("a1-b1", 2, 6),
            Inspector("foo", 1, 2),
            Inspector("a1-b1", 3, 6),
            Inspector("foo", 2, 4),
            Inspector("a1-b1", 4, 11),
        ]
        assert store.inspector("a1-b1") == Inspector("a1-b1", 4, 11)
        assert store.inspector("foo") == Inspector("foo", 2, 4)

    def test_a_batch_of_one_inspector_is_added_in_its_order(self, store: BlockingStore) -> None:
        scores = [number * number % 6 for number in range(3000)]
        totals = list(accumulate(scores))
        assert store.add([Score("a1-b1", score) for score in scores]) == [
            Inspector("a1-b1", number + 1, total) for number, total in enumerate(totals)
        ]

    def test_a_batch_may_be_of_any_length(self, store: BlockingStore) -> None:
        batch = [Score(f"u{number % 700}", number % 6) for number in range(5000)]
        oracle: dict[str, list[int]] = {}
        expected = []
        for uuid, score in batch:
            scores = oracle.setdefault(uuid, [])
            scores.append(score)
            expected.append(Inspector(uuid, len(scores), sum(scores)))
        assert store.add(batch) == expected
        assert store.inspectors(limit=1).total == len(oracle)

    def test_batches_that_come_at_once_are_each_counted_once(self, store: BlockingStore) -> None:
        batch = [Score(uuid, 3) for uuid in ("a1-b1", "foo", "a1-b1")] * 100
        answers = store.together(*[lambda one: one.add(batch)] * 5)
        for uuid, count in (("a1-b1", 1000), ("foo", 500)):
            counts = [[one.count for one in answer if one.uuid == uuid] for answer in answers]
            assert sorted(chain.from_iterable(counts)) == list(range(1, count + 1))
            assert all(one == sorted(one) for one in counts)

    # The right to read a feed.

    def test_one_holder_has_a_feed_at_a_time(self, store: BlockingStore) -> None:
        mine = store.lease("http://feed", "me", seconds=60)
        assert mine == Lease("http://feed", mine.token, "")
        assert store.lease("http://feed", "you", seconds=60) is None
        assert store.lease("http://other", "you", seconds=60) is not None
        assert store.lease("http://feed", "me", seconds=60) == mine

    def test_a_feed_that_was_given_back_is_the_next_ones_with_a_higher_token(
        self, store: BlockingStore
    ) -> None:
        mine = store.lease("http://feed", "me", seconds=60)
        store.lease("http://feed", "me", seconds=0)
        yours = store.lease("http://feed", "you", seconds=60)
        assert yours.token > mine.token
        assert store.lease("http://feed", "me", seconds=60) is None

    def test_a_feed_whose_holder_is_silent_becomes_free(self, store: BlockingStore) -> None:
        store.lease("http://feed", "me", seconds=0.05)
        give_up = time.monotonic() + 10
        while store.lease("http://feed", "you", seconds=60) is None:
            assert time.monotonic() < give_up

    def test_a_feeds_position_is_kept_for_the_next_holder(self, store: BlockingStore) -> None:
        store.lease("http://feed", "me", seconds=60)
        store.lease("http://feed", "me", seconds=60, position="17")
        assert store.lease("http://feed", "me", seconds=60).position == "17"
        assert store.lease("http://feed", "you", seconds=60, position="3") is None
        store.lease("http://feed", "me", seconds=0)
        assert store.lease("http://feed", "you", seconds=60).position == "17"

    def test_whoever_was_replaced_does_not_move_the_position_back(self, store: BlockingStore) -> None:
        store.lease("http://feed", "me", seconds=0)
        store.lease("http://feed", "you", seconds=60)
        yours = store.lease("http://feed", "you", seconds=0, position="9")
        mine = store.lease("http://feed", "me", seconds=60, position="6")
        assert (mine.position, mine.token > yours.token) == ("9", True)

    def test_whoever_was_replaced_records_nothing_over_its_successor(self, store: BlockingStore) -> None:
        old = store.lease("http://feed", "me", seconds=0)
        new = store.lease("http://feed", "you", seconds=60)
        store.record([Result("foo", 3, 0.5)], repeats=LAST, lease=new)
        with pytest.raises(LeaseLost):
            store.record([Result("foo", 3, 0.1)], repeats=LAST, lease=old)
        store.record([Result("foo", 4, 0.75)], repeats=LAST, lease=new)
        assert store.student("foo", limit=9).student == Student("foo", 0.625, 2)

    # Everything at once.

    def test_it_does_what_a_dictionary_would(self, store_url: str) -> None:
        check_store(store_url)

    def test_scores_stay_the_doubles_they_were(self, store: BlockingStore) -> None:
        scores = [0.1, 1 / 3, math.nextafter(1.0, 0.0), 5e-324, 0.6519944591580055, 0.0, 1.0]
        store.record([Result("foo", exam, score) for exam, score in enumerate(scores)], repeats=LAST)
        found = {result.exam: result.score for result in store.student("foo", limit=99).results.items}
        assert [found[exam].hex() for exam in range(len(scores))] == [score.hex() for score in scores]
