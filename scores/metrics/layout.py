"""Which number is which: the places of all that is counted in a row of doubles.

Rule: a pure function of the table of routes and the tree of errors, so that every process that runs the
same code has the same layout; nothing that a client sends makes a place, whatever it is: labels are routes,
methods, statuses and codes that are known at the start, and `other` for all else.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple
from zlib import crc32

from scores.errors import ScoresError
from scores.feed.status import FeedState

__all__ = [
    "ABORTED",
    "ACCEPTED",
    "BOUNDS",
    "BUCKETS",
    "CUT",
    "FEED_PENDING",
    "FEED_RECONNECTS",
    "FEED_SEEN",
    "FINGERPRINT",
    "GAUGES",
    "HITS",
    "IN_FLIGHT",
    "LISTENING",
    "MISSES",
    "OPEN",
    "OTHER",
    "PID",
    "REASONS",
    "RESTARTS",
    "SHORTEST",
    "SIZES",
    "STATUSES",
    "SUM",
    "Lane",
    "Layout",
    "Pair",
    "Place",
]

OTHER: Final = "other"

FINGERPRINT: Final = 0
"""What the row is laid out by: no other layout's numbers are ever taken for ours."""

PID: Final = 1
OPEN: Final = 2
"""Open connections."""
IN_FLIGHT: Final = 3
"""Requests that are being answered."""
LISTENING: Final = 4
"""Workers that listen, in the supervisor's row."""
FEED_SEEN: Final = 5
"""When the last event came, in seconds since 1970; 0 for never."""
FEED_PENDING: Final = 6
"""Since when events wait for the store, by `time.monotonic`, which all processes share; 0: none do."""
_FEED_STATES: Final = 7

GAUGES: Final = slice(PID, _FEED_STATES + len(FeedState))
"""What is true of a process that lives, and 0 when it has ended."""

(
    HITS,
    MISSES,
    ABORTED,
    ACCEPTED,
    CUT,
    RESTARTS,
    FEED_RECONNECTS,
    _TABLES,
) = range(GAUGES.stop, GAUGES.stop + 8)

BOUNDS: Final = (
    *(0.00001, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds of durations, in seconds."""

SHORTEST: Final = BOUNDS[0]
BUCKETS: Final = len(BOUNDS) + 1
SUM: Final = BUCKETS
"""Where the sum of a histogram of durations is, after its buckets, of which the last has no bound."""

SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Upper bounds of the number of requests in one batch for a store."""

REASONS: Final = ("json", "size", "studentId", "exam", "score", "store", OTHER)
"""Why an event of the feed was rejected."""

STATUSES: Final = tuple(
    sorted(
        {200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410}
        | {411, 412, 413, 414, 415, 416, 417, 421, 422, 424, 425, 426, 428, 429, 431, 500, 501, 502, 503}
        | {504, 505, 507}
    )
)

_PARAMETER: Final = re.compile(r"\{(\w+)(?::[^{}]*)?\}")


class Place(NamedTuple):
    """The route of the requests with a head, and where the express lane counts them."""

    route: str
    cells: int


class Pair(NamedTuple):
    """One method of one route, and where it is counted."""

    route: str
    method: str
    statuses: int
    """The first of one number for each of `STATUSES`, and one for any other."""
    usual: int
    """The first of `BUCKETS` numbers and a sum: durations of what the usual way has answered."""
    express: int
    """Likewise for 200s of the express lane, which are in no other count."""


class Lane(NamedTuple):
    """Where the batches of one kind for a store are counted."""

    kind: str
    durations: int
    """The first of `BUCKETS` numbers and a sum."""
    sizes: int
    """The first of a number for each of `SIZES`, one for more, and a sum."""
    failures: int
    refusals: int


class Layout:
    """The layout for a table of routes: paths as aiohttp takes them, each with a method."""

    def __init__(self, routes: Iterable[tuple[str, str]]) -> None:
        methods: dict[str, list[str]] = {}
        for path, method in routes:
            known = methods.setdefault(_template(path), [])
            known += [method, "HEAD"] if method == "GET" else [method]
        methods[OTHER] = list(dict.fromkeys(chain.from_iterable(methods.values())))
        self._next = _TABLES
        self.pairs = [
            Pair(
                route, method, self._room(len(STATUSES) + 1), self._room(BUCKETS + 1), self._room(BUCKETS + 1)
            )
            for route, known in methods.items()
            for method in [*known, OTHER]
        ]
        self.outcomes = {name: self._room(1) for name in ("recorded", "rejected", "ignored")}
        """What came of the feed's events."""
        self.reasons = {reason: self._room(1) for reason in REASONS}
        self.problems = {code: self._room(1) for code in [*sorted(set(_codes(ScoresError))), OTHER]}
        self.lanes = {
            kind: Lane(
                kind, self._room(BUCKETS + 1), self._room(len(SIZES) + 2), self._room(1), self._room(1)
            )
            for kind in ("read", "write")
        }
        self.feed_states = {state: _FEED_STATES + number for number, state in enumerate(FeedState)}
        self.width = self._next
        """Numbers in a row."""
        self.fingerprint = float(crc32(repr(self._names()).encode()))
        self._pairs = {(pair.route, pair.method): pair for pair in self.pairs}
        self._routes = set(methods)
        self._patterns = [(re.compile(_PARAMETER.sub("[^/]+", route) + "/?"), route) for route in methods]
        self._statuses = {status: number for number, status in enumerate(STATUSES)}

    def route(self, path: str) -> str:
        """The name of the route whose path the router has so; `other` for one that is not in the table."""
        route = path.rstrip("/") or "/"
        return route if route in self._routes and path else OTHER

    def pair(self, route: str, method: str) -> Pair:
        """Where requests of this method to a route of this name are counted."""
        return self._pairs.get((route, method)) or self._pairs[route, OTHER]

    def place(self, path: str, method: str) -> Place:
        """Where a request is counted; its path is percent-encoded and has no query."""
        route = next((route for pattern, route in self._patterns if pattern.fullmatch(path)), OTHER)
        return Place(route, self.pair(route, method).express)

    def status(self, pair: Pair, status: int) -> int:
        """Where answers with this status are counted."""
        return pair.statuses + self._statuses.get(status, len(STATUSES))

    def _room(self, size: int) -> int:
        start = self._next
        self._next += size
        return start

    def _names(self) -> tuple[object, ...]:
        return (
            self.pairs,
            self.outcomes,
            self.reasons,
            self.problems,
            self.lanes,
            STATUSES,
            BOUNDS,
            SIZES,
            _TABLES,
        )


def _template(path: str) -> str:
    """The path of a route without what its parameters may look like: `/students/{id}`."""
    return _PARAMETER.sub(r"{\1}", path)


def _codes(error: type[ScoresError]) -> Iterator[str]:
    # Only ours: what a store of somebody else adds is not the same in every process.
    if error.__module__ == ScoresError.__module__:
        yield error.code
        for kind in error.__subclasses__():
            yield from _codes(kind)
