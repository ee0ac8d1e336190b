"""The journal of one process: a store that tells what is recorded through it.

Rule: whoever writes pays for one call, and for one append while somebody follows; all else is done by
whoever does.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

from scores.errors import OutcomeUnknown, StoreError
from scores.marks import Mark
from scores.models import Inspector, Lease, Outcome, Repeats, Result, Score
from scores.stores.base import Store
from scores.stores.journal import Entry, Event
from scores.stores.tallying import Tally, tally_of

__all__ = ["TICK", "LocalJournal", "Published"]

TICK: Final = 0.01
"""Seconds between two looks at what is new: what comes meanwhile goes out together."""


class LocalJournal:
    """What is recorded through this process while somebody follows: the last `history` events."""

    def __init__(self, history: int) -> None:
        self.followed = False
        """Whether anybody wants events."""
        # One more than there may be: if it is full, some may have been pushed out.
        self._new: deque[Event] = deque(maxlen=history + 1)
        self._epoch = _token()
        self._last = 0
        self.append: Callable[[Event], None] = self._new.append
        """Takes an event, in the moment in which it happens."""

    def begin_epoch(self) -> None:
        """Something may have been recorded that nobody is told of."""
        self._epoch, self._last = _token(), 0

    async def follow(self, history: int) -> AsyncGenerator[Sequence[Entry], None]:  # noqa: ARG002  # there is none
        """As `Journal.follow`; one at a time. Nothing is kept of the time when nobody did."""
        self._new.clear()
        self.begin_epoch()
        self.followed = True
        try:
            told = Entry(self._epoch, 0, ())
            yield [told]
            while True:
                await asyncio.sleep(TICK)
                events = self._take()
                if events or self._epoch != told.epoch:
                    told = Entry(self._epoch, self._last, events)
                    yield [told]
                else:
                    yield ()
        finally:
            self.followed = False
            self._new.clear()

    def _take(self) -> Sequence[Event]:
        events = tuple(self._new)
        self._new.clear()
        if len(events) == self._new.maxlen:
            self.begin_epoch()
        self._last += len(events)
        return events


class Published:
    """A store as it was, but for telling a journal what it has recorded."""

    def __init__(self, store: Store, journal: LocalJournal) -> None:
        self._store = store
        self._journal = journal
        self.shared = store.shared
        self.add_now = None if store.add_now is None else _telling(store.add_now, journal)
        self._tally = tally_of(store)
        self.remove = store.remove
        self.lease = store.lease
        self.student = store.student
        self.exam = store.exam
        self.inspector = store.inspector
        self.students = store.students
        self.exams = store.exams
        self.inspectors = store.inspectors

    def __getattr__(self, name: str) -> Any:
        """What the store has besides."""
        return getattr(self._store, name)

    @property
    def tally(self) -> Tally | None:
        """What the store offers, as long as there is nobody who has to be told of each score."""
        return None if self._journal.followed else self._tally

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None = None
    ) -> list[Outcome]:
        """As `Store.record`."""
        try:
            outcomes = await self._store.record(results, repeats=repeats, lease=lease)
        except BaseException:
            # A part of a batch, or what nobody waits for any longer, may have been recorded.
            self._journal.begin_epoch()
            raise
        if not self._journal.followed:
            return outcomes
        append, kept = self._journal.append, Outcome.KEPT
        for result, outcome in zip(results, outcomes, strict=True):
            if outcome is not kept:
                append(result)
        return outcomes

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        """As `Store.add`."""
        try:
            outcomes = await self._store.add(scores, marks=marks)
        except BaseException:
            # What nobody waits for any longer may have been added.
            self._journal.begin_epoch()
            raise
        if self._journal.followed:
            for outcome in outcomes:
                # A score that came again has been told of.
                if type(outcome) is Inspector:
                    self._journal.append(outcome)
                elif type(outcome) is OutcomeUnknown:
                    self._journal.begin_epoch()
        return outcomes


def _telling(add_now: Callable[[Score], Inspector], journal: LocalJournal) -> Callable[[Score], Inspector]:
    append = journal.append

    def add(score: Score) -> Inspector:
        inspector = add_now(score)
        if journal.followed:
            append(inspector)
        return inspector

    return add


def _token() -> str:
    return secrets.token_hex(6)
