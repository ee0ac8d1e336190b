"""The series of results that the simulated feed announces."""

import json
import re
from itertools import groupby, islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.errors import ConfigError, NotFound
from scores.feed.names import FIRST_NAMES, LAST_NAMES
from scores.feed.sequence import MAX_STUDENTS, MIN_STUDENTS, Announcement, ExamSeries

seeds = st.integers(-5, 2**70)
SOME = list(islice(ExamSeries().since(0), 5000))


def members(event: Announcement) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(event.data)
    return data


def exams(events: list[Announcement]) -> list[list[dict[str, Any]]]:
    """The whole exams among the events."""
    groups = groupby(map(members, events), key=lambda data: data["exam"])
    return [list(group) for _, group in groups][:-1]


def test_an_event_is_written_as_the_original_feed_writes_it() -> None:
    form = re.compile(r'\{"studentId":"[A-Za-z]+[._]?[A-Za-z]*[0-9]*","exam":[0-9]+,"score":[0-9.e-]+\}')
    assert all(form.fullmatch(event.data) for event in SOME)


def test_a_score_is_written_as_the_shortest_text_of_its_double() -> None:
    for event in SOME:
        assert event.data.endswith(f'"score":{members(event)["score"]!r}}}')


def test_scores_are_from_0_to_below_1() -> None:
    assert all(0 <= members(event)["score"] < 1 for event in SOME)


def test_scores_have_full_precision() -> None:
    assert len({members(event)["score"] for event in SOME}) == len(SOME)


def test_exams_count_up_from_the_first() -> None:
    numbers = [exam[0]["exam"] for exam in exams(list(islice(ExamSeries(first_exam=7).since(0), 1000)))]
    assert numbers == list(range(7, 7 + len(numbers)))


def test_exams_have_15_to_25_students() -> None:
    assert {len(exam) for exam in exams(SOME)} == set(range(15, 26))


def test_exams_have_20_students_on_average() -> None:
    sizes = [len(exam) for exam in exams(SOME)]
    assert abs(sum(sizes) - 20 * len(sizes)) <= 5


@pytest.mark.parametrize("students", [MIN_STUDENTS, 200])
def test_the_students_of_an_exam_are_all_different(students: int) -> None:
    for exam in exams(list(islice(ExamSeries(students=students).since(0), 1000))):
        assert len({data["studentId"] for data in exam}) == len(exam)


def test_every_student_takes_part() -> None:
    series = ExamSeries()
    assert {members(event)["studentId"] for event in SOME} == set(series.pool)


@pytest.mark.parametrize("students", [MIN_STUDENTS, 200, 30_000])
def test_the_student_ids_are_all_different(students: int) -> None:
    assert len(set(ExamSeries(students=students).pool)) == students


@pytest.mark.parametrize("students", [MIN_STUDENTS - 1, MAX_STUDENTS + 1])
def test_a_number_of_students_out_of_range_is_refused(students: int) -> None:
    with pytest.raises(ConfigError, match=f"^students={students} is not allowed: .* from 25 to 1000000$"):
        ExamSeries(students=students)


def test_the_same_seed_gives_the_same_series() -> None:
    assert list(islice(ExamSeries(seed=0).since(0), 5000)) == SOME


def test_another_seed_gives_another_series() -> None:
    assert members(next(ExamSeries(seed=1).since(0)))["score"] != members(SOME[0])["score"]


def test_the_series_does_not_change_between_versions() -> None:
    assert SOME[0] == (
        "11538-0",
        '{"studentId":"Lara.Tanaka29","exam":11538,"score":0.22870659947525507}',
    )


def test_an_id_is_the_exam_and_the_index_within_it() -> None:
    ids = [f"{exam[0]['exam']}-{index}" for exam in exams(SOME) for index in range(len(exam))]
    assert [event.id for event in SOME][: len(ids)] == ids


@given(seed=seeds, number=st.integers(0, 2**59))
def test_an_event_is_found_again_by_its_id(seed: int, number: int) -> None:
    series = ExamSeries(seed=seed, students=MIN_STUDENTS)
    assert series.number(next(series.since(number)).id) == number


def test_the_series_is_the_same_from_any_event_on() -> None:
    series = ExamSeries()
    for number in range(200):
        assert list(islice(series.since(number), 50)) == SOME[number : number + 50]


def test_after_an_id_comes_the_next_event() -> None:
    series = ExamSeries()
    assert [next(series.after(event.id)) for event in SOME[:200]] == SOME[1:201]


NO_INTEGERS = ["", "x", "11538", "11538-", "-1", "011538-0", "11538-00", "11538-+1", " 11538-0", "11538-0\n"]
NOT_ASCII = "\u0661-\u0661"
OUT_OF_RANGE = ["11537-0", "11538-22", "11538-100", "9999999999999999999-0"]


@pytest.mark.parametrize("text", [*NO_INTEGERS, NOT_ASCII, *OUT_OF_RANGE])
def test_another_text_is_no_id_of_the_series(text: str) -> None:
    assert ExamSeries().number(text) is None


def test_after_an_id_that_is_not_of_the_series_comes_nothing() -> None:
    with pytest.raises(NotFound, match="'nowhere' is not the id"):
        ExamSeries().after("nowhere")


def test_names_are_plain_and_different() -> None:
    names = FIRST_NAMES + LAST_NAMES
    assert all(name.isascii() and name.isalpha() for name in names)
    assert len(set(FIRST_NAMES)) == len(FIRST_NAMES)
    assert len(set(LAST_NAMES)) == len(LAST_NAMES)
