"""What every contender keeps: how many scores an inspector has, and their sum.

The rule: a framework with no validation of its own uses `check`; all use `Means`.
"""

from typing import Final

__all__ = ["MAX_LENGTH", "MAX_SCORE", "Means", "check"]

MAX_LENGTH: Final = 256
MAX_SCORE: Final = 5


class Means:
    """The running means of all inspectors."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, int]] = {}

    def add(self, uuid: str, score: int) -> float:
        """The mean of all scores of this inspector, this one included."""
        count, total = self._kept.get(uuid, (0, 0))
        count, total = count + 1, total + score
        self._kept[uuid] = count, total
        return total / count


def check(data: object) -> tuple[str, int]:
    """The UUID and the score that the document states; raises `ValueError` for anything else."""
    if not isinstance(data, dict):
        raise ValueError("send a JSON object")  # noqa: TRY004 - a fault of the input, not of the code
    uuid, score = data.get("UUID"), data.get("score")
    if not isinstance(uuid, str) or not 0 < len(uuid) <= MAX_LENGTH:
        raise ValueError(f"UUID must be a string of 1 to {MAX_LENGTH} characters")
    if type(score) is not int or not 0 <= score <= MAX_SCORE:
        raise ValueError(f"score must be an integer from 0 to {MAX_SCORE}")
    return uuid, score
