"""What is tried again, how often, and what is never counted twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.keyed_server import Fate, keyed_server

from scores.client import ApiError, BadAnswer, Client, ClientError, InDoubt, Mean, Unreachable
from scores.client.errors import Problem
from scores.client.exchange import RETRY_AFTER_MAX, Exchange, _asked_pause
from scores.errors import InvalidInput
from scores.models import Outcome

Connect = Callable[..., Awaitable[Client]]


def first(*fates: Fate) -> Callable[[int], Fate]:
    """These for the first requests; all that follow go well."""
    return lambda number: fates[number] if number < len(fates) else "ok"


@pytest.mark.parametrize("fate", ["lose request", "lose reply", "busy", "in flight", "unknown", "html"])
async def test_a_post_that_gets_no_answer_is_sent_again_with_its_key_and_counts_once(
    connect: Connect, fate: Fate
) -> None:
    async with keyed_server(first(fate, fate)) as server:
        client = await connect(server.address)
        assert await client.post("a1-b1", 5) == Mean("a1-b1", 5.0)
        assert await client.post("a1-b1", 4) == Mean("a1-b1", 4.5)
        assert server.scores["a1-b1"] == [5, 4]
        assert sorted(server.arrivals.values()) == [1, 3]


async def test_what_the_server_refuses_is_not_sent_again(connect: Connect) -> None:
    async with keyed_server() as server:
        client = await connect(server.address)
        with pytest.raises(ApiError, match="it is invalid-input"):
            await client.post("a1-b1", 6)
        assert server.requests == 1


async def test_a_server_error_of_its_own_leaves_doubt_and_is_not_repeated(connect: Connect) -> None:
    async with keyed_server(first("fail")) as server:
        client = await connect(server.address)
        with pytest.raises(InDoubt):
            await client.post("a1-b1", 5)
        assert server.requests == 1


async def test_a_post_whose_outcome_nobody_knows_carries_the_key_that_settles_it(connect: Connect) -> None:
    async with keyed_server(first("lose reply", "lose reply")) as server:
        client = await connect(server.address, retries=1)
        with pytest.raises(InDoubt) as caught:
            await client.post("a1-b1", 5)
        assert caught.value.key in str(caught.value)
        assert await client.post("a1-b1", 5, key=caught.value.key) == Mean("a1-b1", 5.0)
        assert server.scores["a1-b1"] == [5]
        assert server.arrivals == {caught.value.key: 3}


async def test_doubt_of_an_earlier_try_is_not_forgotten(connect: Connect) -> None:
    async with keyed_server(first("lose reply", "busy")) as server:
        client = await connect(server.address, retries=1)
        with pytest.raises(InDoubt):
            await client.post("a1-b1", 5)


async def test_a_post_that_was_certainly_not_counted_is_not_in_doubt(connect: Connect) -> None:
    async with keyed_server(lambda _: "busy") as server:
        client = await connect(server.address, retries=2)
        with pytest.raises(ApiError) as caught:
            await client.post("a1-b1", 5)
        assert (caught.value.status, server.requests) == (503, 3)


@pytest.mark.parametrize("fate", ["lose reply", "busy"])
async def test_puts_and_deletes_are_sent_again(connect: Connect, fate: Fate) -> None:
    async with keyed_server(lambda number: fate if number % 2 == 0 else "ok") as server:
        client = await connect(server.address)
        expected = Outcome.NEW if fate == "busy" else Outcome.REPLACED
        assert await client.put_result(3, "foo", 0.5) is expected
        assert server.results == {("3", "foo"): 0.5}
        await client.delete_result(3, "foo")
        assert (server.results, server.requests) == ({}, 4)


async def test_a_server_that_never_answers_is_given_up_in_time(connect: Connect) -> None:
    async with keyed_server(lambda _: "hang") as server:
        client = await connect(server.address, timeout=0.02, retries=2)
        with pytest.raises(InDoubt, match=r"did not answer within 0\.02 s"):
            await client.post("a1-b1", 5)
        assert server.requests == 3
        impatient = await connect(server.address, timeout=60, patience=0.05)
        with pytest.raises(InDoubt, match=r"did not answer within 0\.05 s"):
            await impatient.post("a1-b1", 5)
        assert server.requests == 4


async def test_no_pause_goes_beyond_the_patience(connect: Connect) -> None:
    async with keyed_server(lambda _: "busy") as server:
        server.retry_after = "25"
        client = await connect(server.address, patience=20)
        with pytest.raises(ApiError):
            await client.post("a1-b1", 5)
        assert server.requests == 1


async def test_retry_after_is_kept(connect: Connect) -> None:
    async with keyed_server(first("busy")) as server:
        server.retry_after = "1"
        client = await connect(server.address)
        before = asyncio.get_running_loop().time()
        await client.post("a1-b1", 5)
        assert asyncio.get_running_loop().time() - before >= 1


def test_retry_after_is_capped() -> None:
    assert _asked_pause(ApiError(Problem(503, "", "busy"), retry_after=1e9)) == RETRY_AFTER_MAX


async def test_each_call_has_a_key_of_its_own_and_shows_the_token(connect: Connect) -> None:
    async with keyed_server() as server:
        client = await connect(server.address, token="secret")
        for _ in range(3):
            await client.post("a1-b1", 5)
        assert len(server.arrivals) == 3
        assert {headers["Authorization"] for headers in server.headers} == {"Bearer secret"}


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\n"])
async def test_a_key_that_is_none_is_refused_before_it_is_sent(connect: Connect, key: str) -> None:
    client = await connect("http://127.0.0.1:9")
    with pytest.raises(InvalidInput, match="a key must be"):
        await client.post("a1-b1", 5, key=key)


@asynccontextmanager
async def saying(data: bytes) -> AsyncIterator[str]:
    """A server that answers every connection with these bytes, and closes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def with_length(body: bytes, head: bytes = OK) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Unreachable),
        (b"rubbish\r\n\r\n", Unreachable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", Unreachable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", Unreachable),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", Unreachable),
        (with_length(b"<ht>"), BadAnswer),
        (with_length(b"[]"), BadAnswer),
        (with_length(b"{}"), BadAnswer),
        (with_length(b'{"exams":3,"next":[]}'), BadAnswer),
        (with_length(b'{"exams":[3]}'), BadAnswer),
        (with_length(b'{"exams":[{"exam":"\xc3\xa9","a"}'), BadAnswer),
        (with_length(b'{"exams":[{"exam":"3","average":1,"count":1}]}\n'), BadAnswer),
        (with_length(b'{"exams":[],"next":"/x?limit=1000"}'), BadAnswer),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ApiError),
        (with_length(b'{"detail":7,"errors":8,"type":[]}', b"HTTP/1.1 400 Bad\r\n"), ApiError),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n", ApiError),
    ],
)
async def test_whatever_a_server_sends_ends_in_an_error_of_ours(
    connect: Connect, data: bytes, error: type[ClientError]
) -> None:
    async with saying(data) as url:
        client = await connect(url, retries=1)
        with pytest.raises(error) as caught:
            [one async for one in client.exams()]
        assert str(caught.value)
        assert "\n" not in str(caught.value)


async def test_an_answer_without_an_end_is_not_kept(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scores.client.exchange.MAX_ANSWER", 1000)
    async with saying(OK + b"Content-Length: 2000\r\n\r\n" + b" " * 2000) as url:
        client = await connect(url)
        with pytest.raises(BadAnswer, match="longer than 1000 bytes"):
            await client.feed()


async def test_a_redirect_says_where_the_api_is_and_is_not_followed(connect: Connect) -> None:
    async with saying(
        b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n"
    ) as url:
        client = await connect(url, token="secret")
        with pytest.raises(ApiError, match="the API is at 'https://elsewhere/'"):
            await client.feed()


def test_no_other_method_is_repeated_without_a_key() -> None:
    """A POST without a key is the bulk request, which has no second try: nothing calls with neither."""
    options: dict[str, Any] = {"retries": 1, "timeout": 1, "patience": 1, "backoff": (0.001, 0.01)}

    async def run() -> int:
        async with (
            keyed_server(lambda _: "busy") as server,
            Exchange(server.address, None, **options) as exchange,
        ):
            with pytest.raises(ApiError):
                await exchange.call("POST", "/scores", document={})
            return server.requests

    assert asyncio.run(run()) == 1
