"""What the writer is asked to do: each says what it has to do with, and then decides.

Rule: what keeps one request from being carried out is its own answer, an error that is returned and not
raised, and none of the others' in its batch.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b, sha1
from typing import Any, Final, Protocol

from scores import exact
from scores.errors import KeyReused, LeaseLost, StoreBusy, StoreError, StoreFull
from scores.marks import Mark, Replayed, no_room, reused
from scores.models import (
    Inspector,
    InspectorKey,
    Lease,
    Outcome,
    Repeats,
    Result,
    ResultKey,
    Score,
    StudentKey,
)
from scores.stores.sqlite.ledger import Ledger
from scores.stores.sqlite.tables import MAX_PACKED, ONE, Feed, Kept
from scores.stores.sqlite.views import results_of_student

__all__ = ["Add", "Ask", "ClearStudent", "Put", "Record", "Remove", "Request"]

CLEARED_AT_ONCE: Final = 500
"""Results of a student that one step removes, so that no commit takes long."""

_new = tuple.__new__


class Request(Protocol):
    """Something to be done, with what else waits, in one transaction."""

    @property
    def weight(self) -> int:
        """How many scores or results it has to do with."""
        ...

    def want(self, ledger: Ledger) -> None:
        """Says which rows it has to do with."""
        ...

    def decide(self, ledger: Ledger) -> Any:
        """Changes these rows, and gives the answer, or the `StoreError` that kept it from doing so."""
        ...


@dataclass(frozen=True, slots=True)
class Add:
    """Scores to be added; the answer has what came of each."""

    scores: Sequence[Score]
    marks: Sequence[Mark | None]

    @property
    def weight(self) -> int:
        return len(self.scores)

    def want(self, ledger: Ledger) -> None:
        want = ledger.inspectors.want
        for uuid, _ in self.scores:
            want(uuid)
        for mark in self.marks:
            if mark is not None:
                ledger.want_mark(_digest(mark.key))

    def decide(self, ledger: Ledger) -> list[Inspector | StoreError]:
        if self.marks:
            return [
                _add(ledger, score) if mark is None else _add_once(ledger, score, mark)
                for score, mark in zip(self.scores, self.marks, strict=True)
            ]
        return [_add(ledger, score) for score in self.scores]


@dataclass(frozen=True, slots=True)
class Record:
    """Results to be recorded; the answer has what came of each."""

    results: Sequence[Result]
    repeats: Repeats
    lease: Lease | None

    @property
    def weight(self) -> int:
        return len(self.results)

    def want(self, ledger: Ledger) -> None:
        if self.lease is not None:
            ledger.feeds.want(_feed_id(self.lease.feed))
        for student, exam, _ in self.results:
            ledger.results.want((student, exam))
            ledger.students.want(student)
            ledger.exams.want(exam)

    def decide(self, ledger: Ledger) -> list[Outcome] | StoreError:
        if self.lease is not None:
            feed = ledger.feeds.now[_feed_id(self.lease.feed)]
            if feed is not None and self.lease.token < feed.token:
                return LeaseLost("another reads the feed by now")
        return [self._record(ledger, result) for result in self.results]

    def _record(self, ledger: Ledger, result: Result) -> Outcome:
        student, exam, score = result
        scores, key = ledger.results.now, (student, exam)
        old = scores[key]
        if old is None:
            scores[key] = score
            ledger.change(student, exam, *exact.parts(score))
            return Outcome.NEW
        if old == score:
            return Outcome.REPLACED
        if self.repeats.keep(old, score) == old:
            return Outcome.KEPT
        scores[key] = score
        _replace(ledger, student, exam, old, exact.parts(score))
        return Outcome.REPLACED


@dataclass(frozen=True, slots=True)
class Remove:
    """A result or an inspector to be removed; the answer is whether it was there."""

    key: ResultKey | InspectorKey

    @property
    def weight(self) -> int:
        return 1

    def want(self, ledger: Ledger) -> None:
        if isinstance(self.key, InspectorKey):
            ledger.inspectors.want(self.key.uuid)
        else:
            ledger.results.want((self.key.student_id, self.key.exam))
            ledger.students.want(self.key.student_id)
            ledger.exams.want(self.key.exam)

    def decide(self, ledger: Ledger) -> bool:
        if isinstance(self.key, InspectorKey):
            known = ledger.inspectors.now[self.key.uuid] is not None
            ledger.inspectors.now[self.key.uuid] = None
            return known
        return _forget(ledger, *self.key)


@dataclass(frozen=True, slots=True)
class ClearStudent:
    """Some results of a student to be removed, as many as one step may; the answer is how many these were.

    What has to be read for it depends on all that came before: the batch is cut before it and after it.
    """

    key: StudentKey
    exams: list[int] = field(default_factory=list)

    @property
    def weight(self) -> int:
        return CLEARED_AT_ONCE

    def want(self, ledger: Ledger) -> None:
        student = self.key.student_id
        ledger.students.want(student)
        self.exams[:] = [
            result.exam
            for result in results_of_student(ledger.connection, student, above=-1, limit=CLEARED_AT_ONCE)
        ]
        for exam in self.exams:
            ledger.results.want((student, exam))
            ledger.exams.want(exam)

    def decide(self, ledger: Ledger) -> int:
        return sum(_forget(ledger, self.key.student_id, exam) for exam in self.exams)


@dataclass(frozen=True, slots=True)
class Put:
    """Inspectors to be put in the place of those of their names; the answer is None."""

    inspectors: Sequence[Inspector]

    @property
    def weight(self) -> int:
        return len(self.inspectors)

    def want(self, ledger: Ledger) -> None:
        for inspector in self.inspectors:
            ledger.inspectors.want(inspector.uuid)

    def decide(self, ledger: Ledger) -> None:
        for uuid, count, total in self.inspectors:
            ledger.inspectors.now[uuid] = count * ONE + total


@dataclass(frozen=True, slots=True)
class Ask:
    """The right to read a feed is asked for; the answer is as `Store.lease`'s."""

    feed: str
    holder: str
    seconds: float
    position: str | None

    @property
    def weight(self) -> int:
        return 1

    def want(self, ledger: Ledger) -> None:
        ledger.feeds.want(_feed_id(self.feed))

    def decide(self, ledger: Ledger) -> Lease | None:
        name = _feed_id(self.feed)
        holder, expires = ledger.granted.get(name) or ledger.holders.get(name) or ("", -math.inf)
        kept = ledger.feeds.now[name] or Feed(0, "")
        now = time.monotonic()
        if holder != self.holder:
            if now < expires:
                return None
            kept = kept._replace(token=kept.token + 1)
        elif self.position is not None:
            kept = kept._replace(position=self.position)
        ledger.feeds.now[name] = kept
        ledger.granted[name] = self.holder, now + self.seconds
        return Lease(self.feed, *kept)


