"""Which figures of a record are drawn, and how: a chart for each measurement that one helps to read.

The rule: a chart is made of a record and of nothing else, so that the committed images can be made anew
from the committed figures, and a test sees that they are the same.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from benchmarks.chart import Bar, Chart, Kind, Panel, svg
from benchmarks.errors import BenchmarkError

__all__ = ["DRAWN", "IMAGES", "RESULTS", "chart", "draw", "draw_all"]

_ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = _ROOT / "benchmarks" / "results"
IMAGES: Final = _ROOT / "docs" / "images"

_Record = Mapping[str, Any]
_Row = Mapping[str, Any]


def draw(figures: Path, image: Path) -> None:
    """Writes the image of the figures. Raises `BenchmarkError` for a file of which there is none."""
    try:
        drawn = chart(json.loads(figures.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BenchmarkError(f"{figures} does not hold the figures of {', '.join(DRAWN)}: {exc!r}") from exc
    image.write_text(drawn, encoding="utf-8")


def draw_all() -> None:
    """Writes the images of all committed figures."""
    for name in DRAWN:
        draw(RESULTS / f"{name}.json", IMAGES / f"{name}.svg")


def chart(kept: _Record) -> str:
    """The image of a record, as SVG 2."""
    return svg(DRAWN[kept["benchmark"]](kept))


def _peers(kept: _Record) -> Chart:
    rows = [row for row in kept["figures"] if row["status"] == "measured"]
    if not rows:
        raise ValueError("nothing was measured")
    panels = [
        Panel(
            f"{_connections(connections)}, load by {client}",
            [_peer(row) for row in sorted(group, key=itemgetter("requests_per_s"), reverse=True)],
        )
        for (client, connections), group in groupby(rows, key=itemgetter("client", "connections"))
    ]
    return Chart(
        "Requests a second of POST /scores, by server",
        "POST /scores, requests a second: one process on one core",
        panels,
        _note(kept, rows[0]["rounds"], "nginx answers a constant"),
    )


def _peer(row: _Row) -> Bar:
    name = row["peer"]
    kind: Kind = "ours" if name.startswith("scores") else "bound" if name == "nginx" else "bar"
    return Bar(
        name, row["requests_per_s"], row["low"], row["high"], kind, at_least=row["bottleneck"] == "generator"
    )


def _reads(kept: _Record) -> Chart:
    rows = kept["figures"]
    panels = [
        Panel(
            f"{store}, {_connections(connections)}",
            [
                _rate(
                    row,
                    f"{row['target']}, lane {row['express']}",
                    "ours" if row["express"] == "on" else "bar",
                )
                for row in group
            ],
        )
        for (store, connections), group in _grouped(rows, "store", "connections")
    ]
    return Chart(
        "Requests a second of GET, with the express lane and without it",
        "GET, requests a second, with the express lane and without it",
        panels,
        _note(kept, rows[0]["rounds"], "each panel has its own scale"),
        alike=False,
    )


def _keys(kept: _Record) -> Chart:
    rows = kept["figures"]
    panels = [
        Panel(
            f"{store}, {_connections(rows[0]['connections'])}",
            [
                _rate(row, f"{row['keys']:,} inspectors", "bar" if row["to_fewest"] == 1 else "ours")
                for row in group
            ],
        )
        for (store,), group in _grouped(rows, "store")
    ]
    return Chart(
        "Requests a second of POST /scores, with few inspectors and with many",
        "POST /scores, requests a second, by how many inspectors there are",
        panels,
        _note(kept, rows[0]["rounds"]),
    )


def _rate(row: _Row, name: str, kind: Kind) -> Bar:
    return Bar(name, row["requests_per_s"], row["low"], row["high"], kind)


def _feed(kept: _Record) -> Chart:
    ways = {"steps": "most are new", "again": "all are known", "server": "a whole server"}
    rows = kept["figures"]
    panels = [
        Panel(
            store,
            [Bar(ways[row["way"]], row["events_per_s"], row["low"], row["high"]) for row in group],
        )
        for (store,), group in _grouped(rows, "store")
    ]
    return Chart(
        "Events of the feed a second, from bytes to the store",
        "The feed, events a second",
        panels,
        _note(kept, rows[0]["rounds"]),
    )


def _bulk(kept: _Record) -> Chart:
    names = {"lines": "answered line by line", "minimal": "return=minimal"}
    rows = kept["figures"]
    panels = [
        Panel(store, [_stream(row, names[row["answers"]]) for row in group])
        for (store,), group in _grouped(rows, "store")
    ]
    return Chart(
        "Scores a second of one streamed request",
        "POST /scores, one streamed request: scores a second",
        panels,
        _note(kept, rows[0]["rounds"]),
    )


def _stream(row: _Row, name: str) -> Bar:
    return _of_rounds(name, [one["scores_per_s"] for one in row["rounds"]])


def _growth(kept: _Record) -> Chart:
    parts = {"p50_us": "half", "p99_us": "99 of 100", "p99_9_us": "999 of 1,000", "max_us": "the slowest"}
    loads = {"new ids": "{keys:,} inspectors created on {store}", "known ids": "a thousand, over and over"}
    rows = [row for row in kept["figures"] if row["status"] == "measured"]
    panels = [
        Panel(
            loads.get(row["load"], "a constant from {load}").format(**row),
            [Bar(f"{said}, at most", round(row[name] / 1000, 2)) for name, said in parts.items()],
        )
        for row in rows
    ]
    return Chart(
        "How long requests waited while inspectors were created",
        f"POST /scores at {rows[0]['due_per_s']:,} a second: how long requests waited",
        panels,
        _note(kept, [], "counted from when a request was due; servers in turns of one run"),
        unit=" ms",
    )


def _stores(kept: _Record) -> Chart:
    ids = {"short": "ids like a1234-b567", "uuid": "ids of 36 characters"}
    sizes = [10**power for power in range(3, 8)]
    panels = [
        Panel(
            f"{row['store']}, {ids[row['ids']]}",
            [
                Bar(f"up to {size:,} keys", row[f"to_{size}_per_s"])
                for size in sizes
                if f"to_{size}_per_s" in row
            ],
        )
        for row in kept["figures"]
    ]
    return Chart(
        "New inspectors a second, by how many there are",
        "The stores in memory: new inspectors a second, in one process",
        panels,
        _note(kept, []),
    )


def _pages(kept: _Record) -> Chart:
    panels = [
        Panel(
            f"{store}, {listing}",
            [Bar(f"of {row['stored']:,}", round(row["p50_us"] / 1000, 2)) for row in group],
        )
        for (store, listing), group in _grouped(kept["figures"], "store", "listing")
    ]
    return Chart(
        "How long a page of 100 takes, by how much there is",
        "A page of 100: half of them took at most",
        panels,
        _note(kept, []),
        unit=" ms",
    )


def _durable(kept: _Record) -> Chart:
    post, *adds = (row for row in kept["figures"] if row["part"] in ("post", "add"))
    panels = [
        Panel(
            f"POST /scores, {_connections(post['callers'])}",
            [
                _of_rounds("dict", post["rounds"]["dict"], "bar"),
                _of_rounds("sqlite", post["rounds"]["sqlite"]),
            ],
        ),
        *(
            Panel(
                f"Store.add in one process, {_number(row['callers'], 'caller')}",
                [
                    _of_rounds("shared commits", row["rounds"]["grouped"]),
                    _of_rounds("a commit each", row["rounds"]["alone"], "bar"),
                ],
            )
            for row in adds
        ),
    ]
    return Chart(
        "Scores a second of the store in a file",
        "The store in a file, scores a second",
        panels,
        _note(kept, post["rounds"]["dict"]),
    )


def _redis(kept: _Record) -> Chart:
    rows = kept["figures"]
    adds = [row for row in rows if row["part"] == "add"]
    callers = [
        bar
        for row in adds
        for bar in (
            _of_rounds(f"{_number(row['callers'], 'caller')}, the store", row["store_rounds"]),
            _of_rounds("HINCRBY for each", row["by_hand_rounds"], "bar"),
        )
    ]
    servers, files = (
        [
            _of_rounds(
                f"{row['connections']}, {row['store'].removeprefix('redis, ')}",
                row["rounds"],
                "bar" if row["ratio"] == 1 else "ours",
            )
            for row in rows
            if row["part"] == part
        ]
        for part in ("http", "aof")
    )
    streams = [_stream(row, f"{row['store']}, {row['answers']}") for row in rows if row["part"] == "bulk"]
    return Chart(
        "Scores a second of the store in Redis",
        "The store in Redis, scores a second",
        [
            Panel("In one process: what waits goes out together, against a command for each", callers),
            Panel("A whole server, by connections: on Redis, against on dict", servers),
            Panel("By connections and appendfsync, against without a file", files),
            *([Panel("One streamed request to a whole server, against on dict", streams)] if streams else []),
        ],
        _note(kept, adds[0]["store_rounds"], "each panel has its own scale"),
        alike=False,
    )


def _of_rounds(name: str, rounds: list[float], kind: Kind = "ours") -> Bar:
    ordered = sorted(map(round, rounds))
    return Bar(name, ordered[len(ordered) // 2], ordered[0], ordered[-1], kind)


def _connections(number: int) -> str:
    return _number(number, "connection")


def _number(number: int, of: str) -> str:
    return f"{number:,} {of}{'s' if number > 1 else ''}"


def _grouped(rows: Iterable[_Row], *names: str) -> Iterable[tuple[tuple[Any, ...], list[_Row]]]:
    """The rows with the same values of these, in the order in which the values first came."""
    groups: dict[tuple[Any, ...], list[_Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups.items()


def _note(kept: _Record, rounds: list[Any], more: str = "") -> str:
    """What a reader has to know of the bars, and where they come from."""
    if rounds:
        more = "; ".join(
            filter(None, [f"Medians of {len(rounds)} rounds, whiskers: slowest and fastest", more])
        )
    machine = kept["machine"]
    return (
        f"{more[:1].upper()}{more[1:]}{'. ' if more else ''}"
        f"{kept['date'][:10]}, {machine['cores']} cores, {kept['python']}"
    )


DRAWN: Final[Mapping[str, Callable[[_Record], Chart]]] = {
    "peers": _peers,
    "reads": _reads,
    "bulk": _bulk,
    "feed": _feed,
    "stores": _stores,
    "keys": _keys,
    "growth": _growth,
    "pages": _pages,
    "redis": _redis,
    "durable": _durable,
}
"""A chart for each command of `python -m benchmarks` that has one."""
