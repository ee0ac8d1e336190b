"""`python -m benchmarks smoke`: every command runs at a tiny size, so that none can rot unseen.

The rule: each is a process of its own, started as anybody would start it, and only its exit status
counts: figures of such sizes say nothing.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Final

from benchmarks.command import Command

__all__ = ["smoke"]

_ROOT: Final = Path(__file__).parent.parent


def smoke(commands: Iterable[Command]) -> int:
    """Runs them all, says what came of each, and gives the exit status: 0 when every one works."""
    return max([_run(command) for command in commands], default=0)


def _run(command: Command) -> int:
    line = [sys.executable, "-m", "benchmarks", command.name, *command.tiny]
    start = monotonic()
    done = subprocess.run(line, cwd=_ROOT, capture_output=True, check=False, text=True)  # noqa: S603 - ours
    outcome = f"failed with status {done.returncode}" if done.returncode else "works"
    print(f"{command.name:<10} {monotonic() - start:5.1f} s  {outcome}", flush=True)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
    return min(done.returncode, 1)
