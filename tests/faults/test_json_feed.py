"""JSON and what is none as the data of a feed's events: recorded exactly if it states a result, and never the feed's end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from support.feeds import HEAD, ScriptedFeed, event_of, then_hold
from support.json_scores import NO_NUMBERS, NUMBERS, is_id
from support.json_texts import LITERALS, TEXTS
from support.keepalive import kept_alive
from support.live import listening_to, results_of
from support.requests import request
from support.strict_json import NotJSON, strict
from support.tally import note_inputs

from scores.errors import InvalidInput
from scores.feed.parser import parse_event
from scores.models import Result

Serve = Callable[..., Awaitable[str]]


def states_one(body: bytes) -> bool:
    """Whether it is JSON that states a result, as the decoder of the stream hands it on (WHATWG Encoding, `replacement`)."""
    try:
        value = strict(body.decode("utf-8", "replace").encode())
    except NotJSON:
        return False
    if not isinstance(value, dict):
        return False
    score = value.get("score")
    in_range = isinstance(score, (int, float)) and not isinstance(score, bool) and 0 <= score <= 1
    return is_id(value.get("studentId")) and value.get("exam") == 3 and in_range


def sent() -> dict[str, bytes]:
    """The data of an event for each text, whose student is named after it."""
    texts = {**TEXTS, **{f"number {at}": text for at, text in enumerate([*NUMBERS, *NO_NUMBERS])}}
    bodies = {
        f"{at}.{name}": b'{"studentId":"%b","exam":3,"score":0.5,"more":%b}' % (f"{at}.{name}".encode(), text)
        for at, (name, text) in enumerate(texts.items())
    }
    scores = {
        f"s.{name}": b'{"studentId":"%b","exam":3,"score":%b}' % (f"s.{name}".encode(), text)
        for name, text in texts.items()
    }
    return {**bodies, **scores, **{f"w.{name}": text for name, text in texts.items()}}


async def test_a_result_is_recorded_exactly_if_it_is_one(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    data = sent()
    end = b'event: score\ndata: {"studentId":"the end","exam":3,"score":1}\n\n'
    feed = ScriptedFeed([then_hold(HEAD + b"".join(map(event_of, data.values())) + end)])
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        address = await serve(feed=url, shutdown_timeout=1)
        async with listening_to(address) as listener, kept_alive(address) as client:
            told = results_of(await listener.until(lambda got: ("the end", 3) in results_of(got)))
            state = (await client(request("GET", "/feed"))).json
    recorded = {student for student, _ in told} - {"the end"}
    expected = {name for name, body in data.items() if states_one(body)}
    literals = {name.partition(".")[2] for name in recorded - expected if name.partition(".")[2] in TEXTS}
    wrong = [*(expected - recorded), *(literals - LITERALS)]
    note_inputs(corpus="JSON, feed", tried=len(data), server_errors=0, wrong=len(wrong))
    assert not wrong
    assert literals == LITERALS
    assert state["state"] == "open"
    assert (state["received"], state["recorded"]) == (len(data) + 1, len(recorded) + 1)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "number", ["0e", "0e+", "0E", ".e1", "1.0.", "1_0", "0e+-1", "1e", "0x", "00", "01", "1n", "--1", "1..2"]
)
def test_a_number_that_no_syntax_has_is_none(number: str) -> None:
    with pytest.raises(InvalidInput):
        parse_event(f"{{studentId: 'a', exam: 3, score: {number}}}")
    with pytest.raises(InvalidInput):
        parse_event(f"{{studentId: 'a', exam: 3, score: 1, more: [{number}]}}")


@pytest.mark.parametrize(
    ("written", "score"),
    [
        (".991", 0.991),
        ("1.", 1),
        ("+.5e0", 0.5),
        ("0x1", 1),
        ("5E-1", 0.5),
        ("0.", 0),
        ("-0", 0),
        ("1e-2", 0.01),
        ("0e+1", 0),
    ],
)
def test_a_number_of_a_literal_is_read(written: str, score: float) -> None:
    text = f"{{studentId: 'a 1_0 \\' .e1', /* 0e 'x */ x1e: 'b', $1: 1, e1_0: 0x1f, exam: 3, \"9_\": [1, 2.], score: {written}}} // 0e"
    assert parse_event(text) == Result("a 1_0 ' .e1", 3, score)
