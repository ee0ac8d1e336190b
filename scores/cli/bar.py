"""A line on a terminal that says how an import is doing.

Rule: it is drawn over itself, at most ten times a second, on standard error, and only on a terminal: nothing
that is kept in a file or a log ever has it.
"""

import shutil
import sys
import time
from typing import Final

from scores.client.importing import Running

__all__ = ["Bar"]

_PERIOD: Final = 0.1
_WIDTH: Final = 24


class Bar:
    """The bar of one import, drawn whenever it is `tick`ed and it is time."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._shown = sys.stderr.isatty()
        self._begun = self._drawn = time.monotonic()
        self._before = running.lines

    def tick(self) -> None:
        """Something has changed."""
        now = time.monotonic()
        if self._shown and now - self._drawn >= _PERIOD:
            self._drawn = now
            columns = shutil.get_terminal_size().columns - 1
            sys.stderr.write(
                "\r" + described(self._running, self._before, now - self._begun)[:columns] + "\x1b[K"
            )
            sys.stderr.flush()

    def clear(self) -> None:
        """Leaves the line empty."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def described(running: Running, before: int, seconds: float) -> str:
    """How it stands, after so many seconds that began with so many lines already done."""
    rate = (running.lines - before) / seconds if seconds > 0 else 0.0
    words = [f"{running.lines:,} lines", f"{rate:,.0f}/s"]
    if running.rejected:
        words.append(f"{running.rejected:,} rejected")
    if running.size:
        part = min(running.done_bytes / running.size, 1.0)
        full = round(part * _WIDTH)
        words.insert(0, f"[{'#' * full}{'.' * (_WIDTH - full)}] {part:4.0%}")
        if part < 1 and running.begun_bytes < running.done_bytes:
            left = seconds * (running.size - running.done_bytes) / (running.done_bytes - running.begun_bytes)
            words.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
    return "  ".join(words)
