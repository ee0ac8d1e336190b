"""What came of a load, as a client counted it."""

from dataclasses import dataclass

from benchmarks.histogram import Histogram

__all__ = ["Answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How many there were, and how long they took, in microseconds."""

    requests: int
    errors: int
    """Statuses from 400 on, and requests that were never answered."""
    seconds: float
    p50_us: float
    p90_us: float
    p99_us: float
    p99_9_us: float
    max_us: float

    @classmethod
    def of(cls, times: Histogram, *, errors: int, seconds: float) -> "Answers":
        """Those whose times, in nanoseconds, are in the histogram."""
        return cls(
            requests=times.count,
            errors=errors,
            seconds=seconds,
            p50_us=times.percentile(50) / 1000,
            p90_us=times.percentile(90) / 1000,
            p99_us=times.percentile(99) / 1000,
            p99_9_us=times.percentile(99.9) / 1000,
            max_us=times.worst / 1000,
        )
