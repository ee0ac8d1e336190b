"""From the data of a feed's event to a result.

Rule: strict JSON first (RFC 8259); what is none is read as a JavaScript literal (JSON5), because the
feed's own documentation shows `{"exam": 3, "studentId": "foo", score: .991}`. What is then still no
result is `InvalidInput`, whatever the text was.
"""

import orjson
import pyjson5

from scores.errors import Fault, MalformedJSON
from scores.models import Result, parse_result

__all__ = ["parse_event"]

_MAX_DEPTH = 8
"""A result nests one level; JSON5 of more levels than this is refused unread."""


def parse_event(data: str) -> Result:
    """The result that an event's data states.

    Raises `MalformedJSON` for what neither syntax reads, `InvalidInput` for what is no result.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _parse_literal(data)
    return parse_result(value)


def _parse_literal(data: str) -> object:
    try:
        value: object = pyjson5.decode(data, maxdepth=_MAX_DEPTH)
    except (pyjson5.Json5Exception, ValueError) as exc:
        # ValueError: a number of more digits than int() takes.
        raise MalformedJSON(Fault("", "the data must be a JSON object")) from exc
    return value
