"""The domain's values, and the one place that decides whether an input is one.

Rule: a value that exists is valid. `parse_result` and `parse_score` take what a JSON decoder made
and answer with a value or with `InvalidInput`, which names each fault; nothing else validates.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import repeat
from typing import Any, Final, Generic, NamedTuple, TypeGuard, TypeVar

from scores.errors import Fault, InvalidInput

__all__ = [
    "EXAM_RULE",
    "MAX_EXAM",
    "MAX_ID_LENGTH",
    "MAX_MARK",
    "Exam",
    "ExamReport",
    "Inspector",
    "InspectorKey",
    "Key",
    "Lease",
    "Outcome",
    "Page",
    "Repeats",
    "Result",
    "ResultKey",
    "Score",
    "Student",
    "StudentKey",
    "StudentReport",
    "is_exam",
    "is_id",
    "parse_exam_score",
    "parse_result",
    "parse_results",
    "parse_score",
    "parse_scores",
    "plain_scores",
]

MAX_EXAM: Final = 2**63 - 1
MAX_ID_LENGTH: Final = 256
MAX_MARK: Final = 5
"""The highest score an inspector can be given."""

ID_RULE: Final = (
    f"a string of 1 to {MAX_ID_LENGTH} characters, without control characters, and not '.' or '..'"
)
EXAM_RULE: Final = f"an integer from 0 to {MAX_EXAM}"
_EXAM_SCORE_RULE: Final = "a number from 0 to 1"
_MARK_RULE: Final = f"an integer from 0 to {MAX_MARK}"

_QUOTED: Final = 40
_PRINTABLE: Final = 1e20

# Category Cc (Unicode 15, section 23.1), and lone surrogates, which no UTF-8 path can carry.
_UNADDRESSABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# RFC 3986 section 5.2.4 removes these from a path, also when percent-encoded (WHATWG URL, section 4.4).
_DOT_SEGMENTS = frozenset({".", ".."})

# A named tuple's own constructor is a Python function: up to twice the time.
_new = tuple.__new__

T = TypeVar("T")


class Result(NamedTuple):
    """One student's score in one exam, identified by (student_id, exam)."""

    student_id: str
    exam: int
    """0 … 2^63-1."""
    score: float
    """0.0 … 1.0, never -0.0."""


class Score(NamedTuple):
    """One score given to an inspector."""

    uuid: str
    score: int
    """0 … 5."""


class Inspector(NamedTuple):
    """An inspector's scores so far: how many, and their sum."""

    uuid: str
    count: int  # type: ignore[assignment]  # hides tuple.count: nobody looks for a value in an inspector
    total: int

    @property
    def mean(self) -> float:
        """The double nearest to the true mean of all scores, 0.0 … 5.0."""
        return self.total / self.count


@dataclass(frozen=True, slots=True)
class Student:
    """A student with the exact average of all of their results."""

    student_id: str
    average: float
    count: int


@dataclass(frozen=True, slots=True)
class Exam:
    """An exam with the exact average of all of its results."""

    exam: int
    average: float
    count: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A stretch of a listing: its items, how many there are in all, and where to go on."""

    items: Sequence[T]
    total: int
    next: str | None
    """What to pass as `after` for the next page; None at the end."""


@dataclass(frozen=True, slots=True)
class StudentReport:
    """A student and a page of their results."""

    student: Student
    results: Page[Result]


@dataclass(frozen=True, slots=True)
class ExamReport:
    """An exam and a page of its results."""

    exam: Exam
    results: Page[Result]


class Repeats(Enum):
    """Which score is kept when a student's result in an exam comes again (`SCORES_REPEATS`)."""

    LAST = "last"
    FIRST = "first"
    MAX = "max"
    MIN = "min"

    def keep(self, old: float, new: float) -> float:
        """The score that stays, of the one stored and the one that came."""
        if self is Repeats.LAST:
            return new
        if self is Repeats.FIRST:
            return old
        return max(old, new) if self is Repeats.MAX else min(old, new)


