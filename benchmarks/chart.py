"""Draws what `peers` has kept: an SVG of horizontal bars, a panel for each number of connections.

The rule: it is readable on light and on dark ground, and without eyes: `title` and `desc` say what is
drawn. A bar is the median of the rounds, its whisker reaches from the slowest to the fastest.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from benchmarks.errors import BenchmarkError

__all__ = ["chart", "draw"]

_WIDTH: Final = 760
_LEFT: Final = 170
_RIGHT: Final = 110
_ROW: Final = 24
_BAR: Final = 14
_PANEL_HEAD: Final = 44
_HEAD: Final = 34
_FOOT: Final = 34
_CAP: Final = 3

_STYLE: Final = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.head { font-size: 16px; font-weight: 600 } .panel { font-weight: 600 } .name { text-anchor: end }
.note { font-size: 11px; fill: #59636e } .bar { fill: #8c959f } .ours { fill: #0969da }
.bound { fill: #d1d9e0 }
.whisker { stroke: #1f2328; stroke-width: 1.2; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .note { fill: #9198a1 } .bar { fill: #656c76 } .ours { fill: #4493f8 }
  .bound { fill: #3d444d } .whisker { stroke: #f0f6fc }
}"""

_Row = Mapping[str, Any]


def draw(figures: Path, image: Path) -> None:
    """Writes the image of the figures. Raises `BenchmarkError` for a file that `peers` has not written."""
    try:
        kept = json.loads(figures.read_text(encoding="utf-8"))
        svg = chart(kept)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BenchmarkError(f"{figures} does not hold the figures of peers: {exc!r}") from exc
    image.write_text(svg, encoding="utf-8")


def chart(kept: Mapping[str, Any]) -> str:
    """The image of a record of `peers`, as SVG 2."""
    rows = [row for row in kept["figures"] if row["status"] == "measured"]
    if not rows:
        raise ValueError("nothing was measured")
    panels = [list(group) for _, group in groupby(rows, key=itemgetter("client", "connections"))]
    height = _HEAD + sum(_PANEL_HEAD + _ROW * len(panel) for panel in panels) + _FOOT
    body = "\n".join(_body(kept, panels, height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
        f' height="{height}" role="img" aria-labelledby="title desc">\n{body}\n</svg>\n'
    )


def _body(kept: Mapping[str, Any], panels: Sequence[Sequence[_Row]], height: int) -> Iterator[str]:
    yield '<title id="title">Requests a second of POST /scores, by server</title>'
    yield f'<desc id="desc">{escape(_told(panels))}</desc>'
    yield f"<style>{_STYLE}</style>"
    yield _text(0, 18, "POST /scores, requests a second: one process on one core", "head")
    longest = max(row["high"] for panel in panels for row in panel)
    top = _HEAD
    for panel in panels:
        yield _text(0, top + 26, _heading(panel[0]), "panel")
        top += _PANEL_HEAD
        for row in sorted(panel, key=itemgetter("requests_per_s"), reverse=True):
            yield from _bar(row, top, (_WIDTH - _LEFT - _RIGHT) / longest)
            top += _ROW
    yield _text(0, height - 10, _note(kept), "note")


def _bar(row: _Row, top: int, scale: float) -> Iterator[str]:
    middle = top + _BAR / 2
    low, high = (_LEFT + row[name] * scale for name in ("low", "high"))
    yield _text(_LEFT - 8, top + 11, row["peer"], "name")
    yield (
        f'<rect class="{_kind(row)}" x="{_LEFT}" y="{top}" width="{row["requests_per_s"] * scale:.1f}"'
        f' height="{_BAR}"/>'
    )
    cap = f"m0 -{_CAP}v{2 * _CAP}"
    yield f'<path class="whisker" d="M{low:.1f} {middle}{cap}m0 -{_CAP}H{high:.1f}{cap}"/>'
    bound = "≥ " if row["bottleneck"] == "generator" else ""
    yield _text(high + 8, top + 11, f"{bound}{row['requests_per_s']:,}", "rate")


def _kind(row: _Row) -> str:
    if row["peer"].startswith("scores"):
        return "ours"
    return "bound" if row["peer"] == "nginx" else "bar"


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(text)}</text>'


def _heading(row: _Row) -> str:
    number = row["connections"]
    return f"{number} connection{'s' if number > 1 else ''}, load by {row['client']}"


def _told(panels: Sequence[Sequence[_Row]]) -> str:
    return " ".join(
        f"{_heading(panel[0])}: "
        + ", ".join(
            f"{row['peer']} {row['requests_per_s']:,} ({row['low']:,} to {row['high']:,})" for row in panel
        )
        + "."
        for panel in panels
    )


def _note(kept: Mapping[str, Any]) -> str:
    rounds = len(kept["figures"][0]["rounds"])
    machine = kept["machine"]
    return (
        f"Medians of {rounds} rounds, whiskers: slowest and fastest; nginx answers a constant."
        f" {kept['date'][:10]}, {machine['cores']} cores, {kept['python']}"
    )
