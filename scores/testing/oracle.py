"""What a store must answer, worked out the slow and obvious way, with fractions."""

from collections.abc import Iterable
from fractions import Fraction

from scores.models import Repeats, Result

__all__ = ["Oracle", "exact_mean"]


def exact_mean(values: Iterable[float]) -> float:
    """The double nearest to the true mean."""
    fractions = [Fraction(value) for value in values]
    return float(sum(fractions, Fraction()) / len(fractions))


class Oracle:
    """Results and scores in plain dictionaries."""

    def __init__(self) -> None:
        self.results: dict[tuple[str, int], float] = {}
        self.scores: dict[str, list[int]] = {}

    def record(self, result: Result, repeats: Repeats) -> None:
        """Records one result under a policy for repeats."""
        key, new = (result.student_id, result.exam), result.score
        old = self.results.get(key, new)
        self.results[key] = {
            Repeats.LAST: new,
            Repeats.FIRST: old,
            Repeats.MAX: max(old, new),
            Repeats.MIN: min(old, new),
        }[repeats]

    def of_student(self, student_id: str) -> dict[int, float]:
        """The student's scores, by exam."""
        return {exam: score for (student, exam), score in self.results.items() if student == student_id}

    def of_exam(self, exam: int) -> dict[str, float]:
        """The exam's scores, by student."""
        return {student: score for (student, number), score in self.results.items() if number == exam}
