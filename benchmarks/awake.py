"""Cores that do not halt: on a rented machine it takes longer to wake one than to answer a request.

The rule: what keeps a core awake is of the class that runs only when nothing else would (SCHED_IDLE,
sched(7)), and what it takes counts as idle. Without it a figure on one connection is the host's.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from benchmarks.cores import cores, on_core
from benchmarks.usage import cpu_seconds

__all__ = ["awake", "awake_seconds"]

# It ends by itself when whoever started it is gone.
_KEEPER: Final = """
import os, sys
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""

_keepers: Final = set[int]()


@contextmanager
def awake() -> Iterator[bool]:
    """Keeps the pinned cores awake within `with`; says whether it does, or there are none."""
    if cores().server is None or not hasattr(os, "SCHED_IDLE"):
        yield False
        return
    with ExitStack() as stack:
        for core in cores():
            stack.enter_context(_keeping(core))
        yield True


def awake_seconds() -> float:
    """The CPU time that this has taken so far, of all that keeps a core awake now."""
    return sum(cpu_seconds(pid) or 0.0 for pid in _keepers)


@contextmanager
def _keeping(core: int | None) -> Iterator[None]:
    with on_core(core):
        keeper = subprocess.Popen([sys.executable, "-c", _KEEPER, str(os.getpid())])  # noqa: S603 - ours
    _keepers.add(keeper.pid)
    try:
        yield
    finally:
        _keepers.remove(keeper.pid)
        keeper.kill()
        keeper.wait()
