"""The layout: every number has a place of its own, and no request makes one."""

import pytest

from scores.metrics.layout import BUCKETS, GAUGES, OTHER, SIZES, STATUSES, Layout
from scores.web.routes import LAYOUT, ROUTES


def spans(layout: Layout) -> list[range]:
    singles = [
        *layout.outcomes.values(),
        *layout.reasons.values(),
        *layout.problems.values(),
        *(place for lane in layout.lanes.values() for place in (lane.failures, lane.refusals)),
    ]
    tables = [
        *(range(pair.statuses, pair.statuses + len(STATUSES) + 1) for pair in layout.pairs),
        *(range(at, at + BUCKETS + 1) for pair in layout.pairs for at in (pair.usual, pair.express)),
        *(range(lane.durations, lane.durations + BUCKETS + 1) for lane in layout.lanes.values()),
        *(range(lane.sizes, lane.sizes + len(SIZES) + 2) for lane in layout.lanes.values()),
    ]
    return [range(GAUGES.stop), *(range(place, place + 1) for place in singles), *tables]


def test_no_two_things_are_counted_in_one_place() -> None:
    places = [place for span in spans(LAYOUT) for place in span]
    assert len(places) == len(set(places))
    assert max(places) == LAYOUT.width - 1
    assert set(LAYOUT.feed_states.values()) <= set(range(GAUGES.start, GAUGES.stop))


def test_the_same_table_has_the_same_layout_and_another_has_not() -> None:
    table = [(route.path, route.method) for route in ROUTES]
    assert Layout(table).fingerprint == LAYOUT.fingerprint
    assert Layout(table[:-1]).fingerprint != LAYOUT.fingerprint
    assert Layout([*table[:-1], ("/metrics", "POST")]).fingerprint != LAYOUT.fingerprint


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/students/{id}", "/students/{id}"),
        ("/students/{id}/", "/students/{id}"),
        ("/{rest}", OTHER),
        ("", OTHER),
    ],
)
def test_a_route_of_the_router_has_its_name(path: str, route: str) -> None:
    assert LAYOUT.route(path) == route


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/scores", "/scores"),
        ("/scores/", "/scores"),
        ("/inspectors/a1-b1", "/inspectors/{uuid}"),
        ("/inspectors/a%2Fb/", "/inspectors/{uuid}"),
        ("/exams/3/results/foo", "/exams/{number}/results/{id}"),
        ("/exams/3/results", OTHER),
        ("/nowhere", OTHER),
    ],
)
def test_a_path_has_the_route_that_the_router_would_find(path: str, route: str) -> None:
    assert LAYOUT.place(path, "GET").route == route


def test_a_method_that_a_route_does_not_take_and_a_status_nobody_knows_are_other() -> None:
    assert LAYOUT.pair("/scores", "BREW").method == OTHER
    assert LAYOUT.pair(OTHER, "BREW").method == OTHER
    assert LAYOUT.pair("/students", "HEAD").method == "HEAD"
    pair = LAYOUT.pair("/scores", "POST")
    assert LAYOUT.status(pair, 299) == LAYOUT.status(pair, 799) == pair.statuses + len(STATUSES)
