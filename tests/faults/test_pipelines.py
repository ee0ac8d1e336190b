"""Pipelines of 32 requests at once, from many connections: all are answered, and in order."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from random import Random

import orjson
import pytest
from support.honest import honest
from support.outside import server
from support.requests import post, request
from support.soak import times
from support.sockets import connection

DEEP = 32
_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n", re.IGNORECASE)

Expected = Callable[[int, object], bool]


def one_of(rng: Random, uuid: str, scores: list[int]) -> tuple[bytes, Expected]:
    """A request, and what tells whether an answer is its own."""
    kind = rng.choice(["score", "score", "keyed", "read", "wrong", "missing", "livez", "not allowed"])
    if kind in ("score", "keyed"):
        score = rng.randint(0, 5)
        scores.append(score)
        mean = sum(scores) / len(scores)
        key = {"Idempotency_Key": f"{rng.getrandbits(128):032x}"} if kind == "keyed" else {}
        return post(
            uuid, score, **key
        ), lambda status, told: (status, told) == (200, {"UUID": uuid, "mean": mean})
    if kind == "read" and scores:
        known = {"UUID": uuid, "mean": sum(scores) / len(scores), "count": len(scores)}
        return request("GET", f"/inspectors/{uuid}"), lambda status, told: (status, told) == (200, known)
    if kind == "wrong":
        wrong = rng.randint(6, 1000)
        return post(uuid, wrong), lambda status, told: status == 422 and str(wrong) in str(told)
    if kind == "missing":
        name = f"{rng.getrandbits(32):x}"
        return request("GET", f"/students/{name}"), lambda status, told: status == 404 and name in str(told)
    if kind == "not allowed":
        return request("DELETE", "/exams"), lambda status, _: status == 405
    return request("GET", "/livez"), lambda status, _: status == 200


async def pipeline(address: str, number: int, rounds: int) -> int:
    """How many answers of some pipelines on one connection were not the ones that they should be."""
    rng, uuid, scores, wrong = Random(number), f"piped-{number}", list[int](), 0
    async with connection(address) as (reader, writer):
        for _ in range(rounds):
            asked = [one_of(rng, uuid, scores) for _ in range(DEEP)]
            writer.write(b"".join(data for data, _ in asked))
            for _, expected in asked:
                async with asyncio.timeout(60):
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = _LENGTH.search(head)
                    assert length is not None
                    body = await reader.readexactly(int(length[1]))
                wrong += not expected(int(head.split(b" ", 2)[1]), orjson.loads(body))
    return wrong


@pytest.mark.parametrize("express", ["on", "off"])
async def test_deep_pipelines_are_answered_in_order(express: str) -> None:
    count, rounds = 30, times(1)
    async with server(express=express) as one, honest(one.address) as clients:
        wrong = await asyncio.gather(*(pipeline(one.address, number, rounds) for number in range(count)))
        assert sum(wrong) == 0
        clients.check()
        await clients.report(f"pipelines, lane {express}", injected=count * rounds, in_flight=count * DEEP)


async def test_answers_out_of_order_are_seen() -> None:
    """The control: a server that answers two requests of each pipeline in each other's place."""

    async def swapped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        forward: Callable[[], Awaitable[bytes]] = lambda: _answer(inner_reader)  # noqa: E731
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", int(one.address.rpartition(":")[2]))
        data = await reader.read(1 << 20)
        inner.write(data)
        answers = [await forward() for _ in range(DEEP)]
        answers[3], answers[4] = answers[4], answers[3]
        writer.write(b"".join(answers))
        inner.close()
        writer.close()

    async with server() as one:
        between = await asyncio.start_server(swapped, "127.0.0.1", 0)
        async with between:
            address = "http://{}:{}".format(*between.sockets[0].getsockname())
            assert sum(await asyncio.gather(*(pipeline(address, number, 1) for number in range(3)))) > 0


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    assert length is not None
    return head + await reader.readexactly(int(length[1]))
