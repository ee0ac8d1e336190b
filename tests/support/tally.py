"""What the fault suite saw, for the table that is made of it: `tests/faults/table.py`.

Rule: a line of JSON for each note, appended at once to the file that `SCORES_FAULT_TALLY` names. Without that
variable nothing is written: whether a test passes is for its assertions alone.
"""

import json
import os
from pathlib import Path

__all__ = ["note", "note_inputs"]


def note(
    *,
    fault: str,
    injected: int,
    in_flight: int,
    acknowledged: int,
    lost: int,
    doubled: int,
    longest_outage: float,
) -> None:
    """What a fault did.

    `injected` is how often it struck, `in_flight` how many requests were under way then, over all times together;
    `acknowledged`, `lost` and `doubled` are scores or results; `longest_outage` is in seconds: the longest time in
    which nobody was answered.
    """
    _append(
        {
            "fault": fault,
            "injected": injected,
            "in_flight": in_flight,
            "acknowledged": acknowledged,
            "lost": lost,
            "doubled": doubled,
            "longest_outage": round(longest_outage, 3),
        }
    )


def note_inputs(*, corpus: str, tried: int, server_errors: int, wrong: int) -> None:
    """What became of inputs: how many there were, 5xx among the answers, and answers that were wrong otherwise."""
    _append({"corpus": corpus, "tried": tried, "server_errors": server_errors, "wrong": wrong})


def _append(line: dict[str, str | int | float]) -> None:
    if name := os.environ.get("SCORES_FAULT_TALLY"):
        # One write to a file that is only appended to: several test processes do not mix their lines.
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
