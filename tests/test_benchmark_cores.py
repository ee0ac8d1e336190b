"""What keeps the benchmarks' cores awake takes them from nobody, and is gone afterwards.

Rule: the processes are looked at as the kernel has them; where a machine has one core there are none.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
IDLE = 5
"""SCHED_IDLE (sched(7))."""


@pytest.fixture(scope="module", autouse=True)
def _findable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield


def children() -> set[int]:
    """The processes that this one has started."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    return set(map(int, listed.split()))


def policy(pid: int) -> int:
    """The scheduling class of a process (proc(5), field 41 of `stat`)."""
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[38])


def until(met: Any) -> None:
    deadline = monotonic() + 20
    while not met():
        assert monotonic() < deadline
        sleep(0.01)


def test_each_core_has_a_process_that_runs_when_no_other_would() -> None:
    awake, cores = import_module("benchmarks.awake"), import_module("benchmarks.cores")
    before, pinned = children(), [core for core in cores.cores() if core is not None]
    with awake.awake() as kept:
        keepers = children() - before
        assert len(keepers) == len(pinned)
        assert kept == bool(pinned)
        until(lambda: all(policy(one) == IDLE for one in keepers))
        assert sorted(core for one in keepers for core in os.sched_getaffinity(one)) == sorted(pinned)
        until(lambda: not pinned or awake.awake_seconds() > 0)
    assert children() == before
    assert awake.awake_seconds() == 0


def test_it_ends_when_whoever_started_it_is_gone() -> None:
    code = "from benchmarks.awake import awake\nimport os\nwith awake(): print(os.getpid(), flush=True); os.read(0, 1); os._exit(0)"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        keepers = list(map(int, listed.read_text(encoding="ascii").split()))
        process.communicate(b"\n")
    until(lambda: not any(Path(f"/proc/{one}").exists() and policy(one) == IDLE for one in keepers))
