"""Refused events: counted by reason, and shown in the log at a bounded rate.

Rule: a feed that sends nothing but rubbish costs a counter, and `LINES` log lines in `PERIOD` seconds.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

__all__ = ["LINES", "PERIOD", "SHOWN", "Rejects"]

LINES: Final = 5
PERIOD: Final = 60.0
SHOWN: Final = 200
"""Characters of a refused event that the log shows."""

log = logging.getLogger(__name__)


class Rejects:
    """Counts what is refused in the counter that it is given, and logs the first of each period."""

    __slots__ = ("_clock", "_counter", "_left", "_suppressed", "_until")

    def __init__(self, counter: Counter[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._counter = counter
        self._clock = clock
        self._until = 0.0
        self._left = 0
        self._suppressed = 0

    def add(self, reason: str, detail: str, data: str) -> None:
        """Refuses one event: `reason` is counted, `detail` and the start of `data` are for the log."""
        self._counter[reason] += 1
        if self._clock() >= self._until:
            self._begin_period()
        if self._left:
            self._left -= 1
            log.warning("event refused: %s: %s", detail, ascii(data[:SHOWN]))
        else:
            self._suppressed += 1

    def _begin_period(self) -> None:
        if self._suppressed:
            log.warning("%d more events were refused without a line each", self._suppressed)
        self._until, self._left, self._suppressed = self._clock() + PERIOD, LINES, 0
