"""Pages of what is listed in all shards: students, exams, inspectors.

Students come shard by shard and then by id, inspectors by shard, bucket and UUID; exams by number, so the
shards are merged. On one server a page is one script call; in a cluster it is one to each shard it needs.
"""

import asyncio
from collections.abc import Callable
from itertools import chain
from typing import Any, Final

from scores.models import Exam, Inspector, Page, Student
from scores.stores.redis.layout import (
    Place,
    decode_exam,
    decode_inspector,
    decode_student,
    exam_number,
    exam_position,
    page_of,
    text_bytes,
)
from scores.stores.redis.traffic import Traffic

__all__ = ["Listings"]

_SPARE: Final = 8
"""Exams asked of each shard beyond its share of a page."""
_LISTING: Final = 128
"""What a page costs Redis, where adding a score costs 1."""


class Listings:
    """The listings of one Redis, or of a cluster."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._layout = traffic.layout

    async def students(self, *, after: str | None, limit: int) -> Page[Student]:
        """As `Store.students`."""
        shard = self._layout.place(after).shard if after else 0
        total, members = await self._walk("students", shard, text_bytes(after or ""), limit + 1)
        found = []
        for member in members:
            student_id, _, text = member.partition(b"\0")
            student = decode_student(student_id.decode(), text)
            found.append((student.student_id, student))
        return page_of(found, total, limit)

    async def inspectors(self, *, after: str | None, limit: int) -> Page[Inspector]:
        """As `Store.inspectors`."""
        place = self._layout.place(after) if after else Place(0, 0)

        def wanted(items: list[bytes]) -> list[tuple[bytes, bytes]]:
            """A bucket in order; of the one where the position is, which comes whole, what follows it."""
            pairs = sorted(zip(items[::2], items[1::2], strict=True))
            if after and pairs and self._layout.place(pairs[0][0].decode()) == place:
                return [pair for pair in pairs if pair[0] > text_bytes(after)]
            return pairs

        total, buckets = await self._walk(
            "inspectors", place.shard, place.bucket, limit + 1, size=lambda bucket: len(wanted(bucket))
        )
        found = []
        for name, packed in chain.from_iterable(map(wanted, buckets)):
            uuid = name.decode()
            found.append((uuid, decode_inspector(uuid, packed)))
        return page_of(found, total, limit)

    async def exams(self, *, after: str | None, limit: int) -> Page[Exam]:
        """As `Store.exams`."""
        position = exam_position(after)
        share = 2 * (limit + 1) // self._layout.shards + _SPARE
        while True:
            total, members, whole = await self._exams(position, share)
            if whole or len(members) > limit:
                break
            share *= 4
        found = []
        for member in members[: limit + 1]:
            text, _, exam_total = member.partition(b"\0")
            exam = decode_exam(exam_number(text), exam_total)
            found.append((str(exam.exam), exam))
        return page_of(found, total, limit)

    async def _exams(self, position: str, share: int) -> tuple[int, list[bytes], bool]:
        """How many exams there are, the next ones in order, and whether these are all that follow."""
        traffic = self._traffic
        replies = await asyncio.gather(
            *(
                traffic.read(unit, "exams", position, share, *traffic.bases_of(unit), weight=_LISTING)
                for unit in traffic.units
            )
        )
        lists = [members for _, shards in replies for members in shards]
        cut = [members[-1] for members in lists if len(members) == share]
        # Beyond the last exam of a list that was cut, that shard may have more which are missing here.
        end = min(cut, default=None)
        merged = sorted(member for members in lists for member in members if end is None or member <= end)
        return sum(count for count, _ in replies), merged, end is None

    async def _walk(
        self,
        kind: str,
        shard: int,
        position: bytes | int,
        count: int,
        *,
        size: Callable[[Any], int] = lambda _: 1,
    ) -> tuple[int, list[Any]]:
        """How many there are in all shards, and what comes from a position in a shard on, `count` or more."""
        traffic = self._traffic
        if not traffic.clustered:
            asked = (kind, shard + 1, position, count, *traffic.bases_of(0))
            total, found = await traffic.read(0, *asked, weight=_LISTING)
            return total, found
        start: bytes | int = b"" if kind == "students" else 0
        counts = [total for total, _ in await self._each(kind, range(len(traffic.units)), start, 0)]
        found, had = [], 0
        while had < count and shard < len(counts):
            end = shard + 1
            while end < len(counts) and sum(counts[shard + 1 : end]) < count - had:
                end += 1
            replies = await self._each(kind, range(shard, shard + 1), position, count - had)
            replies += await self._each(kind, range(shard + 1, end), start, count - had)
            found += [item for _, items in replies for item in items]
            had = sum(map(size, found))
            shard, position = end, start
        return sum(counts), found

    async def _each(self, kind: str, shards: range, position: bytes | int, count: int) -> list[Any]:
        traffic = self._traffic
        return await asyncio.gather(
            *(
                traffic.read(shard, kind, 1, position, count, *traffic.bases_of(shard), weight=1 + count // 4)
                for shard in shards
            )
        )
