"""Pages of what is listed in all shards: students, exams, inspectors.

Students come shard by shard and then by id, inspectors by shard, bucket and UUID; exams by number, so the
shards are merged. On one server a page is one script call; in a cluster it is one to each shard it needs.
"""

import asyncio
from typing import Any, Final

from scores.models import Exam, Inspector, Page, Student
from scores.stores.redis.layout import (
    decode_exam,
    decode_inspector,
    decode_student,
    exam_number,
    exam_position,
    page_of,
)
from scores.stores.redis.traffic import Traffic

__all__ = ["Listings"]

_SPARE: Final = 8
"""Exams asked of each shard beyond its share of a page."""


class Listings:
    """The listings of one Redis, or of a cluster."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._layout = traffic.layout

    async def students(self, *, after: str | None, limit: int) -> Page[Student]:
        """As `Store.students`."""
        shard = 0 if after is None else self._layout.place(after).shard
        total, members = await self._walk("students", shard, after or "", limit + 1)
        found = []
        for member in members:
            student_id, _, text = member.partition(b"\0")
            student = decode_student(student_id.decode(), text)
            found.append((student.student_id, student))
        return page_of(found, total, limit)

    async def inspectors(self, *, after: str | None, limit: int) -> Page[Inspector]:
        """As `Store.inspectors`."""
        place = None if after is None else self._layout.place(after)
        shard, bucket = (0, 0) if place is None else (place.shard, place.bucket)
        total, buckets = await self._walk("inspectors", shard, bucket, limit + 1)
        found = []
        for items in buckets:
            pairs = sorted(zip(items[::2], items[1::2], strict=True))
            # The bucket where the position is, unless it is empty by now, comes whole.
            if place is not None and self._layout.place(pairs[0][0].decode()) == place:
                pairs = [pair for pair in pairs if pair[0] > _bytes(after)]
            for name, packed in pairs:
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
            *(traffic.read(unit, "exams", position, share, *traffic.bases_of(unit)) for unit in traffic.units)
        )
        lists = [members for _, shards in replies for members in shards]
        cut = [members[-1] for members in lists if len(members) == share]
        # Beyond the last exam of a list that was cut, that shard may have more which are missing here.
        end = min(cut, default=None)
        merged = sorted(member for members in lists for member in members if end is None or member <= end)
        return sum(count for count, _ in replies), merged, end is None

    async def _walk(self, kind: str, shard: int, position: str | int, count: int) -> tuple[int, list[Any]]:
        """How many there are in all shards, and what comes from a position in a shard on, `count` or more."""
        traffic = self._traffic
        if not traffic.clustered:
            total, found = await traffic.read(0, kind, shard + 1, position, count, *traffic.bases_of(0))
            return total, found
        start: str | int = "" if kind == "students" else 0
        counts = [total for total, _ in await self._each(kind, range(len(traffic.units)), start, 0)]
        found, had = [], 0
        while had < count and shard < len(counts):
            end = shard + 1
            while end < len(counts) and sum(counts[shard + 1 : end]) < count - had:
                end += 1
            replies = await self._each(kind, range(shard, shard + 1), position, count - had)
            replies += await self._each(kind, range(shard + 1, end), start, count - had)
            found += [item for _, items in replies for item in items]
            had = len(found) if kind == "students" else sum(len(bucket) // 2 for bucket in found)
            shard, position = end, start
        return sum(counts), found

    async def _each(self, kind: str, shards: range, position: str | int, count: int) -> list[Any]:
        traffic = self._traffic
        return await asyncio.gather(
            *(traffic.read(shard, kind, 1, position, count, *traffic.bases_of(shard)) for shard in shards)
        )


def _bytes(after: str | None) -> bytes:
    return (after or "").encode("utf-8", "replace")
