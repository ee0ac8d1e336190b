"""The lane changes no byte: whatever is sent, however it is cut, is answered as without it."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.requests import POST, post, request
from support.wire import Wire, WireServer, wire_server

from scores.models import Repeats, Result

LIMITS = {"max_body": 120, "max_header": 512, "max_headers": 12, "keepalive_timeout": 60}

BODY = b'{"UUID":"a1-b1","score":5}'

VALID = [
    post(),
    post(score=0),
    post("b"),
    post(Connection="keep-alive"),
    post(Connection="Keep-Alive"),
    post(User_Agent="test", Accept="*/*"),
    post("\\u00e9", 3),
    post("é/ü", "5.0"),
    post("a1-b1", '4, "more": [1, 2]'),
    post(Idempotency_Key="k1"),
    post("b", 2, Idempotency_Key="k2"),
    # Not whom `/inspectors/a1%2Db1` names.
    post("a1%2Db1", 1),
    request("POST", "/scores/", {"Content-Type": "application/json"}, BODY),
    request("POST", "/scores", {"Content-Type": "application/json; charset=utf-8"}, BODY),
    request("POST", "/scores", {"Content-Type": "Application/JSON"}, BODY),
    request("GET", "/inspectors/a1-b1"),
    request("GET", "/inspectors/a1-b1/"),
    request("GET", "/inspectors"),
    request("GET", "/students/foo"),
    request("GET", "/students/many"),
    request("GET", "/exams/3"),
    request("GET", "/exams/5"),
    request("GET", "/exams/3", {"Accept": "application/json"}),
    request("GET", "/livez"),
]

WRONG = [
    post("full"),
    post("busy"),
    post("bug"),
    post(score=6),
    post(score=1, Idempotency_Key="k1"),
    post("full", Idempotency_Key="k3"),
    post(Idempotency_Key="k k"),
    request("POST", "/scores", {"Content-Type": "application/x-ndjson", "Idempotency-Key": "k4"}, BODY),
    post(score='"5"'),
    post(""),
    post("."),
    post("\\u0000"),
    post("x" * 100),
    request("POST", "/scores", {"Content-Type": "application/json"}, b"{"),
    request("POST", "/scores", {"Content-Type": "application/json"}, b"\xff" * 26),
    request("POST", "/scores", {"Content-Type": "application/json"}, b"[" * 26),
    request("POST", "/scores", {"Content-Type": "application/json"}, b'{"UUID":"\xc3\xa9\xc3","score":5}'),
    request("POST", "/scores", {"Content-Type": "application/json"}, b'{"UUID":"a","score":4,"score":5}'),
    request("POST", "/scores", {"Content-Type": "text/plain"}, BODY),
    request("POST", "/scores", {"Content-Type": "application/json; charset=latin-1"}, BODY),
    request("POST", "/scores", {}, BODY),
    request("POST", "/scores?x=1", {"Content-Type": "application/json"}, BODY),
    request("PUT", "/scores", {"Content-Type": "application/json"}, BODY),
    request("GET", "/inspectors/nobody"),
    request("GET", "/inspectors/busy"),
    request("GET", "/inspectors/bug"),
    request("GET", "/inspectors/a1-b1?limit=3"),
    request("GET", "/inspectors/a1%2Db1"),
    request("GET", "/inspectors/."),
    request("GET", "/students/.."),
    request("GET", "/students/" + "x" * 257),
    request("GET", "/exams/03"),
    request("GET", "/exams/99"),
    request("GET", "/exams/3", {}, b"{}"),
    request("GET", "/nowhere"),
    POST + b"\r\n",
    POST + b"Content-Length: 0\r\n\r\n",
]

UNUSUAL = [
    post(Connection="close"),
    post(Connection="upgrade", Upgrade="websocket"),
    post(Connection="keep-alive, x-thing"),
    post(Expect="100-continue"),
    post(Expect="200-maybe"),
    post(Content_Encoding="gzip"),
    post(Content_Encoding="identity"),
    post(X_Unknown="1"),
    post(Range="bytes=0-1"),
    post(Cookie="a=b"),
    post().replace(b"HTTP/1.1", b"HTTP/1.0"),
    post(Connection="keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"),
    post().replace(b"Host: x", b"Host : x"),
    post().replace(b"Host: x\r\n", b""),
    post().replace(b"Host: x\r\n", b"Host: x\n"),
    post().replace(b"Host: x\r\n", b"Host: x\r\n y\r\n"),
    post().replace(b"\r\n\r\n", b"\n\n"),
    b"\r\n" + post(),
    b"\r\n\r\n" + post(),
    POST + b"Content-Length: 026\r\n\r\n" + BODY,
    POST + b"Content-Length: +26\r\n\r\n" + BODY,
    POST + b"Content-Length: 26\r\nContent-Length: 26\r\n\r\n" + BODY,
    POST + b"Content-Length: 26\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY,
    POST + b"Content-Length: 25\r\n\r\n" + BODY,
    POST + b"Content-Length: 27\r\n\r\n" + BODY + b" ",
    POST + b"Content-Length: 130\r\n\r\n" + BODY + b" " * 104,
    POST + b"Transfer-Encoding: chunked\r\n\r\n1a\r\n" + BODY + b"\r\n0\r\n\r\n",
    # A body that looks like requests, of which only the first line is true.
    POST + b"Content-Length: %d\r\n\r\n" % len(post()) + post(),
    request("HEAD", "/exams/3"),
    request("OPTIONS", "*"),
    request("CONNECT", "x:1"),
    request("DELETE", "/inspectors/a1-b1"),
    request("GET", "/exams/3", {"A": "x" * 600}),
    request("GET", "/exams/3", {f"A{number}": "x" for number in range(13)}),
    b"GARBAGE\r\n\r\n",
    b"\x00",
]

WRITE, READ, WRONG_TOKEN = "write-token-0123456", "read-token-0123456", "wrong-token-0123456"
WAYS = pytest.mark.parametrize(
    "way",
    [
        {},
        {"write_token": (WRITE,)},
        {"write_token": ("other-token-0123456", WRITE), "read_token": (READ,)},
        {"cors_origins": ("https://one.example",)},
        {"cors_origins": ("*",), "write_token": (WRITE,)},
    ],
)
"""Settings under which the same request is answered differently."""

WITH_TOKENS = [
    request(method, target, {"Content-Type": "application/json", "Authorization": credentials}, body)
    for method, target, body in (("POST", "/scores", BODY), ("GET", "/exams/3", b""))
    for credentials in (
        f"Bearer {WRITE}",
        f"bearer  {WRITE}",
        f"Bearer {READ}",
        f"Bearer {WRONG_TOKEN}",
        f"Basic {WRITE}",
        f"Bearer {WRITE}\r\nAuthorization: Bearer {WRITE}",
        "Bearer",
    )
]

WITH_FIELDS = [
    request("GET", target, {name: value})
    for target in ("/inspectors/a1-b1", "/exams/3", "/students/fat", "/exams/9")
    for name, value in (
        ("Accept-Encoding", "gzip, deflate, br"),
        ("Accept-Encoding", "gzip;q=0"),
        ("Accept-Encoding", "identity;q=0, *"),
        ("Accept-Encoding", "br\r\nAccept-Encoding: gzip"),
        ("If-None-Match", "*"),
        ("If-None-Match", '"1.1.5"'),
        ("Origin", "https://one.example"),
        ("Origin", "https://other.example"),
    )
]

OF_OTHERS = [
    post(Origin="https://one.example"),
    post(Origin="https://other.example"),
    post(Origin="null", Authorization=f"Bearer {WRITE}"),
    post("full", Authorization=f"Bearer {WRITE}"),
    post(score=9, Authorization=f"Bearer {WRITE}"),
    request("OPTIONS", "/scores", {"Origin": "https://one.example", "Access-Control-Request-Method": "POST"}),
]

REQUESTS = st.sampled_from(VALID) | st.sampled_from(VALID) | st.sampled_from(WRONG) | st.sampled_from(UNUSUAL)
"""Mostly such as are remembered, so that the lane is at work when another comes."""

AGAIN = (b"", "again")
"""A new connection."""

RARE = ["hold", "release", "pause", "resume", "closing", "close"]
EVENTS = st.sampled_from(["", "settle", ""]) | st.sampled_from(["", "settle", *RARE])


@st.composite
def conversations(draw: Any) -> list[tuple[bytes, str]]:
    """Requests, their bytes cut anywhere, and what happens after each cut."""
    few = draw(st.lists(REQUESTS, min_size=1, max_size=3))
    whole = draw(st.lists(st.sampled_from(few) | REQUESTS, min_size=1, max_size=12))
    stream = b"".join(whole)
    ends = [sum(map(len, whole[: number + 1])) for number in range(len(whole))]
    kind = draw(st.sampled_from(["whole", "cut", "pipelined"]))
    at = st.integers(0, len(stream))
    cuts = set(ends) if kind == "whole" else set(draw(st.lists(at, max_size=8)))
    if kind == "cut":
        cuts |= set(ends)
    # Of one piece with a head that it refuses, aiohttp forgets what came before; see the test of just that.
    cuts |= {end - len(data) for end, data in zip(ends, whole, strict=True) if data in UNUSUAL}
    edges = sorted(cuts | {0, len(stream)})
    pieces = [stream[one:two] for one, two in pairwise(edges)]
    return [(piece, draw(EVENTS)) for piece in pieces]


async def happen(wire: Wire, server: WireServer, event: str) -> None:
    """Has it happen when all that can be answered has been."""
    if event:
        await wire.settle()
    paused, gate = wire.connection.writing_paused, getattr(server.store, "gate", asyncio.Event())
    if event == "hold":
        gate.clear()
    elif event == "release":
        gate.set()
    elif event == "pause" and not paused and not wire.closed:
        wire.connection.pause_writing()
    elif event == "resume" and paused:
        wire.connection.resume_writing()
    elif event == "closing":
        server.connections.closing = True
    elif event == "close" and not wire.closed:
        wire.connection.close()


async def converse(server: WireServer, conversation: Sequence[tuple[bytes, str]]) -> tuple[Any, ...]:
    """What is written back on each connection, whether it is closed then, and what is stored at last."""
    await server.store.record(
        [
            Result("foo", 3, 0.5),
            Result("bar", 3, 0.25),
            *(Result("many", exam, 0.1) for exam in range(101)),
            *(Result(f"one of {number}", 5, 0.1) for number in range(101)),
            *(Result("fat", exam, 0.1) for exam in range(10, 70)),
            # More than is compressed at once.
            *(Result(f"{number:\N{GRINNING FACE}>256}", 9, 0.1) for number in range(80)),
        ],
        repeats=Repeats.LAST,
    )
    outcomes = [
        await on_a_connection(server, list(part))
        for again, part in groupby(conversation, key=lambda one: one == AGAIN)
        if not again
    ]
    return *outcomes, await server.store.inspectors(limit=100)


async def on_a_connection(
    server: WireServer, conversation: Sequence[tuple[bytes, str]]
) -> tuple[bytes, bool]:
    wire = server.connect()
    await wire.settle()
    for piece, event in conversation:
        wire.send(piece)
        await happen(wire, server, event)
    await happen(wire, server, "release")
    await happen(wire, server, "resume")
    await wire.settle()
    answers, closed = wire.take(), wire.closed
    wire.lose()
    await wire.settle()
    return answers, closed


async def both_ways(conversation: Sequence[tuple[bytes, str]], **options: Any) -> list[tuple[Any, ...]]:
    outcomes = []
    for express in (True, False):
        async with wire_server(express=express, **LIMITS, **options) as server:
            outcomes.append(await converse(server, conversation))
    return outcomes


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


STORES = pytest.mark.parametrize("store", ["faulty:", "slow:"])


@STORES
@settings(max_examples=100, deadline=None)
@given(conversation=conversations())
def test_every_conversation(
    runner: asyncio.Runner, store: str, conversation: list[tuple[bytes, str]]
) -> None:
    on, off = runner.run(both_ways(conversation, store=store))
    assert on == off


@STORES
@pytest.mark.parametrize("data", [*VALID, *WRONG, *UNUSUAL])
def test_every_request_again_and_again(runner: asyncio.Runner, store: str, data: bytes) -> None:
    three = [(data, "settle")] * 3
    on, off = runner.run(both_ways([*three, AGAIN, *three, AGAIN, (data * 3, "settle")], store=store))
    assert on == off


@STORES
def test_every_request_after_the_others(runner: asyncio.Runner, store: str) -> None:
    conversation = [
        piece for data in (*VALID, *WRONG, *UNUSUAL) for piece in (*[(data, "settle")] * 3, AGAIN)
    ]
    on, off = runner.run(both_ways(conversation, store=store))
    assert on == off


@WAYS
def test_every_setting_again_and_again(runner: asyncio.Runner, way: dict[str, Any]) -> None:
    several = [post(), request("GET", "/exams/3"), *WITH_TOKENS, *WITH_FIELDS, *OF_OTHERS]
    conversation = [piece for data in several for piece in (*[(data, "settle")] * 3, AGAIN)]
    on, off = runner.run(both_ways([(post(), "settle"), *conversation], store="faulty:", **way))
    assert on == off


@WAYS
@STORES
def test_every_setting_in_turn(runner: asyncio.Runner, store: str, way: dict[str, Any]) -> None:
    # Without a settled event in between, as many as can be are answered together.
    several = [*WITH_TOKENS, *WITH_FIELDS, *OF_OTHERS, post(), request("GET", "/exams/3")]
    conversation = [(data, event) for event in ("settle", "settle", "") for data in several]
    on, off = runner.run(both_ways(conversation, store=store, **way))
    assert on == off


@pytest.mark.parametrize("refused", [b"GARBAGE\r\n\r\n", post().replace(b"Host: x\r\n", b"")])
def test_what_comes_in_one_piece_with_a_refused_head_is_answered(
    runner: asyncio.Runner, refused: bytes
) -> None:
    # The one difference: as if they had come in two pieces, and aiohttp alone does not answer the first.
    first = (post(), "settle")
    on, off = runner.run(both_ways([first, (post() + refused, "settle")], store="faulty:"))
    _, apart = runner.run(both_ways([first, (post(), "settle"), (refused, "settle")], store="faulty:"))
    assert on == apart
    assert [part[:3] for part in off[0][0].split(b"HTTP/1.")[1:]] == [b"1 2", b"0 4"]


BEGINNINGS = [
    b"\r\n",
    b"P",
    b"POST /scores HTTP/1.1\r\n",
    POST,
    POST + b"X-More: ",
    POST + b"Content-Length: 26\r\n",
    POST + b"Content-Length: 0\r\n",
    POST + b"Content-Length: 26\r\n\r\n",
    POST + b"Content-Length: 26\r\n\r\n" + BODY[:-1],
    POST + b"Content-Length: 120\r\n\r\n",
    POST + b"Content-Length: %d\r\n\r\n" % (2 * len(post())),
    POST + b"Transfer-Encoding: chunked\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(post()),
    POST + b"Content-Length: 26\n\n",
    post() + b"POST /scores HTTP/1.1\r\n",
    post()[:-1],
]


@STORES
@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_what_looks_like_a_request_in_the_middle_of_another(
    runner: asyncio.Runner, store: str, beginning: bytes, settled: bool
) -> None:
    event = "settle" if settled else ""
    pieces = [post(), beginning, post(), post(), b"}", post()]
    on, off = runner.run(both_ways([(piece, event) for piece in pieces], store=store))
    assert on == off


@STORES
@pytest.mark.parametrize("settled", [True, False])
def test_every_cut(runner: asyncio.Runner, store: str, settled: bool) -> None:
    padded = POST + b"Content-Length: 28\r\n\r\n" + BODY + b"  "
    stream = post() + padded + request("GET", "/inspectors/a1-b1") + post(score=7) + post()
    event = "settle" if settled else ""
    # Each cut with a pause after it; without one, every third is enough.
    for cut in range(1, len(stream), 1 if settled else 3):
        conversation = [
            (post(), "settle"),
            (padded, "settle"),
            (request("GET", "/inspectors/a1-b1"), "settle"),
        ]
        conversation += [(stream[:cut], event), (stream[cut:], "settle"), (post(), "settle")]
        on, off = runner.run(both_ways(conversation, store=store))
        assert on == off
