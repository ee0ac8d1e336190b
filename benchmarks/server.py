"""A server to measure, as a process of its own.

The rule: it is started as anybody would start it, without a feed and untouched by the settings of the
environment, and it has to stop on SIGTERM with exit status 0.
"""

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final

from benchmarks.errors import BenchmarkError

__all__ = ["serving"]

_STOP_TIMEOUT: Final = 30.0
_KEPT_LINES: Final = 20

_listening = re.compile(r"listening: (http://\S+)")


@contextmanager
def serving(store: str) -> Iterator[str]:
    """Runs `scores serve` on this store and a free port within `with`, and gives its address."""
    with _start(store) as process:
        try:
            address, log = _address(process), deque[str](maxlen=_KEPT_LINES)
            # What it logs has to be read, or a full pipe would stop it.
            reader = Thread(target=log.extend, args=(process.stderr,))
            reader.start()
            try:
                yield address
            finally:
                _stop(process)
                reader.join()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise BenchmarkError(f"the server ended with status {process.returncode}:\n{''.join(log)}")


def _start(store: str) -> "subprocess.Popen[str]":
    settings = {"SCORES_FEED": "off", "SCORES_PORT": "0", "SCORES_STORE": store}
    rest = {name: value for name, value in os.environ.items() if not name.startswith("SCORES_")}
    return subprocess.Popen(
        [sys.executable, "-m", "scores", "serve"], env=rest | settings, stderr=subprocess.PIPE, text=True
    )


def _address(process: "subprocess.Popen[str]") -> str:
    """The address that the server says it listens on."""
    lines = []
    for line in process.stderr or ():
        if match := _listening.search(line):
            return match[1]
        lines.append(line)
    raise BenchmarkError(f"the server did not start:\n{''.join(lines)}")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired as exc:
        process.kill()
        raise BenchmarkError(f"the server was still there {_STOP_TIMEOUT:g} s after SIGTERM") from exc
