"""Batches that are sent until they are answered, and writes that count once however often they are sent.

Each batch of writes for a unit has a number, the writer's next one there, and Redis remembers the last
batch of each writer with its answers (write.lua). Rule: a batch whose answer was lost is sent again under
its number; the next one gets its number only when this one was answered or given up. Then its requests
are told that the outcome is unknown, and once the next was sent a copy of it comes too late to count.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

from scores.errors import OutcomeUnknown, StoreError
from scores.stores.redis.driver import Away, Failure
from scores.stores.redis.lanes import Batch, Request
from scores.stores.redis.session import READ, WRITE, Call, Session

__all__ = ["Delivery", "Reader", "Writer"]

MEMORY_SECONDS: Final = 900
"""How long Redis remembers a writer's last batch; nobody sends one again for so long (`Options.timeout`)."""

_PAUSES: Final = (0.001, 0.01, 0.05, 0.1, 0.25)
"""Seconds before each further attempt; the last is for all that follow."""


class _Caller(Protocol):
    changes: bool
    """Whether its calls change anything."""

    def call(self, unit: int, requests: Sequence[Request]) -> Call:
        """The script call that carries the requests to a unit."""
        ...


class Writer:
    """Makes the calls of this process, as Redis knows it, to units whose keys begin with these bases."""

    changes = True

    def __init__(self, bases: Sequence[str]) -> None:
        self.name = secrets.token_hex(8)
        self._bases = bases
        self._numbers = [0] * len(bases)

    def call(self, unit: int, requests: Sequence[Request]) -> Call:
        """The unit's next batch."""
        self._numbers[unit] += 1
        base = self._bases[unit]
        arguments = [part for request in requests for part in request.arguments]
        keys = (f"{base}writer:{self.name}", f"{base}moving", f"{base}events")
        return Call(WRITE, keys, [self._numbers[unit], MEMORY_SECONDS, *arguments])


class Reader:
    """Makes calls that read."""

    changes = False

    def __init__(self, bases: Sequence[str]) -> None:
        self._bases = bases

    def call(self, unit: int, requests: Sequence[Request]) -> Call:
        """A batch of reads."""
        arguments: list[str | bytes | int] = []
        for request in requests:
            name, *rest = request.arguments
            arguments += [name, len(rest), *rest]
        return Call(READ, (f"{self._bases[unit]}moving",), arguments)


@dataclass(slots=True)
class _Unsettled:
    """A batch for one unit, on its way."""

    call: Call
    deadline: float
    lost: bool = False
    """Whether it may have been carried out already."""


class Delivery:
    """Has batches answered, within `patience` seconds."""

    def __init__(
        self,
        session: Session,
        caller: _Caller,
        *,
        route: Callable[[int], str],
        patience: float,
        failed: Callable[[int, str], None],
    ) -> None:
        """`route` names a unit's node; `failed` is told which unit is not answered now, and why."""
        self._session = session
        self._caller = caller
        self._route = route
        self._patience = patience
        self._failed = failed
        self._unsettled: dict[int, _Unsettled] = {}
        self._now = asyncio.get_running_loop().time

    async def send(self, route: str, batch: Batch, apart: bool) -> set[int]:
        """Sends the batch until each of its requests has an answer or an error.

        Leaves out the units whose slots are being moved, unless this one is sent apart from all others.
        """
        try:
            return await self._send(route, batch, apart=apart)
        except BaseException:
            for unit in batch:
                self._unsettled.pop(unit, None)
            raise

    async def _send(self, route: str, batch: Batch, *, apart: bool) -> set[int]:
        for unit, requests in batch.items():
            if requests and unit not in self._unsettled:
                self._unsettled[unit] = self._begin(route, unit, requests)
        left, attempt = {unit for unit in batch if unit in self._unsettled}, 0
        while left:
            waits = [unit for unit in left if self._route(unit) == route] or list(left)
            away = await self._attempt(route, waits, batch)
            left &= self._unsettled.keys()
            if left and not (away or apart):
                return left
            if left:
                await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                attempt += 1
                route = self._route(next(iter(left)))
        return set()

    def _begin(self, route: str, unit: int, requests: Sequence[Request]) -> "_Unsettled":
        # Nobody waits for a Redis that was away a moment ago: one attempt finds out whether it is back.
        patience = 0.0 if self._session.is_away(route) else self._patience
        return _Unsettled(self._caller.call(unit, requests), self._now() + patience)

    async def _attempt(self, route: str, units: Sequence[int], batch: Batch) -> bool:
        """Sends what is unsettled of these units; says whether the node was away."""
        calls = [self._unsettled[unit].call for unit in units]
        replies = await self._session.call(route, calls, replicated=self._caller.changes)
        for unit, reply in zip(units, replies, strict=True):
            unsettled = self._unsettled[unit]
            if isinstance(reply, Failure):
                unsettled.lost |= reply.lost
                if reply.passing and self._now() < unsettled.deadline:
                    continue
                self._give_up(unit, batch[unit], reply.reason, lost=unsettled.lost)
            else:
                _answer(batch[unit], reply)
            del self._unsettled[unit]
        return any(isinstance(reply, Away) for reply in replies)

    def _give_up(self, unit: int, requests: Sequence[Request], reason: str, *, lost: bool) -> None:
        self._failed(unit, reason)
        for request in requests:
            if not request.answer.done():
                request.answer.set_exception(
                    OutcomeUnknown(f"it is not known whether this was recorded: {reason}")
                    if lost and self._caller.changes
                    else StoreError(reason)
                )


def _answer(requests: Sequence[Request], replies: Sequence[Any]) -> None:
    left = iter(replies)
    for request in requests:
        reply = next(left) if request.operations is None else list(islice(left, request.operations))
        if not request.answer.done():
            request.answer.set_result(reply)
