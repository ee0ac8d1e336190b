"""What a process counts in its row: requests and connections, the feed, the batches for a store.

Rule: to count is a few additions to plain numbers, each when the thing happens, so whichever process is
asked later knows all, also of one that was killed. A counter is only ever added to.
"""

import os
from bisect import bisect_left
from time import monotonic
from typing import Final

from scores.feed.status import FeedStatus
from scores.metrics.board import Row
from scores.metrics.layout import (
    ABORTED,
    ACCEPTED,
    BOUNDS,
    CUT,
    FEED_PENDING,
    FEED_RECONNECTS,
    FEED_SEEN,
    HITS,
    IN_FLIGHT,
    MISSES,
    OPEN,
    OTHER,
    PID,
    SIZES,
    SUM,
    Lane,
    Layout,
)

__all__ = ["FeedTally", "LaneTally", "Tally"]


class Tally:
    """Counts the requests and the connections of one process."""

    def __init__(self, layout: Layout, row: Row) -> None:
        self.layout: Final = layout
        self.row: Final = row
        self._cells: Final = dict[tuple[str, str, int], tuple[int, int]]()
        """Where answers to a route, by a method, with a status are counted: as many as there are of these."""
        row[PID] = os.getpid()

    def opened(self) -> None:
        """A client has come."""
        self.row[OPEN] += 1
        self.row[ACCEPTED] += 1

    def closed(self) -> None:
        """A client has gone."""
        self.row[OPEN] -= 1

    def cut(self) -> None:
        """A client took nothing for too long."""
        self.row[CUT] += 1

    def begin(self) -> None:
        """A request is going to be answered."""
        self.row[IN_FLIGHT] += 1

    def end(self) -> None:
        """It is answered, or never will be."""
        self.row[IN_FLIGHT] -= 1

    def aborted(self) -> None:
        """The client went before it was answered, or the answer broke off."""
        self.row[ABORTED] += 1

    def answered(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """The usual way has answered; a stream, which lasts as long as its client likes, has no `seconds`."""
        self.row[IN_FLIGHT] -= 1
        self.row[MISSES] += 1
        self._answered(route, method, status, seconds)

    def hit(self, route: str, method: str, status: int, seconds: float) -> None:
        """The express lane has answered with something else than a 200."""
        self.row[HITS] += 1
        self._answered(route, method, status, seconds)

    def passed(self, cells: int, requests: int, seconds: float) -> None:
        """The express lane has answered so many requests together, each with a 200, after so many seconds."""
        self.row[cells + bisect_left(BOUNDS, seconds)] += requests
        self.row[cells + SUM] += seconds * requests

    def problem(self, code: str) -> None:
        """A client was told of a problem with this code."""
        problems = self.layout.problems
        self.row[problems.get(code, problems[OTHER])] += 1

    def _answered(self, route: str, method: str, status: int, seconds: float | None) -> None:
        row = self.row
        answers, durations = self._cells.get((route, method, status)) or self._find(route, method, status)
        row[answers] += 1
        if seconds is not None:
            row[durations + bisect_left(BOUNDS, seconds)] += 1
            row[durations + SUM] += seconds

    def _find(self, route: str, method: str, status: int) -> tuple[int, int]:
        pair = self.layout.pair(route, method)
        found = self.layout.status(pair, status), pair.usual
        # A client may make methods up.
        if pair.method == method:
            self._cells[route, method, status] = found
        return found


class FeedTally:
    """Writes down what is known of the feed, on top of what those before in the same place have counted."""

    def __init__(self, layout: Layout, row: Row) -> None:
        self._layout = layout
        self._row = row
        places = (*layout.outcomes.values(), *layout.reasons.values(), FEED_RECONNECTS)
        self._before = {place: row[place] for place in places}

    def note(self, status: FeedStatus) -> None:
        """The feed's status has changed."""
        outcomes, rejected = self._layout.outcomes, status.rejected
        for state, place in self._layout.feed_states.items():
            self._row[place] = state is status.state
        self._set(outcomes["recorded"], status.recorded)
        self._set(outcomes["ignored"], status.ignored)
        self._set(FEED_RECONNECTS, status.reconnects)
        if rejected:
            self._set(outcomes["rejected"], rejected.total())
            named = {reason: count for reason, count in rejected.items() if reason in self._layout.reasons}
            named[OTHER] = rejected.total() - sum(named.values()) + named.get(OTHER, 0)
            for reason, count in named.items():
                self._set(self._layout.reasons[reason], count)
        self._row[FEED_SEEN] = 0.0 if status.last_event_at is None else status.last_event_at.timestamp()
        self._row[FEED_PENDING] = status.pending_since

    def _set(self, place: int, count: int) -> None:
        self._row[place] = self._before[place] + count


class LaneTally:
    """Counts the batches of one kind that go to a store."""

    def __init__(self, lane: Lane, row: Row) -> None:
        self._lane = lane
        self._row = row

    def start(self) -> float:
        """When a batch is sent, in seconds."""
        return monotonic()

    def sent(self, requests: int, started: float) -> None:
        """A batch of so many requests that was begun then has been answered, or given up."""
        seconds, lane, row = monotonic() - started, self._lane, self._row
        row[lane.durations + bisect_left(BOUNDS, seconds)] += 1
        row[lane.durations + SUM] += seconds
        row[lane.sizes + bisect_left(SIZES, requests)] += 1
        row[lane.sizes + len(SIZES) + 1] += requests

    def failed(self) -> None:
        """A batch, or the part of it for one shard, was given up."""
        self._row[self._lane.failures] += 1

    def refused(self) -> None:
        """A request was not taken in, because too many wait."""
        self._row[self._lane.refusals] += 1
