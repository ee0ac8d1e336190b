"""When the events of a simulated feed are due: pure arithmetic on the loop's time."""

import math
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["BATCH", "Pace"]

BATCH: Final = 700
"""Most events written at once: about 64 KiB."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When events are due: number `first` at the loop's time `start`, the others evenly around it."""

    rate: float
    end: float
    """The number at which the events end, or infinity."""
    start: float
    first: int = 0

    def next(self, now: float) -> int:
        """The number of the event that a live stream sends next."""
        return self.first + math.ceil((now - self.start) * self.rate)

    def ready(self, number: int, now: float) -> int:
        """How many events from that number on are due, up to a batch."""
        due = self.first + math.floor((now - self.start) * self.rate) + 1 - number if self.rate else BATCH
        return max(0, int(min(due, BATCH, self.end - number)))

    def wait(self, number: int, now: float) -> float:
        """Seconds until that event is due, 0.0 … infinity."""
        if number >= self.end:
            return math.inf
        return max(0.0, self.start + (number - self.first) / self.rate - now) if self.rate else 0.0

    def resumed(self, number: int, now: float) -> "Pace":
        """The pace of a stream that goes on from that number: its own if that is ahead of the live one."""
        return replace(self, start=now, first=number) if self.rate and number > self.next(now) else self
