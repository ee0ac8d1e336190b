"""Where pages of a store in a file begin and end: positions, limits, and what a report is narrowed to."""

import pytest

from scores.errors import InvalidQuery
from scores.models import MAX_EXAM, Repeats, Result
from scores.testing import open_blocking


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", "\u0661", "1" * 20])
def test_what_is_no_position_is_refused(store_url: str, text: str) -> None:
    with open_blocking(store_url) as store, pytest.raises(InvalidQuery, match="after"):
        store.exams(after=text, limit=9)


def test_a_page_goes_on_above_its_position(store_url: str) -> None:
    with open_blocking(store_url) as store:
        store.record([Result("foo", exam, 0.5) for exam in (9, 10, MAX_EXAM)], repeats=Repeats.LAST)
        for after, expected in (
            (None, [9, 10, MAX_EXAM]),
            ("0", [9, 10, MAX_EXAM]),
            ("9", [10, MAX_EXAM]),
            (str(MAX_EXAM - 1), [MAX_EXAM]),
            (str(MAX_EXAM), []),
            ("9" * 19, []),
        ):
            assert [one.exam for one in store.exams(after=after, limit=9).items] == expected
        assert store.exams(limit=3).next is None


def test_a_report_has_as_many_results_as_were_asked_for(store_url: str) -> None:
    with open_blocking(store_url) as store:
        store.record([Result(name, exam, 0.5) for name in "abcde" for exam in range(5)], repeats=Repeats.LAST)
        of_student, of_exam = store.student("b", limit=2).results, store.exam(3, limit=2).results
        assert [one.exam for one in of_student.items] == [0, 1]
        assert [one.student_id for one in of_exam.items] == ["a", "b"]
        assert (of_student.total, of_student.next, of_exam.total, of_exam.next) == (5, "1", 5, "b")


def test_a_report_can_be_narrowed(store_url: str) -> None:
    with open_blocking(store_url) as store:
        store.record([Result(name, exam, 0.5) for name in "abcde" for exam in range(5)], repeats=Repeats.LAST)
        of_student = store.student("b", limit=9, exams=[4, 1, 7]).results
        of_exam = store.exam(3, limit=9, students=["e", "c", "x"]).results
        assert [one.exam for one in of_student.items] == [1, 4]
        assert [one.student_id for one in of_exam.items] == ["c", "e"]