class Outcome(Enum):
    """What recording a result did."""

    NEW = "new"
    REPLACED = "replaced"
    """It was known, and the stored score is now the one that came (equal or not)."""
    KEPT = "kept"
    """It was known, and the policy for repeats kept another score."""


class Lease(NamedTuple):
    """The right to read a feed, for whoever holds it: one of all servers on a store."""

    feed: str
    """The feed's URL."""
    token: int
    """Higher with every new holder (a fencing token)."""
    position: str
    """The last event id that the store has; empty when there is none."""


class StudentKey(NamedTuple):
    """Names a student, with all of their results."""

    student_id: str


class ResultKey(NamedTuple):
    """Names one student's result in one exam."""

    student_id: str
    exam: int


class InspectorKey(NamedTuple):
    """Names an inspector, with all of their scores."""

    uuid: str


Key = StudentKey | ResultKey | InspectorKey
"""What can be removed from a store."""


def is_id(value: object) -> TypeGuard[str]:
    """Whether the value can be a studentId or a UUID: see `ID_RULE`."""
    return (
        type(value) is str
        and 0 < len(value) <= MAX_ID_LENGTH
        and (value.isprintable() or not _UNADDRESSABLE.search(value))
        and value not in _DOT_SEGMENTS
    )


def is_exam(value: object) -> TypeGuard[int | float]:
    """Whether the value can be an exam number; 3.0 is the integer 3 (JSON Schema 2020-12, section 4.2.3)."""
    if type(value) is float:
        return value.is_integer() and 0 <= value <= MAX_EXAM
    return type(value) is int and 0 <= value <= MAX_EXAM


def parse_result(data: object) -> Result:
    """The result that `{"studentId", "exam", "score"}` states; other members are ignored.

    Raises `InvalidInput` with a fault for each member that is wrong.
    """
    members = _members(data)
    student_id, exam, score = members.get("studentId"), members.get("exam"), members.get("score")
    if is_id(student_id) and is_exam(exam) and _is_exam_score(score):
        return Result(student_id, int(exam), _without_sign(score))
    raise InvalidInput(
        *_fault(members, "studentId", ID_RULE, is_id(student_id)),
        *_fault(members, "exam", EXAM_RULE, is_exam(exam)),
        *_fault(members, "score", _EXAM_SCORE_RULE, _is_exam_score(score)),
    )


def parse_results(data: Sequence[dict[str, Any]]) -> list[Result]:
    """What `parse_result` makes of each, in half the time where all are written the usual way.

    Raises `InvalidInput` for the first that is no result.
    """
    results = _plain_results(data) if data else []
    return list(map(parse_result, data)) if results is None else results


def _plain_results(data: Sequence[dict[str, Any]]) -> list[Result] | None:
    """The results, if all of them are valid by less than the whole rule; None when that is not certain."""
    try:
        student_ids = [item["studentId"] for item in data]
        exams, scores = [item["exam"] for item in data], [item["score"] for item in data]
    except KeyError:
        return None
    if not (
        {*map(type, exams)} == {int}
        and {*map(type, scores)} == {float}
        and 0 <= min(exams) <= max(exams) <= MAX_EXAM
        and 0 <= min(scores) <= max(scores) <= 1
        # NaN, which `min` and `max` may pass over.
        and sum(scores) <= len(scores)
        and _are_plain_ids(student_ids)
    ):
        return None
    unsigned = [score + 0.0 for score in scores]
    return [*map(_new, repeat(Result), zip(student_ids, exams, unsigned, strict=True))]


def parse_exam_score(data: object) -> float:
    """The score that `{"score"}` states for a result whose student and exam are named elsewhere.

    Raises `InvalidInput` unless it is a number from 0 to 1.
    """
    members = _members(data)
    score = members.get("score")
    if _is_exam_score(score):
        return _without_sign(score)
    raise InvalidInput(*_fault(members, "score", _EXAM_SCORE_RULE, False))


