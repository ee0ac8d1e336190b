"""A walk over every result that is stored, exam by exam, a page at a time.

Rule: a step is bounded, by what it reads and by how often it asks the store; where the walk stands is a
`Place`, from which another can go on.
"""

from collections import deque
from typing import Final

from scores.errors import InvalidQuery
from scores.live.frames import Place
from scores.models import ExamReport, Result
from scores.stores.base import Store

__all__ = ["Walk"]

_ENOUGH: Final = 200
"""Results that a step is content with."""
_READS: Final = 20
"""Exams that a step looks at, at most."""
_EXAMS: Final = 1000


class Walk:
    """One walk, in which every result comes that is stored from its beginning to its end."""

    def __init__(self, store: Store, place: Place) -> None:
        self.place = place
        self._store = store
        self._exams: deque[int] = deque()
        self._next: str | None = None
        self._listed = False

    async def step(self) -> list[Result] | None:
        """The next results, at times none; None when there are no more. Raises `StoreError`."""
        results: list[Result] = []
        for _ in range(_READS):
            exam = self.place.exam if self.place.after is not None else await self._next_exam()
            if exam is None:
                return results or None
            report = await self._read(exam)
            after = None if report is None else report.results.next
            # With all of an exam, the walk is before the next one.
            self.place = Place(exam + 1) if after is None else Place(exam, after)
            if report is not None:
                results += report.results.items
            if len(results) >= _ENOUGH:
                break
        return results

    async def _read(self, exam: int) -> ExamReport | None:
        try:
            return await self._store.exam(exam, after=self.place.after, limit=_ENOUGH)
        except InvalidQuery:
            # The place was handed in, and the store knows no such position.
            return await self._store.exam(exam, limit=_ENOUGH)

    async def _next_exam(self) -> int | None:
        """The first exam from the place on; None when there is none."""
        while True:
            while self._exams:
                if (exam := self._exams.popleft()) >= self.place.exam:
                    return exam
            if self._listed:
                return None
            page = await self._store.exams(after=self._next, limit=_EXAMS)
            self._exams.extend(exam.exam for exam in page.items)
            self._next, self._listed = page.next, page.next is None
