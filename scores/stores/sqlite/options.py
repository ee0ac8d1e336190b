"""A file store's URL, read into what it asks for.

    sqlite:scores.db             a path from the working directory
    sqlite:/var/lib/scores.db    an absolute one
    sqlite:scores.db?check=full  with options; in the path `?` is %3F, `#` is %23 and `%` is %25

Rule: what is not known is refused, with what is allowed.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from scores.errors import ConfigError

__all__ = ["CHECKS", "Options", "parse_options"]

CHECKS: Final = ("auto", "quick", "full", "off")
MAX_QUEUE: Final = 1_000_000

_BAD_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_NUMBER: Final = re.compile("[1-9][0-9]{0,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which file, and how the store behaves."""

    path: Path
    queue: int = 10_000
    """Most scores and results that wait to be written, and most reads that wait; more are answered 503."""
    check: str = "auto"
    """What is looked at when it is opened: see `scores.stores.sqlite.checking`."""
    create: bool = True
    """Whether a file that is not there is made."""


def parse_options(url: str) -> Options:
    """What the URL asks for; raises `ConfigError` with one line for a URL that is wrong."""
    text, question, query = url.partition(":")[2].partition("?")
    if "#" in url:
        raise _wrong("a # must be written as %23")
    if _BAD_PERCENT.search(text):
        raise _wrong("a % that begins no %XX must be written as %25")
    if text == ":memory:":
        raise _wrong("it must name a file; a store that is gone with its process is `dict`")
    if text.startswith("//"):
        raise _wrong("a path follows the colon at once, as in sqlite:/var/lib/scores.db")
    path = unquote(text, errors="surrogateescape")
    if not path or "\0" in path:
        raise _wrong("it must name a file, as in sqlite:scores.db or sqlite:/var/lib/scores.db")
    return Options(path=Path(path), **_how(query if question else None))


def _how(query: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in [] if query is None else query.split("&"):
        name, _, value = part.partition("=")
        if name in values:
            raise _wrong(f"{name} is there twice")
        if name == "check" and value in CHECKS:
            values[name] = value
        elif name == "create" and value in ("on", "off"):
            values[name] = value == "on"
        elif name == "queue" and _NUMBER.fullmatch(value) and int(value) <= MAX_QUEUE:
            values[name] = int(value)
        else:
            raise _wrong(
                f"its options are check, one of {', '.join(CHECKS)}, create, on or off,"
                f" and queue, from 1 to {MAX_QUEUE}"
            )
    return values


def _wrong(rule: str) -> ConfigError:
    return ConfigError(f"the sqlite: store's URL is not allowed: {rule}")
