"""How far a benchmark has come: one line on standard error that rewrites itself.

The rule: it is only for people. When standard error is no terminal, nothing is written.
"""

import sys
from time import monotonic
from typing import Self

__all__ = ["Progress"]

_INTERVAL = 0.2
_ERASE = "\r\x1b[K"


class Progress:
    """The line of one measurement, which is erased when its `with` block is left."""

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def reached(self, done: int) -> None:
        """Shows how much is done, unless the line is younger than a fifth of a second."""
        if self._shown and monotonic() >= self._next:
            self._next = monotonic() + _INTERVAL
            self._write(f"{self._name}: {done:,} of {self._total:,} ({done / self._total:.0%})")

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(_ERASE + text)
            sys.stderr.flush()
