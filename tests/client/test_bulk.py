"""Scores in bulk: exact, lazy, and clear about what a break leaves in doubt."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from urllib.parse import urlsplit

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.tcp_proxy import tcp_proxy

from scores.client import ApiError, BadAnswer, BrokenOff, Client, Unreachable

Connect = Callable[..., Awaitable[Client]]


async def test_every_score_counts_once_and_every_rejection_names_its_line(client: Client) -> None:
    random = Random(1)
    scores = [(f"i{random.randrange(20)}", random.choice([0, 1, 2, 3, 4, 5, 6])) for _ in range(5000)]

    async def source() -> AsyncIterator[tuple[str, int]]:
        for pair in scores:
            yield pair

    done = await client.import_scores(source())
    good = [pair for pair in scores if pair[1] <= 5]
    wrong = [line for line, pair in enumerate(scores, 1) if pair[1] > 5]
    assert (done.accepted, done.rejected) == (len(good), len(wrong))
    assert [problem.line for problem in done.errors] == wrong[:100]
    assert {problem.status for problem in done.errors} == {422}
    counts, totals = Counter(uuid for uuid, _ in good), Counter[str]()
    for uuid, score in good:
        totals[uuid] += score
    stored = {one.uuid: one async for one in client.inspectors()}
    assert {uuid: (one.count, one.total) for uuid, one in stored.items()} == {
        uuid: (counts[uuid], totals[uuid]) for uuid in counts
    }


async def test_an_import_of_nothing_is_whole(client: Client) -> None:
    done = await client.import_scores([])
    assert (done.accepted, done.rejected, done.errors) == (0, 0, ())


async def test_a_source_that_fails_is_heard(client: Client) -> None:
    async def source() -> AsyncIterator[tuple[str, int]]:
        yield "a1-b1", 5
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        await client.import_scores(source())


async def test_a_slow_source_is_sent_as_it_comes(client: Client) -> None:
    async def source() -> AsyncIterator[tuple[str, int]]:
        yield "a1-b1", 5
        await asyncio.sleep(0.06)  # longer than scores are gathered
        yield "a1-b1", 4
        async with asyncio.timeout(20):
            while True:
                try:
                    if (await client.inspector("a1-b1")).count == 2:
                        return
                except ApiError:
                    continue

    assert (await client.import_scores(source())).accepted == 2


async def test_a_server_that_takes_nothing_stops_the_source(connect: Connect) -> None:
    taken = 0
    quiet = asyncio.Event()

    async def scores() -> AsyncIterator[tuple[str, int]]:
        nonlocal taken
        while True:
            taken += 1
            yield "x" * 250, 5

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await quiet.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = await connect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    task = asyncio.create_task(client.import_scores(scores()))
    before = -1
    while before != taken or not taken:
        before = taken
        for _ in range(200):
            await asyncio.sleep(0)
    assert taken * 280 < 16 * 1024 * 1024
    task.cancel()
    await asyncio.wait([task])
    quiet.set()
    server.close()


async def test_a_break_says_what_was_answered_and_what_is_in_doubt(
    serve: Callable[..., Awaitable[str]], connect: Connect
) -> None:
    address = urlsplit(await serve())
    assert address.hostname
    assert address.port
    async with tcp_proxy(address.hostname, address.port) as proxy:
        direct = await connect(address.geturl())
        client = await connect(f"http://127.0.0.1:{proxy.port}")

        async def source() -> AsyncIterator[tuple[str, int]]:
            for number in range(100_000):
                if number == 1000:
                    await asyncio.sleep(0.06)  # longer than scores are gathered
                    async with asyncio.timeout(20):
                        while not [one async for one in direct.inspectors()]:
                            pass
                if number == 50_000:
                    await proxy.reset_all()
                yield "a1-b1", 3

        with pytest.raises(BrokenOff) as caught:
            await client.import_scores(source())
        done, sent = caught.value.done, caught.value.sent
        stored = (await direct.inspector("a1-b1")).count
        assert 0 < done.accepted <= stored <= sent < 100_000
        assert done.rejected == 0


async def test_before_anything_is_sent_it_is_no_break(connect: Connect) -> None:
    client = await connect("http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        await client.import_scores([("a1-b1", 5)])


MEAN = b'{"UUID":"a1-b1","mean":5.0}\n'
PROBLEM = orjson.dumps({"status": 422, "detail": "no", "line": 2}) + b"\n"


async def answering(connect: Connect, *pieces: bytes, whole: bool, status: int = 200) -> tuple[int, int, str]:
    """What comes of three scores that are answered so: accepted, rejected, and why it broke off, if it did."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        if not whole:
            assert request.transport is not None
            request.transport.close()
        return response

    app = web.Application()
    app.router.add_post("/scores", answer)
    async with TestServer(app) as server:
        client = await connect(str(server.make_url("")))
        try:
            done = await client.import_scores([("a1-b1", 5)] * 3)
        except BrokenOff as exc:
            return exc.done.accepted, exc.done.rejected, str(exc)
        return done.accepted, done.rejected, ""


async def test_a_problem_in_the_middle_is_about_its_line(connect: Connect) -> None:
    assert await answering(connect, MEAN + PROBLEM + MEAN, whole=True) == (2, 1, "")
    assert (await answering(connect, MEAN + PROBLEM + MEAN, whole=False))[:2] == (2, 1)
    assert await answering(connect, MEAN + MEAN + PROBLEM, whole=True) == (2, 1, "")


async def test_a_problem_right_before_a_break_is_about_the_request(connect: Connect) -> None:
    accepted, rejected, reason = await answering(connect, MEAN + PROBLEM, whole=False)
    assert (accepted, rejected) == (1, 0)
    assert "of 3 lines sent, the first 1 were answered" in reason


async def test_fewer_answers_than_lines_is_a_break(connect: Connect) -> None:
    assert "ended early" in (await answering(connect, MEAN, MEAN, whole=True))[2]


async def test_a_line_that_is_cut_is_no_answer(connect: Connect) -> None:
    assert (await answering(connect, MEAN + MEAN[:-3], whole=False))[:2] == (1, 0)


async def test_a_refused_request_counts_nothing_and_a_failed_one_leaves_doubt(connect: Connect) -> None:
    with pytest.raises(ApiError):
        await answering(connect, b"{}", whole=True, status=401)
    assert (await answering(connect, b"{}", whole=True, status=500))[:2] == (0, 0)


@pytest.mark.parametrize("line", [b"<html>\n", b"[]\n", b"{}\n", b"x" * (1024 * 1024 + 1)])
async def test_an_answer_that_is_none_is_said_so(connect: Connect, line: bytes) -> None:
    with pytest.raises(BadAnswer):
        await answering(connect, line, whole=True)
