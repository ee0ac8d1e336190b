"""A line on a terminal that says how something long is doing, such as an import.

Rule: it is drawn over itself, at most ten times a second, on standard error, and only on a terminal: nothing
that is kept in a file or a log ever has it.
"""

import shutil
import sys
import time
from collections.abc import Callable
from typing import Final

from scores.client.importing import Running

__all__ = ["Bar", "described", "part_shown"]

_PERIOD: Final = 0.1
_WIDTH: Final = 24


class Bar:
    """The bar of one command, drawn whenever it is `tick`ed and it is time."""

    def __init__(self, describe: Callable[[float], str]) -> None:
        """`describe` says how it stands after so many seconds."""
        self._describe = describe
        self._shown = sys.stderr.isatty()
        self._begun = self._drawn = time.monotonic()

    def tick(self) -> None:
        """Something has changed."""
        now = time.monotonic()
        if self._shown and now - self._drawn >= _PERIOD:
            self._drawn = now
            columns = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r" + self._describe(now - self._begun)[:columns] + "\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leaves the line empty."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def part_shown(part: float) -> str:
    """How much of it is done, from 0 to 1."""
    full = round(part * _WIDTH)
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] {part:4.0%}"


def described(running: Running, before: int, seconds: float) -> str:
    """How an import stands, after so many seconds that began with so many lines already done."""
    rate = (running.lines - before) / seconds if seconds > 0 else 0.0
    words = [f"{running.lines:,} lines", f"{rate:,.0f}/s"]
    if running.rejected:
        words.append(f"{running.rejected:,} rejected")
    if running.size:
        part = min(running.done_bytes / running.size, 1.0)
        words.insert(0, part_shown(part))
        if part < 1 and running.begun_bytes < running.done_bytes:
            left = seconds * (running.size - running.done_bytes) / (running.done_bytes - running.begun_bytes)
            words.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
    return "  ".join(words)
