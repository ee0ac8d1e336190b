"""An image of figures: an SVG of horizontal bars, in panels.

The rule: it is readable on light and on dark ground, and without eyes: `title` and `desc` say what is
drawn. What the bars stand for is decided in `benchmarks.pictures`.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, Literal, NamedTuple

__all__ = ["Bar", "Chart", "Kind", "Panel", "svg"]

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

Kind = Literal["ours", "bar", "bound"]
"""Whose bar it is: what is measured, what it is compared with, what nobody can reach."""


class Bar(NamedTuple):
    """A figure, and how far its rounds were from it."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    kind: Kind = "ours"
    at_least: bool = False
    """Whether the figure is only a lower bound."""

    @property
    def end(self) -> float:
        """How far it reaches, with its whisker."""
        return self.value if self.high is None else max(self.value, self.high)


class Panel(NamedTuple):
    """Bars that are compared with each other."""

    heading: str
    bars: Sequence[Bar]


class Chart(NamedTuple):
    """What is drawn."""

    title: str
    """For who does not see it."""
    head: str
    panels: Sequence[Panel]
    note: str
    unit: str = ""
    alike: bool = True
    """Whether all panels have one scale; else each has its own."""


def svg(chart: Chart) -> str:
    """The image, as SVG 2."""
    height = _HEAD + sum(_PANEL_HEAD + _ROW * len(panel.bars) for panel in chart.panels) + _FOOT
    body = "\n".join(_body(chart, height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
        f' height="{height}" role="img" aria-labelledby="title desc">\n{body}\n</svg>\n'
    )


def _body(chart: Chart, height: int) -> Iterator[str]:
    yield f'<title id="title">{escape(chart.title)}</title>'
    yield f'<desc id="desc">{escape(_told(chart))}</desc>'
    yield f"<style>{_STYLE}</style>"
    yield _text(0, 18, chart.head, "head")
    longest = max(bar.end for panel in chart.panels for bar in panel.bars)
    top = _HEAD
    for panel in chart.panels:
        yield _text(0, top + 26, panel.heading, "panel")
        top += _PANEL_HEAD
        width = longest if chart.alike else max(bar.end for bar in panel.bars)
        for bar in panel.bars:
            yield from _bar(bar, top, (_WIDTH - _LEFT - _RIGHT) / width, chart.unit)
            top += _ROW
    yield _text(0, height - 10, chart.note, "note")


def _bar(bar: Bar, top: int, scale: float, unit: str) -> Iterator[str]:
    middle = top + _BAR / 2
    yield _text(_LEFT - 8, top + 11, bar.name, "name")
    yield (
        f'<rect class="{bar.kind}" x="{_LEFT}" y="{top}" width="{bar.value * scale:.1f}" height="{_BAR}"/>'
    )
    if bar.low is not None and bar.high is not None:
        low, high = (_LEFT + end * scale for end in (bar.low, bar.high))
        cap = f"m0 -{_CAP}v{2 * _CAP}"
        yield f'<path class="whisker" d="M{low:.1f} {middle}{cap}m0 -{_CAP}H{high:.1f}{cap}"/>'
    bound = "≥ " if bar.at_least else ""
    yield _text(_LEFT + bar.end * scale + 8, top + 11, f"{bound}{bar.value:,}{unit}", "rate")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(text)}</text>'


def _told(chart: Chart) -> str:
    return " ".join(
        f"{panel.heading}: " + ", ".join(_bar_told(bar, chart.unit) for bar in panel.bars) + "."
        for panel in chart.panels
    )


def _bar_told(bar: Bar, unit: str) -> str:
    spread = "" if bar.low is None or bar.high is None else f" ({bar.low:,} to {bar.high:,})"
    return f"{bar.name} {bar.value:,}{unit}{spread}"
