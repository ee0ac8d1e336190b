"""From the data of a feed's event to a result.

Rule: strict JSON first (RFC 8259); what is none is read as a JavaScript literal (JSON5), because the
feed's own documentation shows `{"exam": 3, "studentId": "foo", score: .991}`. What is then still no
result is `InvalidInput`, whatever the text was. `parse_event` is all of this; `parse_events` reads many
at once, where that cannot give anything else.
"""

import re
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, Final

import orjson
import pyjson5

from scores.errors import Fault, InvalidInput, MalformedJSON
from scores.models import Result, parse_result, parse_results

__all__ = ["BATCH", "parse_event", "parse_events"]

BATCH: Final = 64
"""How many events are read at once: as many are read one by one for the sake of one that is different."""

_BARE_KEY, _KEY = ", score: ", ', "score": '
_BARE_POINT, _POINT = '"score": .', '"score": 0.'

# pyjson5 takes `0e`, `.e1`, `1.0.` and `1_0` for numbers, which are none (JSON5, section 6). Strings,
# comments and names are passed over.
_NUMBERS: Final = re.compile(
    r"""
    "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | //[^\n\r\u2028\u2029]* | /\*.*?\*/ | (?:[^\W\d]|\$)[\w$]*
    | (?P<number> (?: [0-9.] | (?<=[0-9.][eE])[+-] | [\w$] )+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|(?:(?:0|[1-9][0-9]*)\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

_MAX_DEPTH = 8
"""A result nests one level; JSON5 of more levels than this is refused unread."""


def parse_events(data: Sequence[str], refuse: Callable[[InvalidInput, str], None]) -> list[Result]:
    """The results that these events' data state, in order; `refuse` is told of each that states none."""
    results: list[Result] = []
    for start in range(0, len(data), BATCH):
        batch = data[start : start + BATCH]
        try:
            results += parse_results(_parse_batch(batch))
        except (ValueError, InvalidInput):
            results += _parse_each(batch, refuse)
    return results


def parse_event(data: str) -> Result:
    """The result that an event's data states.

    Raises `MalformedJSON` for what neither syntax reads, `InvalidInput` for what is no result.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _parse_literal(data)
    return parse_result(value)


def _parse_each(batch: Sequence[str], refuse: Callable[[InvalidInput, str], None]) -> list[Result]:
    results = []
    for data in batch:
        try:
            results.append(parse_event(data))
        except InvalidInput as exc:
            refuse(exc, data)
    return results


def _parse_batch(batch: Sequence[str]) -> list[dict[str, Any]]:
    """The objects that `parse_event` would read, one for each; raises `ValueError` where there is any doubt.

    If each begins with the only `{` it has, and all of them with commas between make an array of as
    many objects, then each of the objects begins where its text does, and nothing is left between them.
    """
    # Where in a text is its last `{`? Nowhere but at 0.
    if any(map(str.rfind, batch, repeat("{"))):
        raise ValueError("an object within an object, or none")
    text = ",".join(batch)
    try:
        values: list[Any] = orjson.loads(f"[{text}]")
    except orjson.JSONDecodeError:
        values = _parse_literals(text)
    if len(values) != len(batch) or set(map(type, values)) != {dict}:
        raise ValueError("not an object each")
    return values


def _parse_literals(text: str) -> list[Any]:
    """The usual literals of the feed as strict JSON: `"score": .991`, and its key without quotes.

    Within a string, `"score` would end it and go on with a letter, which is no JSON: what is JSON by now
    was changed outside of strings. JSON5 is refused when it is deep, so arrays are read one by one.
    """
    if "[" in text:
        raise ValueError("an array")
    values: list[Any] = orjson.loads(f"[{text.replace(_BARE_KEY, _KEY).replace(_BARE_POINT, _POINT)}]")
    return values


def _parse_literal(data: str) -> object:
    try:
        value: object = pyjson5.decode(data, maxdepth=_MAX_DEPTH)
        if not all(map(_NUMBER.fullmatch, filter(None, _NUMBERS.findall(data)))):
            raise ValueError("a number that is none")  # noqa: TRY301  # said as what it does not read is
    except (pyjson5.Json5Exception, ValueError) as exc:
        # ValueError: a number of more digits than int() takes.
        raise MalformedJSON(Fault("", "the data must be a JSON object")) from exc
    return value
