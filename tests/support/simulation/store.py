"""A store on the far side of a network that fails by seed, and what it must never be told.

Rule: what was sent arrives whatever becomes of who sent it, now or a while later, or never; the answer likewise.
What arrives is carried out by a real store, at once and as a whole.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

from scores.errors import LeaseLost, OutcomeUnknown, StoreError
from scores.models import Lease, Outcome, Repeats, Result
from scores.stores.embedded import EmbeddedStore
from support.simulation.plan import SLOWEST, Plan

__all__ = ["Far", "Recorded"]

T = TypeVar("T")


class Recorded:
    """The store itself, which knows the events that it must have."""

    def __init__(self, plan: Plan, wrong: Callable[[str], None], trace: Callable[..., None]) -> None:
        """`wrong` is told of what may not be."""
        self.store = EmbeddedStore(dict)
        self.holder = ""
        """Whose turn it is, or was last."""
        self.position = ""
        self.last = 0
        """Every event up to this number is recorded."""
        self.struck = 0
        """How many calls were late, lost or refused."""
        self.numbers: set[int] = set()
        self.moved: Callable[[], None] = lambda: None
        self._of = {event.result: event.number for event in plan.events}
        self._ids = {event.id: event.number for event in plan.events}
        self._wrong = wrong
        self._trace = trace

    def number(self, position: str) -> int:
        """The number of the event that the position is after."""
        return self._ids[position] if position else 0

    def record(self, results: Sequence[Result], holder: str, **options: Any) -> list[Outcome]:
        """As `Store.record`, by that reader."""
        outcomes = now(self.store.record(results, **options))
        if holder != self.holder:
            self._wrong("recorded by a reader that had lost its turn")
        found = [self._of.get(result, 0) for result in results]
        if not all(found):
            self._wrong(f"recorded what the feed never said: {results}")
        self.numbers.update(found)
        while self.last + 1 in self.numbers:
            self.last += 1
        self._trace("recorded", *found)
        self.moved()
        return outcomes

    def lease(self, feed: str, holder: str, **options: Any) -> Lease | None:
        """As `Store.lease`."""
        lease = now(self.store.lease(feed, holder, **options))
        if lease is not None:
            self.holder = holder
        if lease is not None and lease.position != self.position:
            self.position = lease.position
            if (number := self.number(self.position)) > self.last:
                self._wrong(f"position {number}, while event {self.last + 1} is not in the store")
            self._trace("position", number)
            self.moved()
        return lease


class Far:
    """The way of one server to the store, with the two methods that a feed's client asks."""

    shared = True
    add_now = None

    def __init__(self, recorded: Recorded, plan: Plan, random: Random, away: Callable[[], bool]) -> None:
        """`away` says whether the store cannot be reached now."""
        self.recorded = recorded
        self.dead = False
        """Whether its server was killed: nothing leaves it any more."""
        self.asking = 0
        """Calls that are not answered yet."""
        self.troubled = False
        """Whether a write has failed, and none has succeeded since."""
        self.lost_at = -1.0
        """When its server was last told that it is another's turn, or has been meanwhile."""
        self._token, self._holder = 0, ""
        self._plan = plan
        self._random = random
        self._away = away

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None = None
    ) -> list[Outcome]:
        """As `Store.record`."""
        return await self._write(
            lambda: self.recorded.record(results, self._holder, repeats=repeats, lease=lease)
        )

    async def lease(
        self, feed: str, holder: str, *, seconds: float, position: str | None = None
    ) -> Lease | None:
        """As `Store.lease`."""

        self._holder = holder

        def ask() -> Lease | None:
            return self.recorded.lease(feed, holder, seconds=seconds, position=position)

        lease = await (self._ask(ask) if position is None else self._write(ask))
        token = 0 if lease is None else lease.token
        if token != self._token:
            self.lost_at, self._token = asyncio.get_running_loop().time(), token
        return lease

    async def _write(self, effect: Callable[[], T]) -> T:
        try:
            answer = await self._ask(effect)
        except LeaseLost:
            self.lost_at, self.troubled = asyncio.get_running_loop().time(), False
            raise
        except StoreError:
            self.troubled = True
            raise
        self.troubled = False
        return answer

    async def _ask(self, effect: Callable[[], T]) -> T:
        there, back, verdict = self._fate()
        if not (there or back or verdict):
            return effect()
        self.recorded.struck += 1
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def arrive() -> None:
            try:
                if verdict in ("refused", "lost there"):
                    raise StoreError("away") if verdict == "refused" else OutcomeUnknown("lost")
                found = effect()
            except StoreError as exc:
                loop.call_later(back, tell, exc)
            else:
                loop.call_later(back, tell, OutcomeUnknown("lost") if verdict == "lost back" else found)

        def tell(found: T | StoreError) -> None:
            if answer.done():
                return
            if isinstance(found, StoreError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        loop.call_later(there, arrive)
        self.asking += 1
        try:
            return await answer
        finally:
            self.asking -= 1

    def _fate(self) -> tuple[float, float, str]:
        """How long the call is on its way there and back, and what becomes of it."""
        if self.dead:
            return 0.0, 0.01, "refused"
        if self._away():
            return 0.0, self._random.choice((0.01, SLOWEST)), self._random.choice(("refused", "lost there"))
        faults = self._plan.faults
        if asyncio.get_running_loop().time() >= self._plan.calm or not self._random.randrange(2):
            return 0.0, 0.0, ""
        there = back = 0.0
        if "slow" in faults:
            there, back = self._random.choice((0.0, 0.02, SLOWEST)), self._random.choice((0.0, 0.02, SLOWEST))
        if "unknown" in faults and not self._random.randrange(3):
            return there, back + 0.01, self._random.choice(("lost there", "lost back"))
        if "refused" in faults and not self._random.randrange(3):
            return there, back + 0.01, "refused"
        return there, back, ""


def now(call: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that never suspends comes to."""
    try:
        call.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("an embedded store does not suspend")
