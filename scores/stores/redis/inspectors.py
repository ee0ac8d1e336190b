"""Inspectors: adding to them, looking at one, removing one.

A batch of scores goes to the lanes in one piece for each unit. Rule: the scores of one inspector go out in
their order, and what one of them runs into is its own outcome.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from scores.errors import StoreError, StoreFull
from scores.models import Inspector, InspectorKey, Score
from scores.stores.redis.lanes import MAX_WEIGHT
from scores.stores.redis.layout import ONE, decode_inspector
from scores.stores.redis.traffic import Argument, Traffic

__all__ = ["Inspectors"]

_ADDED_AT_ONCE: Final = MAX_WEIGHT
"""Most scores of a batch that wait at once: no more than one script call takes."""


class Inspectors:
    """The inspectors in one Redis, or in a cluster."""

    def __init__(self, traffic: Traffic, *, queue: int) -> None:
        """`queue` is how many requests may wait at once."""
        self._traffic = traffic
        self._layout = traffic.layout
        self._slice = min(queue, _ADDED_AT_ONCE)

    async def add(self, scores: Sequence[Score]) -> list[Inspector | StoreError]:
        """As `Store.add`; of a large batch, slice by slice."""
        answers: list[Inspector | StoreError] = []
        for at in range(0, len(scores), self._slice):
            answers += await self._add(scores[at : at + self._slice])
        return answers

    async def get(self, uuid: str) -> Inspector | None:
        """As `Store.inspector`."""
        place = self._layout.place(uuid)
        base = self._layout.bases[place.shard]
        packed = await self._traffic.read_shard(place.shard, "inspector", base, place.bucket, uuid)
        return None if packed is None else decode_inspector(uuid, packed)

    async def remove(self, key: InspectorKey) -> bool:
        """As `Store.remove`."""
        place = self._layout.place(key.uuid)
        base = self._layout.bases[place.shard]
        operation = ("remove_inspector", base, place.bucket, key.uuid)
        return bool(await self._traffic.write(place.shard, *operation))

    async def _add(self, scores: Sequence[Score]) -> list[Inspector | StoreError]:
        place, bases, unit_of = self._layout.place, self._layout.bases, self._traffic.unit_of
        pieces: dict[int, tuple[list[int], list[Argument]]] = {}
        for number, (uuid, score) in enumerate(scores):
            shard, bucket = place(uuid)
            piece = pieces.get(unit_of(shard))
            if piece is None:
                piece = pieces[unit_of(shard)] = [], []
            piece[0].append(number)
            piece[1].extend(("add", bases[shard], bucket, uuid, ONE + score))
        outcomes = await asyncio.gather(
            *(
                self._traffic.write_all(unit, arguments, len(numbers))
                for unit, (numbers, arguments) in pieces.items()
            ),
            return_exceptions=True,
        )
        replies: list[Any] = [None] * len(scores)
        for (numbers, _), outcome in zip(pieces.values(), outcomes, strict=True):
            each = [outcome] * len(numbers) if isinstance(outcome, BaseException) else outcome
            for number, reply in zip(numbers, each, strict=True):
                replies[number] = reply
        return [_answer(uuid, reply) for (uuid, _), reply in zip(scores, replies, strict=True)]


def _answer(uuid: str, reply: Any) -> Inspector | StoreError:
    if isinstance(reply, (int, bytes)):
        return decode_inspector(uuid, reply)
    if isinstance(reply, list):
        return _refusal(uuid, reply[1])
    if isinstance(reply, StoreError):
        return reply
    raise reply


def _refusal(uuid: str, reason: bytes) -> StoreError:
    text = reason.decode("utf-8", "replace")
    if "overflow" in text:
        return StoreFull(f"inspector {uuid!r} has as many scores as can be counted")
    return StoreError(f"Redis refused: {text}")
