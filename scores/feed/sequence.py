"""The exam results that the simulated feed announces, as one endless series.

Rule: the series is a function of its seed. An event is found by its number or its id at the same cost
wherever it is, as an exam is made without the ones before it; there is no state and no I/O.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count, islice
from random import Random
from typing import Final, NamedTuple
from zlib import crc32

from scores.errors import ConfigError, NotFound
from scores.feed.names import FIRST_NAMES, LAST_NAMES

__all__ = ["MAX_STUDENTS", "MIN_STUDENTS", "Announcement", "ExamSeries"]

_EXAM_SIZE: Final = 20
_SPREAD: Final = 5

MIN_STUDENTS: Final = _EXAM_SIZE + _SPREAD
"""The largest exam: its students are all different."""
MAX_STUDENTS: Final = 1_000_000

# Eighteen digits stay below the largest exam number, 2^63-1.
_ID = re.compile("(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]?)")


class Announcement(NamedTuple):
    """One result as the feed announces it."""

    id: str
    """`{exam}-{index}`, the index counted from 0 within the exam."""
    data: str
    """The JSON of the result, in the original feed's key order and without spaces."""


@dataclass(frozen=True, slots=True)
class ExamSeries:
    """Exams in ascending order, each with 15 to 25 different students; events are numbered from 0.

    Raises `ConfigError` unless there are `MIN_STUDENTS` to `MAX_STUDENTS` students.
    """

    seed: int = 0
    students: int = 200
    first_exam: int = 11538
    pool: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The student ids, all different."""

    def __post_init__(self) -> None:
        if not MIN_STUDENTS <= self.students <= MAX_STUDENTS:
            raise ConfigError(
                f"students={self.students} is not allowed:"
                f" it must be an integer from {MIN_STUDENTS} to {MAX_STUDENTS}"
            )
        object.__setattr__(self, "pool", _pool(self.seed, self.students))

    def since(self, number: int) -> Iterator[Announcement]:
        """The events from that number on, without end."""
        exam = self._exam_of(number)
        events = chain.from_iterable(map(self._announcements, count(exam)))
        return islice(events, number - self._start(exam), None)

    def after(self, event_id: str) -> Iterator[Announcement]:
        """The events that follow the one with that id, without end; `NotFound` if none has it."""
        number = self.number(event_id)
        if number is None:
            raise NotFound(f"{event_id!r} is not the id of an event of this series")
        return self.since(number + 1)

    def number(self, event_id: str) -> int | None:
        """The number of the event with that id, None if no event of this series has it."""
        match = _ID.fullmatch(event_id)
        if match is None:
            return None
        exam, index = map(int, match.groups())
        if exam < self.first_exam or index >= self._size(exam):
            return None
        return self._start(exam) + index

    def _exam_of(self, number: int) -> int:
        # An exam starts less than _SPREAD events from where it would if all were of one size.
        exam = self.first_exam + number // _EXAM_SIZE
        if number < self._start(exam):
            return exam - 1
        return exam if number < self._start(exam + 1) else exam + 1

    def _start(self, exam: int) -> int:
        """The number of an exam's first event; sizes average to `_EXAM_SIZE`, so that no sum is needed."""
        return (exam - self.first_exam) * _EXAM_SIZE + self._shift(exam) - self._shift(self.first_exam)

    def _size(self, exam: int) -> int:
        return _EXAM_SIZE + self._shift(exam + 1) - self._shift(exam)

    def _shift(self, exam: int) -> int:
        return crc32(f"{self.seed}/{exam}".encode()) % (_SPREAD + 1)

    def _announcements(self, exam: int) -> list[Announcement]:
        score = Random(f"{self.seed}/{exam}").random  # noqa: S311  # a rehearsal must be repeatable
        rest = f'","exam":{exam},"score":'
        return [
            # Half the time of Announcement(...), which passes through a Python function.
            tuple.__new__(Announcement, (f"{exam}-{index}", f'{{"studentId":"{student}{rest}{score()!r}}}'))
            for index, student in enumerate(self._students(score, self._size(exam)))
        ]

    def _students(self, random: Callable[[], float], size: int) -> Iterable[str]:
        """That many different ones; `Random.sample` takes twice the time."""
        pool, students = self.pool, self.students
        drawn: dict[str, None] = {}
        while len(drawn) < size:
            drawn[pool[int(random() * students)]] = None
        return drawn


def _pool(seed: int, students: int) -> tuple[str, ...]:
    random = Random(f"{seed}/students")  # noqa: S311  # a rehearsal must be repeatable
    numbers = max(100, students // 10)
    pool: set[str] = set()
    ids: list[str] = []
    while len(ids) < students:
        student = _student_id(random, numbers)
        if student not in pool:
            pool.add(student)
            ids.append(student)
    return tuple(ids)


def _student_id(random: Random, numbers: int) -> str:
    first, last, number = random.choice(FIRST_NAMES), random.choice(LAST_NAMES), random.randrange(numbers)
    plain = f"{first}{number}"
    return random.choices(
        (plain, f"{first}.{last}{number}", f"{first}_{last}", f"{first}_{number}"), (12, 3, 1, 2)
    )[0]
