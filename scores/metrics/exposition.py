"""The families as text: Prometheus' own format, or OpenMetrics for a client that asks for it."""

from typing import Final

from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics

from scores.metrics.board import Board
from scores.metrics.collector import Rows, Totals

__all__ = ["expose"]

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_OPEN_METRICS: Final = "application/openmetrics-text"


def expose(board: Board, totals: Totals, *, accept: str, version: str, workers: int) -> tuple[bytes, str]:
    """All that is counted, and the media type of how it is written; `accept` is what the client takes."""
    rows = Rows(board, totals, version=version, workers=workers)
    if any(one.partition(";")[0].strip().lower() == _OPEN_METRICS for one in accept.split(",")):
        return generate_open_metrics(rows), f"{_OPEN_METRICS}; version=1.0.0; charset=utf-8"  # type: ignore[no-untyped-call]  # the library's
    return generate_latest(rows), _TEXT
