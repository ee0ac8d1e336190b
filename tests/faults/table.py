"""`python tests/faults/table.py TALLY`: what the fault suite saw, as Markdown tables.

Rule: notes of the same fault are one line: what was counted is added up, the longest outage is the longest.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

__all__ = ["tables"]

_HEADS: Final[dict[str, Sequence[str]]] = {
    "fault": ("injected", "in_flight", "acknowledged", "lost", "doubled", "longest_outage"),
    "corpus": ("tried", "server_errors", "wrong"),
}
"""What names a line of each table, and its other columns."""

_WORDS: Final = {
    "injected": "times injected",
    "in_flight": "requests in flight",
    "longest_outage": "longest outage",
    "server_errors": "5xx",
}


def tables(lines: Iterable[str]) -> str:
    """A table for the faults and one for the inputs, as far as there are notes."""
    notes = [json.loads(line) for line in lines]
    made = [_table(name, [note for note in notes if name in note]) for name in _HEADS]
    return "\n".join(filter(None, made))


def _table(name: str, notes: Sequence[dict[str, Any]]) -> str:
    columns, rows = _HEADS[name], dict[str, dict[str, Any]]()
    for note in notes:
        row = rows.setdefault(note[name], dict.fromkeys(columns, 0))
        for column in columns:
            seen = row[column], note[column]
            row[column] = max(seen) if column == "longest_outage" else sum(seen)
    if not rows:
        return ""
    head = [name, *(_WORDS.get(column, column) for column in columns)]
    written = [
        [called, *(_written(column, row[column]) for column in columns)] for called, row in rows.items()
    ]
    rule = ["---", *["--:"] * len(columns)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *written))


def _written(column: str, value: float) -> str:
    return f"{value:.2f} s" if column == "longest_outage" else f"{value:,}"


if __name__ == "__main__":
    tally = Path(sys.argv[1])
    sys.stdout.write(tables(tally.read_text(encoding="utf-8").splitlines() if tally.exists() else ()))