def _add(ledger: Ledger, score: Score) -> Inspector | StoreError:
    uuid, mark = score
    inspectors = ledger.inspectors.now
    packed = (inspectors[uuid] or 0) + ONE + mark
    if packed > MAX_PACKED:
        return StoreFull(f"inspector {uuid!r} has as many scores as can be counted")
    inspectors[uuid] = packed
    return _new(Inspector, (uuid, packed >> 33, packed & (ONE - 1)))


def _add_once(ledger: Ledger, score: Score, mark: Mark) -> Inspector | KeyReused | StoreBusy | StoreError:
    digest = _digest(mark.key)
    known = ledger.marks.now[digest]
    if known is not None and known.over > ledger.clock:
        if known.body != mark.body:
            return reused(mark)
        return _new(Replayed, (score.uuid, known.packed >> 33, known.packed & (ONE - 1)))
    if known is None and ledger.room >= mark.most:
        return no_room(mark)
    added = _add(ledger, score)
    if isinstance(added, Inspector):
        ledger.room += known is None
        # The clock may have been just before its next millisecond.
        over = ledger.clock + math.ceil(mark.seconds * 1000) + 1
        ledger.marks.now[digest] = Kept(over, mark.body, added.count * ONE + added.total)
    return added


def _forget(ledger: Ledger, student: str, exam: int) -> bool:
    old = ledger.results.now[student, exam]
    if old is None:
        return False
    ledger.results.now[student, exam] = None
    _replace(ledger, student, exam, old, (0, 0))
    return True


def _replace(ledger: Ledger, student: str, exam: int, old: float, new: tuple[int, int]) -> None:
    short, rest = exact.parts(old)
    ledger.change(student, exam, new[0] - short, new[1] - rest)


def _digest(key: str) -> bytes:
    return blake2b(key.encode("ascii"), digest_size=16).digest()


def _feed_id(feed: str) -> str:
    return sha1(feed.encode("utf-8"), usedforsecurity=False).hexdigest()[:16]
