"""Batches that are sent until they are answered, and writes that count once however often they are sent.

Each batch of writes for a unit has a number, the writer's next one there, and Redis remembers the last
batch of each writer with its answers (write.lua). Rule: a batch whose answer was lost is sent again under
its number; the next one gets its number only when this one was answered or given up. Then its requests
are told that the outcome is unknown, and a copy that is still on its way comes too late to count.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from scores.errors import OutcomeUnknown, StoreError
from scores.stores.redis.driver import Failure
from scores.stores.redis.lanes import Batch, Request
from scores.stores.redis.session import READ, WRITE, Call, Session

__all__ = ["Delivery", "Reader", "Writer"]

MEMORY_SECONDS: Final = 900
"""How long Redis remembers a writer's last batch: a copy that comes later than that would count again."""

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
        keys = (f"{base}writer:{self.name}", f"{base}moving")
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

    async def send(self, route: str, batch: Batch) -> None:
        """Sends the batch until each of its requests has an answer or an error."""
        unsettled = {unit: self._caller.call(unit, requests) for unit, requests in batch.items() if requests}
        lost: set[int] = set()
        now = asyncio.get_running_loop().time
        # Nobody waits for a Redis that was away a moment ago: one attempt finds out whether it is back.
        deadline, attempt = now() + (0.0 if self._session.is_away(route) else self._patience), 0
        while unsettled:
            replies = await self._session.call(
                route, list(unsettled.values()), replicated=self._caller.changes
            )
            for unit, reply in zip(list(unsettled), replies, strict=True):
                if isinstance(reply, Failure):
                    if reply.lost:
                        lost.add(unit)
                    if reply.passing and now() < deadline:
                        continue
                    self._give_up(unit, batch[unit], reply.reason, lost=unit in lost)
                else:
                    _answer(batch[unit], reply)
                del unsettled[unit]
            if unsettled:
                await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                attempt += 1
                route = self._route(next(iter(unsettled)))

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
    for request, reply in zip(requests, replies, strict=True):
        if not request.answer.done():
            request.answer.set_result(reply)
