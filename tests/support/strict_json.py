"""What is JSON, by the plainest reader there is, held to the letter: for holding a faster one to it.

Rule: RFC 8259 and I-JSON (RFC 7493) where it leaves a choice: UTF-8 without a byte order mark, no lone surrogates, numbers
that a double can hold, no more than `DEPTH` levels; of a member that comes twice, the last.
"""

import json
import math
import re
from typing import Any, Final

__all__ = ["DEPTH", "NotJSON", "strict"]

DEPTH: Final = 950

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)


class NotJSON(ValueError):
    """It is none."""


def strict(data: bytes) -> Any:
    """What the text says; raises `NotJSON`."""
    try:
        text = _shallow(data.decode("utf-8"))
        return _checked(json.loads(text, parse_constant=_refused, parse_float=_finite, parse_int=_integer))
    except NotJSON:
        raise
    except (ValueError, RecursionError) as exc:
        raise NotJSON(str(exc)) from exc


def _shallow(text: str) -> str:
    """The text, unless it is deeper than its reader may go."""
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += bool(match[1]) - bool(match[2])
        if depth > DEPTH:
            raise NotJSON("too deep")
    return text


def _refused(name: str) -> float:
    raise NotJSON(name)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotJSON("too large a number")
    return value


def _integer(text: str) -> int | float:
    # Of more than 64 bits, it is read as a double.
    if len(text) < 19:
        return int(text)
    value = _finite(text)
    return value if abs(value) >= 2**64 else int(text)


def _checked(value: Any) -> Any:
    """The value, if all of its strings are Unicode."""
    todo = [value]
    while todo:
        match todo.pop():
            case str(text):
                if _SURROGATE.search(text):
                    raise NotJSON("half a character")
            case dict(members):
                todo += [*members, *members.values()]
            case list(items):
                todo += items
            case _:
                pass
    return value
