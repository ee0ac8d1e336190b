"""A state machine that does to a store whatever its protocol allows, and compares it with a dictionary."""

from contextlib import ExitStack
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from scores.errors import KeyReused
from scores.marks import Replayed
from scores.models import (
    Exam,
    Inspector,
    InspectorKey,
    Repeats,
    Result,
    ResultKey,
    Score,
    Student,
    StudentKey,
)
from scores.testing.blocking import open_blocking
from scores.testing.marks import mark_of, new_key
from scores.testing.oracle import Oracle, exact_mean

__all__ = ["StoreMachine", "check_store"]

STUDENTS = st.sampled_from(["foo", "bar", "a/b", "é", "z"])
EXAMS = st.sampled_from([0, 1, 3, 11538, 2**63 - 1])
UUIDS = st.sampled_from(["a1-b1", "a1-b2", "foo"])
KEYS = st.integers(0, 4)
SCORES = st.one_of(st.sampled_from([0.0, 0.1, 1.0]), st.floats(0, 1)).map(lambda score: score + 0.0)
RESULTS = st.builds(Result, STUDENTS, EXAMS, SCORES)


class StoreMachine(RuleBasedStateMachine):
    """Runs on the store at `url`, which it empties first."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.oracle = Oracle()
        self.after: str | None = None
        self.seen: list[str] = []
        self.stayed: set[str] = set()
        self.keys = [new_key() for _ in range(5)]
        self.marked: dict[int, tuple[Score, Inspector]] = {}
        """By the number of its key, what was added with a mark, and how that was answered."""
        self.stack = ExitStack()
        self.store: Any = self.stack.enter_context(open_blocking(url))

    def teardown(self) -> None:
        """Looks at all there is once more, and closes the store."""
        with self.stack:
            self.look_at_the_listings()

    @initialize()
    def empty(self) -> None:
        """A store that outlives its opening may hold what an earlier example left."""
        for student in self.store.students(limit=1000).items:
            self.store.remove(StudentKey(student.student_id))
        for inspector in self.store.inspectors(limit=1000).items:
            self.store.remove(InspectorKey(inspector.uuid))

    @rule(results=st.lists(RESULTS, max_size=8), repeats=st.sampled_from(Repeats))
    def record(self, results: list[Result], repeats: Repeats) -> None:
        """Records, and repeats."""
        self.store.record(results, repeats=repeats)
        for result in results:
            self.oracle.record(result, repeats)

    @rule(uuid=UUIDS, score=st.integers(0, 5))
    def add(self, uuid: str, score: int) -> None:
        """Posts a score."""
        scores = self.oracle.scores.setdefault(uuid, [])
        scores.append(score)
        answer = self.store.add_one(Score(uuid, score))
        assert answer == Inspector(uuid, len(scores), sum(scores))
        assert answer.mean == exact_mean(scores)

    @rule(batch=st.lists(st.builds(Score, UUIDS, st.integers(0, 5)), max_size=8))
    def add_a_batch(self, batch: list[Score]) -> None:
        """Posts scores together."""
        expected = []
        for uuid, score in batch:
            scores = self.oracle.scores.setdefault(uuid, [])
            scores.append(score)
            expected.append(Inspector(uuid, len(scores), sum(scores)))
        assert self.store.add(batch) == expected

    @rule(batch=st.lists(st.tuples(st.builds(Score, UUIDS, st.integers(4, 5)), st.none() | KEYS), max_size=6))
    def add_with_marks(self, batch: list[tuple[Score, int | None]]) -> None:
        """Posts scores together, with keys that have been used before, or not."""
        expected = [self._added(score, key) for score, key in batch]
        marks = [None if key is None else mark_of(score, self.keys[key]) for score, key in batch]
        answers = self.store.add([score for score, _ in batch], marks=marks)
        assert [None if isinstance(answer, KeyReused) else answer for answer in answers] == expected

    @rule(key=KEYS)
    def add_again(self, key: int) -> None:
        """Posts once more what was posted with that key."""
        if key in self.marked:
            score, answer = self.marked[key]
            (again,) = self.store.add([score], marks=[mark_of(score, self.keys[key])])
            assert isinstance(again, Replayed)
            assert again == answer

    @rule(student=STUDENTS, exam=EXAMS)
    def remove_result(self, student: str, exam: int) -> None:
        """Removes one result."""
        known = self.oracle.results.pop((student, exam), None) is not None
        assert self.store.remove(ResultKey(student, exam)) is known
        self._forget_the_gone()

    @rule(student=STUDENTS)
    def remove_student(self, student: str) -> None:
        """Removes a student."""
        exams = self.oracle.of_student(student)
        for exam in exams:
            del self.oracle.results[student, exam]
        assert self.store.remove(StudentKey(student)) is bool(exams)
        self._forget_the_gone()

    @rule(uuid=UUIDS)
    def remove_inspector(self, uuid: str) -> None:
        """Removes an inspector."""
        known = self.oracle.scores.pop(uuid, None) is not None
        assert self.store.remove(InspectorKey(uuid)) is known

    @rule(limit=st.integers(1, 3))
    def begin_walk(self, limit: int) -> None:
        """Begins a walk through the students."""
        self.after, self.seen = None, []
        self.stayed = {student for student, _ in self.oracle.results}
        self._turn_page(limit)

    @rule(limit=st.integers(1, 3))
    def go_on(self, limit: int) -> None:
        """Goes on with the walk; at its end, whoever was there throughout has been met once."""
        if self.after is not None:
            self._turn_page(limit)

    @rule(student=STUDENTS, exams=st.lists(EXAMS, max_size=3), limit=st.integers(1, 6))
    def look_at_student(self, student: str, exams: list[int], limit: int) -> None:
        """Looks at a student, whole or narrowed."""
        report = self.store.student(student, exams=exams, limit=limit)
        scores = self.oracle.of_student(student)
        if not scores:
            assert report is None
            return
        assert report.student == Student(student, exact_mean(scores.values()), len(scores))
        wanted = {exam: score for exam, score in scores.items() if not exams or exam in exams}
        assert report.results.total == len(wanted)
        assert len(report.results.items) == min(limit, len(wanted))
        assert all(wanted[result.exam] == result.score for result in report.results.items)

    @rule(exam=EXAMS, limit=st.integers(1, 6))
    def look_at_exam(self, exam: int, limit: int) -> None:
        """Looks at an exam."""
        report = self.store.exam(exam, limit=limit)
        scores = self.oracle.of_exam(exam)
        if not scores:
            assert report is None
            return
        assert report.exam == Exam(exam, exact_mean(scores.values()), len(scores))
        assert len(report.results.items) == min(limit, len(scores))
        assert all(scores[result.student_id] == result.score for result in report.results.items)

    @rule()
    def look_at_the_listings(self) -> None:
        """Looks at every listing, as is done at the end, too."""
        exams = sorted({exam for _, exam in self.oracle.results})
        expected = [
            Exam(exam, exact_mean(scores.values()), len(scores))
            for exam in exams
            for scores in [self.oracle.of_exam(exam)]
        ]
        assert list(self.store.exams(limit=1000).items) == expected
        students = {student.student_id: student for student in self.store.students(limit=1000).items}
        assert students.keys() == {student for student, _ in self.oracle.results}
        inspectors = {inspector.uuid: inspector for inspector in self.store.inspectors(limit=1000).items}
        assert inspectors == {
            uuid: Inspector(uuid, len(scores), sum(scores)) for uuid, scores in self.oracle.scores.items()
        }

    def _added(self, score: Score, key: int | None) -> Inspector | None:
        """What a score with that key is answered; None when the key was another's."""
        if key is not None and key in self.marked:
            known, answer = self.marked[key]
            return answer if known == score else None
        scores = self.oracle.scores.setdefault(score.uuid, [])
        scores.append(score.score)
        inspector = Inspector(score.uuid, len(scores), sum(scores))
        if key is not None:
            self.marked[key] = score, inspector
        return inspector

    def _turn_page(self, limit: int) -> None:
        page = self.store.students(after=self.after, limit=limit)
        self.seen += [student.student_id for student in page.items]
        self.after = page.next
        if self.after is None:
            assert sorted(one for one in self.seen if one in self.stayed) == sorted(self.stayed)

    def _forget_the_gone(self) -> None:
        self.stayed &= {student for student, _ in self.oracle.results}


def check_store(url: str, *, max_examples: int = 50, steps: int = 40) -> None:
    """Runs the state machine on the store at the URL; raises when the store and the dictionary differ."""
    run_state_machine_as_test(
        lambda: StoreMachine(url),  # type: ignore[arg-type]  # any factory will do, says its documentation
        settings=settings(deadline=None, max_examples=max_examples, stateful_step_count=steps),
    )
