"""How long the fault suite goes on: its short form belongs to all tests, its long form is `make soak`.

Rule: one variable decides, `SCORES_SOAK`. Unset it is the short form; a number is how many times as much there is
of everything that a test counts or lasts.
"""

import os

__all__ = ["LONG", "SOAK", "times"]

SOAK: float = float(os.environ.get("SCORES_SOAK") or 1)
"""The factor; 1 in the short form."""

LONG: bool = bool(os.environ.get("SCORES_SOAK"))
"""Whether it is the long form."""


def times(short: int) -> int:
    """What a count of the short form is now; never less than 1."""
    return max(1, round(short * SOAK))
