"""The load by wrk, with one thread.

The rule: wrk reads its requests from a file, a NUL between two of them, so that it sends what our own
client sends. Its percentiles are corrected for the requests that it would have sent while it waited.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.errors import BenchmarkError
from benchmarks.load.answers import Answers

__all__ = ["load_by_wrk"]

_SCRIPT: Final = Path(__file__).parent / "wrk.lua"
_SEPARATOR: Final = b"\0"


def load_by_wrk(address: str, requests: Sequence[bytes], *, connections: int, seconds: int) -> Answers:
    """Loads the server at the address. Raises `BenchmarkError` when wrk fails."""
    with TemporaryDirectory(prefix="scores-benchmark-") as home:
        file = Path(home) / "requests"
        file.write_bytes(_SEPARATOR.join(requests))
        return _wrk(address, file, connections, seconds)


def _wrk(address: str, file: Path, connections: int, seconds: int) -> Answers:
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_SCRIPT)]
    command = ["wrk", *options, address, "--", str(file)]
    try:
        done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 - ours
        return Answers(**json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as exc:
        raise BenchmarkError(f"wrk failed: {exc}") from exc
