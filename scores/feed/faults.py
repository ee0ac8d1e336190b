"""What a simulated feed can be asked to do wrong, so that its readers can rehearse it."""

from contextlib import suppress
from enum import Enum
from typing import Final

from scores.errors import ConfigError

__all__ = ["PER_EVENT", "RUBBISH", "FeedFault", "parse_fault"]


class FeedFault(Enum):
    """What a feed can be asked to do wrong: for each event, or where it says so for each connection."""

    CUT = "cut"
    """The connection is aborted in the middle of the event."""
    REPEAT = "repeat"
    """The event is sent twice."""
    GARBAGE = "garbage"
    """Rubbish follows the event."""
    STALL = "stall"
    """The feed falls silent before the event, until the reader leaves."""
    REFUSE = "refuse"
    """The connection is answered 503."""
    SLOW = "slow"
    """The connection gets its headers only after the options' `delay`."""


PER_EVENT: Final = (FeedFault.CUT, FeedFault.REPEAT, FeedFault.GARBAGE, FeedFault.STALL)
"""The faults that strike an event; the others strike a connection."""

RUBBISH: Final = (
    b'event: score\ndata: {"studentId":"Rubbish","exam":1,"score":0.5\n\n',
    b'event: score\ndata: {"studentId":"Rubbish","exam":1,"score":1.01}\n\n',
    b'event: score\ndata: {"studentId":"Rubbish","exam":1,"score":NaN}\n\n',
    b'event: score\ndata: {"studentId":"Rubbish","exam":1,"score":"0.5"}\n\n',
    b'event: score\ndata: {"studentId":"Rubbish","exam":-1,"score":0.5}\n\n',
    b'event: score\ndata: {"exam":1,"score":0.5}\n\n',
    b'event: score\ndata: ["Rubbish",1,0.5]\n\n',
    b"event: score\ndata: \xff\xfe\x80\xc0\n\n",
    b"event: score\ndata\n\n",
    b'event: rubbish\ndata: {"studentId":"Rubbish","exam":1,"score":0.5}\n\n',
    b"rubbish\n\n",
)
"""Events, or what looks like some, of which no reader can make a result."""


def parse_fault(text: str) -> tuple[FeedFault, float]:
    """The fault and its probability that `NAME=PROBABILITY` states, such as `cut=0.01`.

    Raises `ConfigError` with a sentence that says what is allowed.
    """
    name, _, probability = text.partition("=")
    with suppress(ValueError):
        fault, chance = FeedFault(name.strip()), float(probability)
        if 0 <= chance <= 1:
            return fault, chance
    names = ", ".join(fault.value for fault in FeedFault)
    raise ConfigError(
        f"fault {text!r} is not allowed: it must be NAME=PROBABILITY,"
        f" NAME one of {names}, and PROBABILITY a number from 0 to 1"
    )
