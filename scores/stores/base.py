"""The `Store` protocol: what everything that keeps scores must do.

Rule: every method is one atomic step (no reader sees half of it), raises `StoreError` when the store
cannot do it now (then nothing has changed), and knows nothing of HTTP; `record` and `add` take batches,
and say how far that holds for theirs. Averages and means are the
doubles nearest to the true ones, after every sequence of calls. Ids and scores come in valid
(`scores.models`). `scores.testing.StoreContract` holds a store to all of this.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from inspect import Parameter, signature
from typing import Protocol

from scores.errors import StoreError
from scores.marks import Mark
from scores.models import (
    Exam,
    ExamReport,
    Inspector,
    Key,
    Lease,
    Outcome,
    Page,
    Repeats,
    Result,
    Score,
    Student,
    StudentReport,
)

__all__ = ["Store", "StoreFactory", "lacking"]


class Store(Protocol):
    """Results, and running means, behind ten asynchronous methods.

    A listing is cut into pages: `limit` (at least 1) items after the position `after`, a string from
    an earlier page's `next`; None begins at the start. A walk that follows `next` until it is None
    gives every item that is there throughout exactly once, whatever is written meanwhile, and a
    page's cost does not grow with what is stored. A string that is no position raises `InvalidQuery`.
    """

    @property
    def shared(self) -> bool:
        """Whether several processes, on one or many machines, may have it open at once; an attribute does."""
        ...

    @property
    def add_now(self) -> Callable[[Score], Inspector] | None:
        """`add` of one score as a plain function, which raises what `add` gives; an attribute does.

        None is always right. Another value promises that no method ever suspends: each may then be run
        to its end in a single step, without a task.
        """
        ...

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None = None
    ) -> list[Outcome]:
        """Records results in their order, and says of each what happened.

        A result whose (student_id, exam) is known replaces the stored one or leaves it, as `repeats`
        says. Each result is atomic in itself (a store over several machines says in which order it is
        seen from its student and from its exam); of a batch that raises `StoreError`, a part may have
        been recorded: recording the batch again is safe. With a lease, raises `LeaseLost` where a later
        holder has recorded already.
        """
        ...

    async def lease(
        self, feed: str, holder: str, *, seconds: float, position: str | None = None
    ) -> Lease | None:
        """Takes, or keeps, the right to read a feed for so many seconds; None while another holder has it.

        `holder` names one reader for as long as it lives. `position`, unless it is None, is kept as the
        feed's last event id if `holder` had the right already, and outlives the lease. No seconds at all
        give the right back.
        """
        ...

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        """Adds each score to its inspector, in their order, and says for each what came of it.

        That is the inspector as of just after this score, or the error that kept this one out and none
        of the others: `StoreFull` when the count cannot grow, `OutcomeUnknown` when it may have been
        added. No `StoreError` is raised. Each score is atomic in itself, never counted twice, never half.

        `marks`, unless empty, has the mark of each score, or None. A score is added and its mark remembered
        in one step, and only a score that is added is remembered. Where the mark's key is known, nothing is
        added: with the same body the answer is a `Replayed`, the inspector as it was answered then, also
        if it has been removed since; with another body it is `KeyReused`. So a score that may have been added
        can be sent again with its mark, by anybody, until the mark's seconds are over. No mark is forgotten
        before: a store that has room for no more answers `StoreBusy`, to new keys only.
        """
        ...

    async def remove(self, key: Key) -> bool:
        """Removes what the key names; False when there was nothing.

        Afterwards everything is as if it had never been recorded: a student or an exam that has lost
        its last result is unknown. A student with very many results may be seen losing them in steps.
        """
        ...

    async def student(
        self, student_id: str, *, exams: Collection[int] = (), after: str | None = None, limit: int
    ) -> StudentReport | None:
        """The student with a page of results, in an order that is stable; None when unknown.

        `exams`, unless empty, narrows the results (and their total) to those exams, never the average.
        """
        ...

    async def exam(
        self, exam: int, *, students: Collection[str] = (), after: str | None = None, limit: int
    ) -> ExamReport | None:
        """The exam with a page of results, in an order that is stable; None when unknown.

        `students`, unless empty, narrows the results (and their total) to those students, never the average.
        """
        ...

    async def inspector(self, uuid: str) -> Inspector | None:
        """The inspector; None when unknown."""
        ...

    async def students(self, *, after: str | None = None, limit: int) -> Page[Student]:
        """A page of all students, in an order that is stable."""
        ...

    async def exams(self, *, after: str | None = None, limit: int) -> Page[Exam]:
        """A page of all exams, by ascending number."""
        ...

    async def inspectors(self, *, after: str | None = None, limit: int) -> Page[Inspector]:
        """A page of all inspectors, in an order that is stable."""
        ...


StoreFactory = Callable[[str], AbstractAsyncContextManager[Store]]
"""Opens a store from its URL and closes it on leaving: what the entry point `scores.stores` names.

Raises `ConfigError` for a URL that is wrong.
"""


def lacking(store: object) -> list[str]:
    """What a store has not that every store has: `add_now`, or `marks=` for an argument of a method.

    So one that was written for an earlier protocol is refused at the start, and not by a request.
    """
    found = []
    for name, member in vars(Store).items():
        if name.startswith("_"):
            continue
        if not hasattr(store, name):
            found.append(name)
        elif callable(member):
            taken = signature(getattr(store, name)).parameters
            named = [
                one for one in signature(member).parameters.values() if one.kind is Parameter.KEYWORD_ONLY
            ]
            if all(one.kind is not Parameter.VAR_KEYWORD for one in taken.values()):
                found += [f"{name}({one.name}=)" for one in named if one.name not in taken]
    return found
