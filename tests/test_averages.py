"""A hundred thousand events with repeats, in any order, under every policy: every average to the bit."""

import random
from collections import defaultdict

import pytest

from scores.models import Repeats, Result
from scores.testing import open_blocking
from scores.testing.oracle import Oracle, exact_mean

EVENTS = 100_000


def random_events(rng: random.Random) -> list[Result]:
    """About every second event repeats an earlier student and exam; scores of all magnitudes."""
    return [
        Result(
            f"s{rng.randrange(500)}",
            rng.randrange(100),
            rng.choice([rng.random(), rng.random() * 2.0 ** -rng.randrange(1074), 0.1, 1.0, 0.0]),
        )
        for _ in range(EVENTS)
    ]


@pytest.mark.parametrize("repeats", Repeats)
@pytest.mark.parametrize("url", ["dict", "sharded"])
def test_every_average_of_100_000_events_is_the_oracles_to_the_bit(url: str, repeats: Repeats) -> None:
    events, oracle = random_events(random.Random(f"{repeats}")), Oracle()
    for event in events:
        oracle.record(event, repeats)
    by_student, by_exam = defaultdict(list), defaultdict(list)
    for (student, exam), score in oracle.results.items():
        by_student[student].append(score)
        by_exam[exam].append(score)
    with open_blocking(url) as store:
        for start in range(0, EVENTS, 1000):
            store.record(events[start : start + 1000], repeats=repeats)
        students, exams = store.students(limit=1000), store.exams(limit=1000)
    assert {one.student_id: one.average.hex() for one in students.items} == {
        student: exact_mean(scores).hex() for student, scores in by_student.items()
    }
    assert {one.exam: one.average.hex() for one in exams.items} == {
        exam: exact_mean(scores).hex() for exam, scores in by_exam.items()
    }


def test_every_average_is_the_same_in_any_order() -> None:
    rng = random.Random(1)
    # Under `max` the order of arrival decides nothing at all.
    events = random_events(rng)
    averages = []
    for url in ("dict", "sharded"):
        rng.shuffle(events)
        with open_blocking(url) as store:
            store.record(events, repeats=Repeats.MAX)
            averages.append([one.average.hex() for one in store.exams(limit=1000).items])
    assert averages[0] == averages[1]
