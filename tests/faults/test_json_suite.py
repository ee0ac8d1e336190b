"""JSONTestSuite through both readers of JSON: what it calls JSON is read, what it calls none is refused as that, never a 5xx.

Rule: the verdict is the suite's own, the first letter of a name. A text that is JSON and no score is a matter of
validation; only one that is none is `malformed-json`.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from support.feeds import event_of
from support.json_texts import LITERALS, SUITE
from support.keepalive import kept_alive
from support.requests import request
from support.streams import outcome
from support.tally import note_inputs

from scores.errors import InvalidInput, MalformedJSON
from scores.feed.parser import parse_event

Serve = Callable[..., Awaitable[str]]

SUM = "9103c1bf076d932c69c2e1ac18caf6fa30d7261ee443b5e3c06e4786578ad1cf"

DECIDED = {
    "i_number_double_huge_neg_exp",
    "i_number_real_underflow",
    "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",
    "i_number_very_big_negative_int",
    "i_structure_500_nested_arrays",
}
"""Of those that a reader may decide on, the ones that are read as JSON: whatever a double can hold, and some depth."""

LENIENT = {
    *(LITERALS & SUITE.keys() - {"n_array_comma_after_close"}),
    "n_object_trailing_comment_slash_open",
}
"""What a feed may say besides: a JavaScript literal, as it is by itself and not in the place of a value."""

REPLACED = {
    "i_string_UTF-8_invalid_sequence",
    "i_string_UTF8_surrogate_U+D800",
    "i_string_invalid_utf-8",
    "i_string_iso_latin_1",
    "i_string_lone_utf8_continuation_byte",
    "i_string_not_in_unicode_range",
    "i_string_overlong_sequence_2_bytes",
    "i_string_overlong_sequence_6_bytes",
    "i_string_overlong_sequence_6_bytes_null",
    "i_string_truncated-utf-8",
}
"""Of those, the ones that an event stream says otherwise: it has U+FFFD for what is no UTF-8 (WHATWG Encoding)."""


def test_the_suite_is_whole() -> None:
    assert Counter(name[:2] for name in SUITE) == {"y_": 95, "n_": 188, "i_": 35}
    found = hashlib.sha256()
    for name, text in sorted(SUITE.items()):
        found.update(name.encode() + b"\0" + hashlib.sha256(text).digest())
    assert found.hexdigest() == SUM


async def codes_of(address: str, *, turns: int) -> tuple[dict[str, set[str]], int]:
    """The codes of the problems that each text is answered with as the body of a POST, and how many answers were 5xx."""
    told, errors = dict[str, set[str]](), 0
    async with kept_alive(address) as client:
        for name, text in SUITE.items():
            for _ in range(turns):
                sent = request("POST", "/scores", {"Content-Type": "application/json"}, text)
                reply = await client(sent)
                errors += reply.status == 0 or reply.status >= 500
                told.setdefault(name, set()).add(f"{reply.status} {code_of(reply.json)}")
    return told, errors


def code_of(problem: Any) -> str:
    return str(problem.get("type", "")).rpartition(":")[2]


READ, MALFORMED = {"422 invalid-input"}, {"400 malformed-json"}


def misread(told: Mapping[str, set[str]]) -> list[str]:
    """The texts that were not read as they must be."""
    expected = {name: READ if name[0] == "y" or name in DECIDED else MALFORMED for name in SUITE}
    return [name for name in SUITE if told[name] != expected[name]]


@pytest.mark.parametrize("express", [True, False], ids=["lane", "no lane"])
async def test_a_body_is_read_as_the_suite_says(
    serve: Serve, express: bool, caplog: pytest.LogCaptureFixture
) -> None:
    # With the lane twice: the second time it knows the head.
    turns = 2 if express else 1
    told, errors = await codes_of(await serve(express=express), turns=turns)
    wrong = misread(told)
    lane = "on" if express else "off"
    note_inputs(corpus=f"JSONTestSuite, POST, lane {lane}", tried=turns * len(SUITE), server_errors=errors, wrong=len(wrong))  # fmt: skip
    assert not wrong
    assert not errors
    assert not caplog.records


@pytest.mark.parametrize("express", [True, False], ids=["lane", "no lane"])
async def test_control_a_lax_reader_is_found(
    serve: Serve, express: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SimpleNamespace(loads=json.loads, dumps=orjson.dumps, JSONDecodeError=json.JSONDecodeError)
    monkeypatch.setattr("scores.web.bodies.orjson", other)
    monkeypatch.setattr("scores.web.express.endpoints.loads", json.loads)
    told, _ = await codes_of(await serve(express=express), turns=2)
    assert {"n_number_NaN", "n_number_infinity", "i_string_invalid_lonely_surrogate"} <= {*misread(told)}


def misheard() -> list[str]:
    """The texts that an event stream did not bring as they are, or that were not read from it as they must be."""
    stream = b"".join(map(event_of, SUITE.values()))
    events = outcome([stream[at : at + 7] for at in range(0, len(stream), 7)]).events
    assert events == outcome([stream]).events
    found = []
    for (name, text), event in zip(SUITE.items(), events, strict=True):
        brought = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "replace")
        read = name[0] == "y" or name in DECIDED | LENIENT | REPLACED
        if event.data != brought or is_read(brought) != read:
            found.append(name)
    return found


def is_read(text: str) -> bool:
    """Whether an event's data is read, though none of these states a result."""
    with pytest.raises(InvalidInput) as refused:
        parse_event(text)
    return not isinstance(refused.value, MalformedJSON)


def test_an_event_is_read_as_the_suite_says() -> None:
    wrong = misheard()
    note_inputs(corpus="JSONTestSuite, feed", tried=len(SUITE), server_errors=0, wrong=len(wrong))
    assert not wrong


def test_control_a_strict_or_lax_reader_of_events_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scores.feed.parser._NUMBER", re.compile(".*"))
    assert {"n_number_0e", "n_number_0_capital_E+", "n_number_invalid+-"} <= {*misheard()}
    monkeypatch.setattr("scores.feed.parser.pyjson5.decode", lambda data, **_: orjson.loads(data))
    assert LITERALS & {*misheard()}
