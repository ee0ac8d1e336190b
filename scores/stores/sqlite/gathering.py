"""How long a batch waits for those who have just been answered, when they are likely to ask again at once.

Clients who ask, wait for the answer and ask again fall into two groups that take turns: one waits for the
disk while the other asks, and each commit is for half of them. A pause that is shorter than a commit makes
them one group, and is repaid by the commit that it spares. Rule: who asks alone waits for nobody, and a
pause in which nobody came is not soon repeated.
"""

from typing import Final

__all__ = ["Gathering"]

_SHARE: Final = 0.5
"""Of the time that the last batch took: two groups in turns cost twice that, one with the pause less."""
_LONGEST: Final = 0.01
"""Seconds, however slow the disk is."""
_MOST_PASSED: Final = 64
"""Batches that do not wait, when the pauses before them were again and again for nothing."""


class Gathering:
    """What one lane knows of who asks it."""

    __slots__ = ("_answered", "_ask_again", "_passed", "_seconds", "_waiting")

    def __init__(self) -> None:
        self._answered = self._waiting = 0
        self._seconds = 0.0
        self._passed = 0
        """How many batches are still not to wait."""
        self._ask_again = 1
        """How many will not, when the next pause is for nothing."""

    def answered(self, jobs: int, waiting: int, seconds: float) -> None:
        """A batch of so many has been answered after so long, and so many wait already."""
        self._answered, self._waiting, self._seconds = jobs, waiting, seconds

    def pause(self) -> tuple[int, float]:
        """How many are to wait before the next batch begins, and for how many seconds that is waited for."""
        expected = self._answered + self._waiting
        if expected <= 1:
            return 1, 0.0
        if self._passed:
            self._passed -= 1
            return 1, 0.0
        return expected, min(self._seconds * _SHARE, _LONGEST)

    def ended(self, waiting: int) -> None:
        """The pause is over, and so many wait: of use if half of those who were answered are among them."""
        if 2 * (waiting - self._waiting) >= self._answered:
            self._ask_again = 1
        else:
            self._passed = self._ask_again
            self._ask_again = min(2 * self._ask_again, _MOST_PASSED)
