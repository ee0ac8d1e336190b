"""The server's documents as values; where the wire says as much, they are those of `scores.models`.

Rule: a document that lacks a member, or has one of another type, is a `BadAnswer`; members that are not
known are ignored, so that a newer server can say more.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from scores.client.errors import BadAnswer
from scores.feed.decoder import Event
from scores.feed.status import FeedState
from scores.models import Exam, Inspector, Result, Student

__all__ = [
    "Feed",
    "Mean",
    "MeanEvent",
    "Report",
    "ScoreEvent",
    "read",
    "read_event",
    "read_exam",
    "read_feed",
    "read_inspector",
    "read_mean",
    "read_result",
    "read_student",
]

T = TypeVar("T")
Document = dict[str, Any]


class Mean(NamedTuple):
    """What a POST is answered: an inspector's mean, 0.0 … 5.0, over all scores so far."""

    uuid: str
    mean: float


@dataclass(frozen=True, slots=True)
class Report(Generic[T]):
    """A student or an exam, and their results."""

    subject: T
    """With the average of all results, also where a filter leaves some out."""
    results: AsyncIterator[Result]
    """To be iterated once; pages are fetched as they are needed."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How the server's feed is doing."""

    url: str | None
    state: FeedState
    last_event_id: str | None
    last_event_at: datetime | None
    received: int
    recorded: int
    rejected: int
    reconnects: int


class ScoreEvent(NamedTuple):
    """A result was recorded."""

    id: str
    result: Result


class MeanEvent(NamedTuple):
    """An inspector's mean has changed."""

    id: str
    inspector: Inspector


def read(how: Callable[[Document], T], data: object) -> T:
    """What `how` makes of the document; raises `BadAnswer` where it lacks what `how` looks for."""
    try:
        if not isinstance(data, dict):
            raise TypeError("it is no object")  # noqa: TRY301  # one place says what every wrong document is
        return how(data)
    except (KeyError, TypeError, ValueError) as exc:
        reason = f"it has no {exc}" if isinstance(exc, KeyError) else str(exc)
        raise BadAnswer(f"the server's answer is not one of this API: {reason}") from exc


def read_student(data: Document) -> Student:
    """One of `/students`."""
    return Student(_text(data["studentId"]), _number(data["average"]), _integer(data["count"]))


def read_exam(data: Document) -> Exam:
    """One of `/exams`."""
    return Exam(_integer(data["exam"]), _number(data["average"]), _integer(data["count"]))


def read_result(data: Document) -> Result:
    """A result that names its student and its exam."""
    return Result(_text(data["studentId"]), _integer(data["exam"]), _number(data["score"]))


def read_mean(data: Document) -> Mean:
    """The answer to a POST."""
    return Mean(_text(data["UUID"]), _number(data["mean"]))


def read_inspector(data: Document) -> Inspector:
    """One of `/inspectors`.

    The sum is not on the wire, and follows: the mean is the double nearest to sum / count, so while the sum
    has less than 52 bits, mean · count is nearer to it than to any other integer.
    """
    count = _integer(data["count"])
    if count < 1:
        raise ValueError(f"it has a count of {count}")
    return Inspector(_text(data["UUID"]), count, round(_number(data["mean"]) * count))


def read_feed(data: Document) -> Feed:
    """The answer of `/feed`."""
    at = data["lastEventAt"]
    return Feed(
        url=data["url"],
        state=FeedState(data["state"]),
        last_event_id=data["lastEventId"],
        last_event_at=None if at is None else datetime.fromisoformat(at),
        received=_integer(data["received"]),
        recorded=_integer(data["recorded"]),
        rejected=_integer(data["rejected"]),
        reconnects=_integer(data["reconnects"]),
    )


def read_event(event: Event) -> ScoreEvent | MeanEvent | None:
    """The event's meaning; None for one of a type that is not known, which a newer server may send."""
    if event.type == "score":
        return ScoreEvent(event.id, read(read_result, _decoded(event.data)))
    if event.type == "mean":
        return MeanEvent(event.id, read(read_inspector, _decoded(event.data)))
    return None


def _decoded(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise BadAnswer(f"the server sent an event that is not JSON: {exc}") from exc


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"it has {type(value).__name__} where a string is expected")
    return value


def _integer(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"it has {type(value).__name__} where an integer is expected")
    return value


def _number(value: object) -> float:
    if type(value) is not float and type(value) is not int:
        raise TypeError(f"it has {type(value).__name__} where a number is expected")
    return float(value)
