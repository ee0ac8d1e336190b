"""What a command prints: lines for people, which no id can disturb, and JSON for machines.

Rule: whatever comes from elsewhere goes through `shown` before a terminal gets it: control characters, and
those that turn or hide text, are escaped. JSON is ASCII, with everything else escaped its own way.
"""

import json
import logging
import os
import sys
import unicodedata
from collections.abc import Mapping
from typing import Final

__all__ = ["counted", "error", "json_line", "line", "nobody_reads", "say", "shown", "width"]

_BROKEN_PIPE: Final = 141

log = logging.getLogger("scores")


def shown(text: str) -> str:
    """The text as one line that can be told from any other: what is not printable, and `\\`, is escaped."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        one if one.isprintable() and one != "\\" else one.encode("unicode_escape").decode() for one in text
    )


def counted(count: int, one: str) -> str:
    """So many of what is called `one`, `1 result` or `2 results`."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def width(text: str) -> int:
    """The columns that a terminal takes for it (Unicode Annex 11; combining marks take none)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF") for one in text
    )


def line(text: str = "") -> None:
    """Prints a line that has been made safe already."""
    # A terminal that knows no UTF-8 gets escapes, not a traceback.
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def json_line(members: Mapping[str, object]) -> None:
    """Prints a document on a line of its own."""
    sys.stdout.write(json.dumps(members, separators=(",", ":")) + "\n")


def error(text: str) -> None:
    """Says on standard error, in one line, what went wrong."""
    print(f"scores: {' '.join(text.split())}", file=sys.stderr)


def say(text: str) -> None:
    """Prints what a server says of itself."""
    try:
        print(text, flush=True)
    except OSError as exc:
        # Nobody reads what it prints; that is no reason to stop.
        log.warning("cannot print: %s", exc.strerror)
        sys.stdout = None  # or Python tries, and fails, once more at its exit


def nobody_reads() -> int:
    """The exit status of a command whose output was closed, as by `head`; what is left goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _BROKEN_PIPE