def parse_score(data: object) -> Score:
    """The score that `{"UUID", "score"}` gives to an inspector; other members are ignored.

    Raises `InvalidInput` with a fault for each member that is wrong.
    """
    # The usual case, by less than the whole rule, and without a call.
    if (
        type(data) is dict
        and type(score := data.get("score")) is int
        and 0 <= score <= MAX_MARK
        and type(uuid := data.get("UUID")) is str
        and 0 < len(uuid) <= MAX_ID_LENGTH
        and uuid.isprintable()
        and uuid not in _DOT_SEGMENTS
    ):
        return _new(Score, (uuid, score))
    members = _members(data)
    uuid, score = members.get("UUID"), members.get("score")
    if is_id(uuid) and _is_mark(score):
        return Score(uuid, int(score))
    raise InvalidInput(
        *_fault(members, "UUID", ID_RULE, is_id(uuid)),
        *_fault(members, "score", _MARK_RULE, _is_mark(score)),
    )


def parse_scores(items: Sequence[object]) -> list[Score | InvalidInput]:
    """What `parse_score` makes of each, or the error that it raises; faster, where all are valid."""
    plain = plain_scores(items)
    if plain is None:
        return [_parsed(item) for item in items]
    return [*map(_new, repeat(Score), zip(*plain, strict=True))]


def plain_scores(items: Sequence[Any]) -> tuple[list[str], list[int]] | None:
    """The UUIDs and the scores of all, if these are valid by less than the whole rule; None when that is not
    certain.
    """
    if {*map(type, items)} != {dict}:
        return None
    try:
        uuids, scores = [item["UUID"] for item in items], [item["score"] for item in items]
    except KeyError:
        return None
    if not (
        {*map(type, scores)} == {int}
        and 0 <= min(scores) <= max(scores) <= MAX_MARK
        and _are_plain_ids(uuids)
    ):
        return None
    return uuids, scores


def _are_plain_ids(values: Sequence[Any]) -> bool:
    """Whether all are ids (`is_id`) that need no closer look; there is at least one."""
    return (
        {*map(type, values)} == {str}
        and all(values)
        and max(map(len, values)) <= MAX_ID_LENGTH
        and "".join(values).isprintable()
        and _DOT_SEGMENTS.isdisjoint(values)
    )


def _parsed(item: object) -> Score | InvalidInput:
    try:
        return parse_score(item)
    except InvalidInput as exc:
        # A traceback holds frames, and so whatever the error is put in, until the cyclic collector comes.
        return exc.with_traceback(None)


def _members(data: object) -> dict[str, Any]:
    if type(data) is dict:
        return data
    raise InvalidInput(Fault("", f"the body must be a JSON object, not {_show(data)}"))


def _without_sign(score: float) -> float:
    # -0.0 and 0.0 are one score: stored as the same bits, it reads the same from every store.
    return score + 0.0


def _is_exam_score(value: object) -> TypeGuard[int | float]:
    return (type(value) is float or type(value) is int) and 0 <= value <= 1


def _is_mark(value: object) -> TypeGuard[int | float]:
    if type(value) is float:
        return value.is_integer() and 0 <= value <= MAX_MARK
    return type(value) is int and 0 <= value <= MAX_MARK


def _fault(members: dict[str, Any], name: str, rule: str, valid: bool, /) -> list[Fault]:
    if valid:
        return []
    if name not in members:
        return [Fault(f"/{name}", f"{name} is missing: it must be {rule}")]
    return [Fault(f"/{name}", f"{name} must be {rule}, not {_show(members[name])}")]


def _show(value: object) -> str:
    """The offending value, short enough to be quoted in an error."""
    if isinstance(value, str):
        if len(value) <= _QUOTED:
            return f"the string {value!a}"
        return f"a string of {len(value)} characters that begins {value[:_QUOTED]!a}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        # NaN, infinities and integers too long to print fail the comparison.
        return str(value) if abs(value) < _PRINTABLE else "that number"
    return "an object" if isinstance(value, dict) else "an array"
