"""Whether a server stays as it is while it works: memory, objects, tasks, descriptors and threads, looked at for long.

Rule: what is compared is the last third of the looks with the third before it; the first third is for getting warm.
Of what goes up and down with the requests, the lowest looks are compared.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

import aiohttp

from support.outside import Process

__all__ = ["Look", "grown", "look"]

KIB: Final = 1024


class Look(NamedTuple):
    """One server at one time."""

    at: float
    rss: int
    descriptors: int
    threads: int
    tasks: int
    objects: int


async def look(one: Process, http: aiohttp.ClientSession, *, watched: bool = True) -> Look:
    """Looks at it now; the tasks and objects only of a server that is on a watched store."""

    async def count(name: str) -> int:
        if not watched:
            return 0
        async with http.get(f"{one.address}/inspectors/{quote(name)}") as answer:
            assert answer.status == 200
            return int((await answer.json())["count"])

    tasks, objects = await count("? tasks"), await count("? objects")
    return Look(time.monotonic(), one.rss, one.descriptors, one.threads, tasks, objects)


class Flat(NamedTuple):
    """How much more there may be of something, and what is compared."""

    of: Callable[[Sequence[int]], float]
    more: float
    """As it is."""
    share: float
    """Of what there was."""


_FLAT: Final = {
    "rss": Flat(statistics.median, 2048 * KIB, 0.03),
    "descriptors": Flat(min, 8, 0),
    # A loop begins the threads of its pool one by one: as many as there are processors, and four.
    "threads": Flat(min, 4 + (os.cpu_count() or 1), 0),
    "tasks": Flat(min, 12, 0),
    "objects": Flat(min, 1500, 0.01),
}


def grown(looks: Sequence[Look]) -> dict[str, tuple[float, float]]:
    """What has grown more than it may: from what, to what."""
    third = len(looks) // 3
    found = {}
    for name, flat in _FLAT.items():
        before, after = (
            flat.of([getattr(one, name) for one in some]) for some in (looks[third:-third], looks[-third:])
        )
        if after > before * (1 + flat.share) + flat.more:
            found[name] = (before, after)
    return found
