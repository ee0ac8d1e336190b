"""The rows of all processes as metric families: what Prometheus is told.

Rule: a scrape reads every row once and adds them up, so it is the same whichever worker answers, and all
that one answer says is of one moment. Each family of the server is declared here, once. Only `exposition`
and this file know prometheus-client.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from time import monotonic
from typing import Final

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector

from scores.metrics.board import Board
from scores.metrics.layout import (
    ABORTED,
    ACCEPTED,
    BOUNDS,
    BUCKETS,
    CUT,
    FEED_PENDING,
    FEED_RECONNECTS,
    FEED_SEEN,
    HITS,
    IN_FLIGHT,
    LISTENING,
    MISSES,
    OPEN,
    OTHER,
    PID,
    RESTARTS,
    SIZES,
    STATUSES,
    SUM,
    Layout,
)

__all__ = ["Rows", "Totals"]

Totals = dict[str, int | None]
"""How many of each kind are stored; None where the store did not say in time."""

_ALWAYS: Final = frozenset({500, 503})
"""Statuses that are told of while none has been answered: what grows from nothing can be alerted on."""


class Rows:
    """The families of one moment."""

    def __init__(self, board: Board, totals: Totals, *, version: str, workers: int) -> None:
        self._layout: Final[Layout] = board.layout
        self._totals = totals
        self._version = version
        self._workers = workers
        self._rows = board.read()
        self._sums = [sum(column) for column in zip(*self._rows, strict=True)]

    def collect(self) -> Iterable[Metric]:
        """Every family."""
        yield from self._requests()
        yield from self._connections()
        yield from self._feed()
        yield from self._store()
        yield from self._service()
        yield from self._processes()

    def _requests(self) -> Iterator[Metric]:
        sums, layout = self._sums, self._layout
        requests = CounterMetricFamily(
            "scores_http_requests",
            "Requests that were answered.",
            labels=("route", "method", "status"),
        )
        durations = HistogramMetricFamily(
            "scores_http_request_duration_seconds",
            "From a head that was read, or a whole request on the express lane, to its answer, written.",
            labels=("route", "method"),
        )
        hits = sums[HITS]
        for pair in layout.pairs:
            express = sums[pair.express : pair.express + BUCKETS]
            hits += sum(express)
            names = ["*", *map(str, STATUSES), OTHER]
            for number, status in enumerate((*STATUSES, OTHER)):
                count = sums[pair.statuses + number] + (sum(express) if status == 200 else 0)  # noqa: PLR2004  # OK
                if count or (status in _ALWAYS and OTHER not in pair[:2]):
                    requests.add_metric((pair.route, pair.method, names[number + 1]), count)
            both = [
                one + two for one, two in zip(sums[pair.usual : pair.usual + BUCKETS], express, strict=True)
            ]
            if any(both):
                total = sums[pair.usual + SUM] + sums[pair.express + SUM]
                durations.add_metric((pair.route, pair.method), _buckets(BOUNDS, both), total)
        yield requests
        yield durations
        lane = CounterMetricFamily(
            "scores_express_requests",
            "Requests by whether the express lane answered them.",
            labels=("result",),
        )
        lane.add_metric(("hit",), hits)
        lane.add_metric(("miss",), sums[MISSES])
        yield lane
        problems = CounterMetricFamily(
            "scores_http_problems",
            "Problems that clients were told of, by the code that their type ends with.",
            labels=("code",),
        )
        for code, place in layout.problems.items():
            problems.add_metric((code,), sums[place])
        yield problems
        yield CounterMetricFamily(
            "scores_http_requests_aborted", "Requests whose answer never came to an end.", sums[ABORTED]
        )  # fmt: skip
        yield GaugeMetricFamily(
            "scores_http_requests_in_flight", "Requests in flight, the scrape included.", sums[IN_FLIGHT]
        )  # fmt: skip

    def _connections(self) -> Iterator[Metric]:
        sums = self._sums
        yield GaugeMetricFamily("scores_http_connections", "Connections that are open.", sums[OPEN])
        yield CounterMetricFamily(
            "scores_http_connections_accepted", "Connections that came, also the refused.", sums[ACCEPTED]
        )  # fmt: skip
        yield CounterMetricFamily(
            "scores_http_connections_cut", "Connections cut because the client took nothing.", sums[CUT]
        )

    def _feed(self) -> Iterator[Metric]:
        sums, layout = self._sums, self._layout
        events = CounterMetricFamily(
            "scores_feed_events", "Events of the feed by what came of them.", labels=("outcome",)
        )
        for outcome, place in layout.outcomes.items():
            events.add_metric((outcome,), sums[place])
        yield events
        reasons = CounterMetricFamily(
            "scores_feed_rejected_events",
            "Events that were no result, by what was wrong.",
            labels=("reason",),
        )
        for reason, place in layout.reasons.items():
            reasons.add_metric((reason,), sums[place])
        yield reasons
        yield CounterMetricFamily(
            "scores_feed_reconnects", "Attempts to connect after the first.", sums[FEED_RECONNECTS]
        )
        states = GaugeMetricFamily(
            "scores_feed_state", "Workers whose feed is in this state.", labels=("state",)
        )
        for state, place in layout.feed_states.items():
            states.add_metric((state.value,), sums[place])
        yield states
        yield GaugeMetricFamily(
            "scores_feed_last_event_timestamp_seconds",
            "When the last event came, in seconds since 1970; 0 for never.",
            max(row[FEED_SEEN] for row in self._rows),
        )
        pending = [row[FEED_PENDING] for row in self._rows if row[FEED_PENDING]]
        yield GaugeMetricFamily(
            "scores_feed_lag_seconds",
            "How long what came last has been waiting to be recorded; 0 when nothing waits.",
            max(0.0, monotonic() - min(pending)) if pending else 0.0,
        )

    def _store(self) -> Iterator[Metric]:
        sums = self._sums
        durations = HistogramMetricFamily(
            "scores_store_batch_duration_seconds",
            "From the time when a batch was sent to the store until it was answered.",
            labels=("operation",),
        )
        sizes = HistogramMetricFamily(
            "scores_store_batch_size", "Requests that went to the store together.", labels=("operation",)
        )
        failures = CounterMetricFamily(
            "scores_store_failures", "Batches that were given up.", labels=("operation",)
        )
        refusals = CounterMetricFamily(
            "scores_store_refusals", "Requests not taken in because too many wait.", labels=("operation",)
        )
        for kind, lane in self._layout.lanes.items():
            spent = sums[lane.durations : lane.durations + BUCKETS]
            durations.add_metric((kind,), _buckets(BOUNDS, spent), sums[lane.durations + SUM])
            counts = sums[lane.sizes : lane.sizes + len(SIZES) + 1]
            sizes.add_metric((kind,), _buckets(SIZES, counts), sums[lane.sizes + len(SIZES) + 1])
            failures.add_metric((kind,), sums[lane.failures])
            refusals.add_metric((kind,), sums[lane.refusals])
        yield from (durations, sizes, failures, refusals)
        stored = GaugeMetricFamily("scores_stored", "What the store holds, by kind.", labels=("kind",))
        for kind, total in self._totals.items():
            if total is not None:
                stored.add_metric((kind,), total)
        yield stored
        up = float(None not in self._totals.values())
        yield GaugeMetricFamily("scores_store_up", "Whether the store has just said what it holds.", up)

    def _service(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("scores_info", "The server's version.", labels=("version",))
        info.add_metric((self._version,), 1)
        yield info
        listening = self._sums[LISTENING] if self._workers > 1 else 1
        yield GaugeMetricFamily("scores_workers_listening", "Workers that listen.", listening)
        yield GaugeMetricFamily("scores_workers_configured", "Workers that should.", self._workers)
        yield CounterMetricFamily(
            "scores_worker_ends", "Workers that ended unasked, or failed to start.", self._sums[RESTARTS]
        )  # fmt: skip

    def _processes(self) -> Iterator[Metric]:
        """What prometheus-client knows of a process, for each that lives."""
        families: dict[str, Metric] = {}
        for place, row in enumerate(self._rows):
            if not row[PID]:
                continue
            worker = str(place) if place < self._workers else "supervisor"
            for family in ProcessCollector(pid=partial(int, row[PID]), registry=None).collect():
                name, about = family.name, family.documentation
                whole = families.setdefault(name, Metric(name, about, family.type))
                for sample in family.samples:
                    whole.add_sample(sample.name, {"worker": worker}, sample.value)
        yield from families.values()


def _buckets(bounds: Sequence[float], counts: Sequence[float]) -> list[tuple[str, float]]:
    """The buckets of a histogram, each with all that is in those before it."""
    return list(zip([*map(str, map(float, bounds)), "+Inf"], accumulate(counts), strict=True))
