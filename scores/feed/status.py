"""What is known of a feed: its state, and what came of its events.

Rule: the feed's client is the one that writes it; everybody else reads.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from urllib.parse import urlsplit

__all__ = ["FeedState", "FeedStatus", "without_password"]


class FeedState(Enum):
    """Where a feed's connection stands."""

    CONNECTING = "connecting"
    OPEN = "open"
    WAITING = "waiting"
    """Between two attempts, or for the store to come back."""
    STOPPED = "stopped"
    """For good: the feed said so, or the server is going down."""
    OFF = "off"


@dataclass(slots=True)
class FeedStatus:
    """A feed's state and its counters since the server started."""

    url: str | None
    """Without user name and password; None when the feed is off."""
    state: FeedState = FeedState.OFF
    last_event_id: str = ""
    """Of the last event that the store has; it is what a reconnect resumes after."""
    last_event_at: datetime | None = None
    received: int = 0
    """Score events, good and bad."""
    recorded: int = 0
    """Of these, those that the store has taken, repeats included."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Of these, those that were no result, by what was wrong: `json`, `size`, or the name of a member."""
    ignored: int = 0
    """Events of other types."""
    reconnects: int = 0
    pending_since: float = 0.0
    """When what waits for the store came, as `time.monotonic` has it; 0 when nothing waits."""

    @classmethod
    def of(cls, url: str | None) -> "FeedStatus":
        """The status of a feed that has not been connected yet, or is off."""
        return cls(None if url is None else without_password(url))


def without_password(url: str) -> str:
    """The URL as it may be shown: without user name and password, nor any parameter that is one."""
    parts = urlsplit(url)
    parameters = [text for text in parts.query.split("&") if "password" not in text.partition("=")[0].lower()]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="&".join(parameters)).geturl()
