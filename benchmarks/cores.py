"""One core for the server, and another for what loads it.

The rule: a process inherits the core that its parent has when it starts it, so no thread of it can
be missed. Where a process cannot be pinned, or there is one core, nothing is, and the record says so.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

__all__ = ["Cores", "cores", "on_core"]


class Cores(NamedTuple):
    """The numbers of the two cores; None where nothing is pinned."""

    server: int | None
    client: int | None


@cache
def cores() -> Cores:
    """The first two cores that this process may use, as it is asked for the first time."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores(None, None)
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[1]) if len(usable) > 1 else Cores(None, None)


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Keeps this thread, and the processes that it starts within `with`, on the core."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
