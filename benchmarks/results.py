"""Where figures come from, and where they go: a table for people, a JSON file for the record.

The rule: a file says all that is needed to judge its figures and to measure them again: what was
measured and how, at which commit, with which versions, on which machine, and when.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.cores import cores

__all__ = ["Row", "print_table", "provenance", "save"]

Row = Mapping[str, object]
"""Named figures; a name ends in its unit."""

_ROOT: Final = Path(__file__).parent.parent
_PACKAGES: Final = ("aiohttp", "uvloop", "orjson")


def provenance(*, awake: bool) -> Row:
    """The commit, the versions, the machine, and the time (UTC): to be asked before the measurement.

    `awake` is whether the pinned cores are kept from halting.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD").strip() or None,
        "changed_since_commit": [line[3:] for line in _git("status", "--porcelain", "scores").splitlines()],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version(name) for name in _PACKAGES},
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "system": platform.platform(),
            "load_average": os.getloadavg(),
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
            "pinned": cores()._asdict() if cores().server is not None else None,
            "awake": awake,
        },
    }


def save(path: Path, record: Row) -> None:
    """Writes the record as JSON."""
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def print_table(rows: Sequence[Row]) -> None:
    """Prints the rows, which have the same names, in columns; lists and mappings are left out."""
    names = [name for name, value in rows[0].items() if not isinstance(value, list | dict)]
    lines = [names, *([_show(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def _show(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _git(*arguments: str) -> str:
    """What git says, without waiting for its locks; nothing where there is no repository."""
    command = ["git", "--no-optional-locks", *arguments]
    try:
        run = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, text=True)  # noqa: S603 - ours
    except (OSError, subprocess.CalledProcessError):
        return ""
    return run.stdout


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
