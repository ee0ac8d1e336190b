"""What a process takes, with all those that it started: CPU time and memory, as Linux counts them.

The rule: where there is no /proc the answer is None, and a figure is left out rather than guessed.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["cpu_seconds", "machine_seconds", "peak_bytes", "resident_bytes"]

_PROC: Final = Path("/proc")
_KIB: Final = 1024

# proc(5): the numbers after the command's name, which may hold spaces and brackets itself.
_PARENT: Final = 1
_USER, _SYSTEM = 11, 12
# Of all processors: user, nice, system, irq, softirq, and steal, which a hypervisor gave to others.
_BUSY: Final = (0, 1, 2, 5, 6, 7)


def cpu_seconds(pid: int) -> float | None:
    """The CPU time, of user and system, that the process and its descendants have taken."""
    if not _PROC.is_dir():
        return None
    stats = dict(_stats())
    ticks = sum(int(stats[one][_USER]) + int(stats[one][_SYSTEM]) for one in _family(pid, stats))
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_seconds() -> float | None:
    """The CPU time that all processors together have not been idle."""
    try:
        numbers = (_PROC / "stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    except OSError:
        return None
    return sum(int(numbers[place]) for place in _BUSY) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int | None:
    """The memory that the process has now."""
    return _status(pid, "VmRSS")


def peak_bytes(pid: int) -> int | None:
    """The most memory that the process ever had."""
    return _status(pid, "VmHWM")


def _stats() -> Iterator[tuple[int, list[str]]]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            yield int(folder.name), text.rpartition(")")[2].split()


def _family(pid: int, stats: dict[int, list[str]]) -> set[int]:
    family, found = set[int](), {pid} & stats.keys()
    while found:
        family |= found
        found = {one for one, fields in stats.items() if int(fields[_PARENT]) in found} - family
    return family


def _status(pid: int, name: str) -> int | None:
    try:
        text = (_PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(rf"^{name}:\s+([0-9]+) kB$", text, re.MULTILINE)
    return int(found[1]) * _KIB if found else None
