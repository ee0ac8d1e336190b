"""Events as bytes (HTML standard, section 9.2.5), and the ids by which a reader goes on.

    1795264000000-17            everything up to event 17 of that epoch
    1795264000000-17-3-Zm9v     the same, and of what is stored all before exam 3, and of it up to a position

Rule: an id says all that it takes to go on; whatever is no id of ours, or of another time, is none.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from orjson import dumps

from scores.models import Result
from scores.stores.journal import Event

__all__ = ["COMMENT", "START", "Place", "Position", "encode", "encode_page", "parse_id"]

COMMENT: Final = b":\n\n"
"""Nothing, for those who are told so that they know the connection is alive."""

_ID: Final = re.compile("([0-9A-Za-z]{1,32})-([0-9]{1,19})(?:-([0-9]{1,19})-([0-9A-Za-z_-]*))?")


class Place(NamedTuple):
    """How far a walk over all results is: every exam below this one, and this one's up to a position."""

    exam: int
    after: str | None = None
    """As `Store.exam` takes it."""


START: Final = Place(0)


class Position(NamedTuple):
    """How far a reader is."""

    epoch: str
    number: int
    place: Place | None = None
    """Of the walk over what is stored; None when it is over."""

    def __str__(self) -> str:
        head = f"{self.epoch}-{self.number}"
        if self.place is None:
            return head
        after = urlsafe_b64encode((self.place.after or "").encode()).decode("ascii").rstrip("=")
        return f"{head}-{self.place.exam}-{after}"


def parse_id(text: str) -> Position | None:
    """The position that the id states; None when it is none of ours."""
    match = _ID.fullmatch(text)
    if match is None:
        return None
    epoch, number, exam, after = match.groups()
    if exam is None:
        return Position(epoch, int(number))
    try:
        decoded = urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode()
    except ValueError:
        return None
    return Position(epoch, int(number), Place(int(exam), decoded or None))


def encode(events: Iterable[Event], position: Position) -> bytes:
    """Events as frames; the position is that before the first."""
    head = f"{position.epoch}-"
    # The walk stays where it is while events come in between.
    tail = str(position).removeprefix(f"{head}{position.number}")
    return b"".join(
        [
            f"id: {head}{number}{tail}\n".encode("ascii") + _event(event)
            for number, event in enumerate(events, position.number + 1)
        ]
    )


def encode_page(results: Sequence[Result], position: Position, place: Place) -> bytes:
    """A page of what is stored as frames; a reader that is cut within it gets all of it again.

    The position is that before the page, the place that behind it.
    """
    before, behind = (f"id: {one}\n".encode("ascii") for one in (position, position._replace(place=place)))
    frames = [before + _event(result) for result in results[:-1]]
    return b"".join([*frames, *(behind + _event(result) for result in results[-1:])])


def _event(event: Event) -> bytes:
    if isinstance(event, Result):
        student_id, exam, score = event
        return b"event: score\ndata: %b\n\n" % dumps({"studentId": student_id, "exam": exam, "score": score})
    uuid, count, total = event
    return b"event: mean\ndata: %b\n\n" % dumps({"UUID": uuid, "mean": total / count, "count": count})
