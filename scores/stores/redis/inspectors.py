"""Inspectors: adding to them, looking at one, removing one.

A batch of scores goes to the lanes in one piece for each unit. One with a mark is added and remembered by one
operation; in a cluster that is in the inspector's slot, and another body may name another inspector, so the
key is claimed for its body first, in the key's own slot: that counts nothing, and may be done again. Rule:
the scores of one inspector go out in their order, and what one of them runs into is its own outcome.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import Any, Final

import orjson

from scores.errors import OutcomeUnknown, StoreError, StoreFull
from scores.marks import Mark, Replayed, reused
from scores.models import Inspector, InspectorKey, Score
from scores.stores.redis.lanes import MAX_WEIGHT
from scores.stores.redis.layout import ONE, decode_inspector, decode_inspectors
from scores.stores.redis.traffic import Argument, Traffic

__all__ = ["Inspectors"]

_ADDED_AT_ONCE: Final = MAX_WEIGHT
"""Most scores of a batch that wait at once: no more than one script call takes."""

_Operation = tuple[int, int, tuple[Argument, ...]]
"""A score's number in its batch, the shard, and what write.lua is asked there."""


class Inspectors:
    """The inspectors in one Redis, or in a cluster."""

    def __init__(self, traffic: Traffic, *, queue: int) -> None:
        """`queue` is how many requests may wait at once."""
        self._traffic = traffic
        self._layout = traffic.layout
        self._slice = min(queue, _ADDED_AT_ONCE)

    async def add(
        self, scores: Sequence[Score], marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        """As `Store.add`; of a large batch, slice by slice."""
        answers: list[Inspector | StoreError] = []
        for at in range(0, len(scores), self._slice):
            end = at + self._slice
            answers += await self._add(scores[at:end], marks[at:end])
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

    async def restore(self, inspectors: Sequence[Inspector]) -> None:
        """As `Restoring.restore`, slice by slice."""
        for at in range(0, len(inspectors), self._slice):
            some = inspectors[at : at + self._slice]
            replies: list[Any] = [None] * len(some)
            await self._send(self._restorations(some), replies)
            for inspector, reply in zip(some, replies, strict=True):
                if isinstance(reply, BaseException):
                    raise reply
                if isinstance(reply, list):
                    raise _refusal(inspector.uuid, reply[1])

    def _restorations(self, inspectors: Sequence[Inspector]) -> Iterator[_Operation]:
        for number, (uuid, count, total) in enumerate(inspectors):
            shard, bucket = self._layout.place(uuid)
            yield number, shard, ("restore", self._layout.bases[shard], bucket, uuid, count * ONE + total)

    async def _add(
        self, scores: Sequence[Score], marks: Sequence[Mark | None]
    ) -> Sequence[Inspector | StoreError]:
        if not any(marks):
            return await self._add_all(scores)
        replies: list[Any] = [None] * len(scores)
        if self._traffic.clustered:
            await self._claim(marks, replies)
        await self._send(self._additions_once(scores, marks, replies), replies)
        return [
            _answer(uuid, mark, reply) for (uuid, _), mark, reply in zip(scores, marks, replies, strict=True)
        ]

    async def _add_all(self, scores: Sequence[Score]) -> Sequence[Inspector | StoreError]:
        uuids, marks = zip(*scores, strict=True)
        places = [*map(self._layout.hash_of, uuids)]
        if self._traffic.clustered:
            replies: Sequence[Any] = await self._add_by_shard(places, uuids, marks)
        else:
            try:
                replies = await self._ask(0, [key for _, key in places], uuids, marks)
            except StoreError as exc:
                replies = [exc] * len(uuids)
        if {*map(type, replies)} == {int}:
            return decode_inspectors(uuids, replies)
        return [_answer(uuid, None, reply) for uuid, reply in zip(uuids, replies, strict=True)]

    async def _add_by_shard(
        self, places: Sequence[tuple[int, str]], uuids: Sequence[str], marks: Sequence[int]
    ) -> Sequence[Any]:
        pieces: dict[int, list[int]] = {}
        for number, (shard, _) in enumerate(places):
            pieces.setdefault(shard, []).append(number)
        asked = [
            self._ask(
                self._traffic.unit_of(shard),
                [places[number][1] for number in numbers],
                [uuids[number] for number in numbers],
                [marks[number] for number in numbers],
            )
            for shard, numbers in pieces.items()
        ]
        replies: list[Any] = [None] * len(places)
        await _settle(asked, pieces.values(), replies)
        return replies

    def _ask(
        self, unit: int, keys: Sequence[str], uuids: Sequence[str], marks: Sequence[int]
    ) -> Awaitable[list[Any]]:
        """What a unit answers to these additions."""
        if len(keys) == 1:
            return self._traffic.write_all(unit, ("add", keys[0], uuids[0], ONE + marks[0]), 1)
        arguments = ("add_all", orjson.dumps(keys), orjson.dumps(uuids), bytes(marks))
        return self._traffic.write_all(unit, arguments, len(keys))

    def _additions(self, scores: Sequence[Score]) -> Iterator[_Operation]:
        for number, (uuid, score) in enumerate(scores):
            shard, key = self._layout.hash_of(uuid)
            yield number, shard, ("add", key, uuid, ONE + score)

    async def _claim(self, marks: Sequence[Mark | None], replies: list[Any]) -> None:
        await self._send(self._claims(marks), replies)
        for number, reply in enumerate(replies):
            if isinstance(reply, OutcomeUnknown):
                # A claim counts nothing.
                replies[number] = StoreError("Redis went away before the score was sent to it")

    def _claims(self, marks: Sequence[Mark | None]) -> Iterator[_Operation]:
        for number, mark in enumerate(marks):
            if mark is not None:
                shard, base = self._layout.home(mark.key)
                yield number, shard, ("claim", base, *_remembered(mark))

    def _additions_once(
        self, scores: Sequence[Score], marks: Sequence[Mark | None], claims: Sequence[Any]
    ) -> Iterator[_Operation]:
        """Additions with their marks, but of what a claim has settled already."""
        for (number, shard, addition), mark in zip(self._additions(scores), marks, strict=True):
            if mark is None:
                yield number, shard, addition
            elif claims[number] in (None, b"claimed"):
                # A script call is in one slot of a cluster; on one server the key says where its mark is.
                home = (
                    self._layout.bases[shard] if self._traffic.clustered else self._layout.home(mark.key)[1]
                )
                yield number, shard, ("add_once", *addition[1:], home, *_remembered(mark))

    async def _send(self, operations: Iterable[_Operation], replies: list[Any]) -> None:
        """Puts in its place what each of these operations is answered, or the error that it ends in."""
        unit_of = self._traffic.unit_of
        pieces: dict[int, tuple[list[int], list[Argument]]] = {}
        for number, shard, arguments in operations:
            piece = pieces.get(unit_of(shard))
            if piece is None:
                piece = pieces[unit_of(shard)] = [], []
            piece[0].append(number)
            piece[1].extend(arguments)
        asked = [
            self._traffic.write_all(unit, arguments, len(numbers))
            for unit, (numbers, arguments) in pieces.items()
        ]
        await _settle(asked, [numbers for numbers, _ in pieces.values()], replies)


async def _settle(
    asked: Iterable[Awaitable[list[Any]]], numbers: Iterable[Sequence[int]], replies: list[Any]
) -> None:
    """Puts what is answered at these numbers, or the error that all of them end in."""
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    for some, outcome in zip(numbers, outcomes, strict=True):
        each = [outcome] * len(some) if isinstance(outcome, BaseException) else outcome
        for number, reply in zip(some, each, strict=True):
            replies[number] = reply


def _remembered(mark: Mark) -> tuple[str, bytes, int]:
    """A mark as the scripts take it."""
    return mark.key, mark.body, max(1, round(mark.seconds * 1000))


def _answer(uuid: str, mark: Mark | None, reply: Any) -> Inspector | StoreError:
    if isinstance(reply, (int, bytes)):
        return decode_inspector(uuid, reply)
    if isinstance(reply, list):
        return _said(uuid, mark, *reply)
    if isinstance(reply, StoreError):
        return reply
    raise reply


def _said(uuid: str, mark: Mark | None, outcome: bytes, text: bytes = b"") -> Inspector | StoreError:
    if outcome == b"again":
        return Replayed(*decode_inspector(uuid, text))
    if outcome == b"reused" and mark is not None:
        return reused(mark)
    return _refusal(uuid, text)


def _refusal(uuid: str, reason: bytes) -> StoreError:
    text = reason.decode("utf-8", "replace")
    if "overflow" in text:
        return StoreFull(f"inspector {uuid!r} has as many scores as can be counted")
    return StoreError(f"Redis refused: {text}")
