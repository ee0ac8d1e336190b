"""Whatever has a limit, one under it, at it and one over it: taken, taken, and refused as is documented.

Rule: asked of a whole server from outside, with the express lane and without; the control is a server whose
limits are far away, which takes what the first refuses.
"""

import asyncio
import gzip
import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import orjson
import pytest
from support.api import quote
from support.honest import honest
from support.outside import server
from support.requests import request
from support.sockets import connection
from support.tally import note_inputs

SMALL: dict[str, Any] = {
    "max_body": 2000, "max_line": 300, "max_inflated": 5000, "max_header": 600, "max_headers": 20,
}  # fmt: skip
LARGE: dict[str, Any] = {**dict.fromkeys(SMALL, 1_000_000), "max_headers": 10_000}

JSON = {"Content-Type": "application/json"}
BULK = {"Content-Type": "application/x-ndjson"}
SHORT = {**BULK, "Prefer": "return=minimal"}
SCORE = b'{"UUID":"a1-b1","score":5}'


_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n", re.IGNORECASE)


class Told(NamedTuple):
    """What was answered."""

    status: int
    code: str
    """What the problem's type ends with."""


class Limit(NamedTuple):
    """Something that may be so large, and no larger."""

    most: int
    make: Callable[[int], bytes]
    """The request of this size."""
    taken: int
    """The status of what is not too large."""
    refused: int
    code: str
    """What the problem's type ends with."""
    setting: bool = True
    """Whether a setting moves it."""


def chunked(body: bytes, fields: Mapping[str, str]) -> bytes:
    head = request("POST", "/scores", {**fields, "Transfer-Encoding": "chunked"})
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def padded(size: int) -> bytes:
    """A score in so many bytes."""
    return SCORE[:-1] + b" " * (size - len(SCORE)) + b"}"


def zipped(body: bytes, fields: Mapping[str, str]) -> bytes:
    return request("POST", "/scores", {**fields, "Content-Encoding": "gzip"}, gzip.compress(body))


def put(exam: int | str = 1, student: str = "s", score: object = 0.5) -> bytes:
    body = orjson.dumps({"score": score})
    return request("PUT", f"/exams/{exam}/results/{quote(student)}", JSON, body)


def score_of(uuid: str, score: int = 5, **fields: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return request("POST", "/scores", {**JSON, **named}, orjson.dumps({"UUID": uuid, "score": score}))


LIMITS = {
    "body": Limit(2000, lambda size: request("POST", "/scores", JSON, padded(size)), 200, 413, "payload-too-large"),
    "body, chunked": Limit(2000, lambda size: chunked(padded(size), JSON), 200, 413, "payload-too-large"),
    "body, inflated": Limit(2000, lambda size: zipped(padded(size), JSON), 200, 413, "payload-too-large"),
    "line": Limit(300, lambda size: request("POST", "/scores", BULK, padded(size) + b"\n"), 200, 413, "payload-too-large"),
    "line without its end": Limit(300, lambda size: request("POST", "/scores", BULK, padded(size)), 200, 413, "payload-too-large"),
    "line, chunked": Limit(300, lambda size: chunked(padded(size) + b"\r\n", BULK), 200, 413, "payload-too-large"),
    "bulk, inflated": Limit(5000, lambda size: zipped(b"\n" * (size - len(SCORE)) + SCORE, SHORT), 200, 413, "payload-too-large"),
    "request line": Limit(600, lambda size: request("GET", "/" + "x" * (size - 1)), 404, 431, "head-too-large"),
    "header field": Limit(600, lambda size: request("GET", "/livez", {"A": "x" * size}), 200, 431, "head-too-large"),
    "header fields": Limit(20, lambda size: request("GET", "/livez", {f"A{number}": "x" for number in range(size - 1)}), 200, 431, "head-too-large"),
    "UUID": Limit(256, lambda size: score_of("u" * size), 200, 422, "invalid-input", setting=False),
    "UUID, wide": Limit(256, lambda size: score_of("\N{GRINNING FACE}" * size), 200, 422, "invalid-input", setting=False),
    "UUID in a line": Limit(256, lambda size: request("POST", "/scores", BULK, b'{"UUID":"%b","score":5}\n' % (b"u" * size)), 200, 422, "invalid-input", setting=False),
    "studentId": Limit(256, lambda size: put(student="s" * size), 201, 422, "invalid-input", setting=False),
    "score": Limit(5, lambda score: score_of("a1-b1", score), 200, 422, "invalid-input", setting=False),
    "result": Limit(1, lambda score: put(student=f"r{score}", score=score), 201, 422, "invalid-input", setting=False),
    "exam": Limit(2**63 - 1, put, 201, 422, "invalid-input", setting=False),
    "Idempotency-Key": Limit(255, lambda size: score_of("a1-b1", Idempotency_Key="k" * size), 200, 400, "bad-request", setting=False),
    "page": Limit(1000, lambda limit: request("GET", f"/exams?limit={limit}"), 200, 400, "invalid-query", setting=False),
}  # fmt: skip


async def ask(address: str, data: bytes) -> Told:
    """What is answered; in bulk, to the first line."""
    async with connection(address) as (reader, writer), asyncio.timeout(30):
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await (reader.readexactly(int(length[1])) if length else reader.readuntil(b"0\r\n\r\n"))
    if length is None:
        body = body.partition(b"\r\n")[2].partition(b"\n")[0]
    told = orjson.loads(body)
    if "type" not in told:
        return Told(int(head.split(b" ", 2)[1]), "")
    return Told(told["status"], told["type"].rpartition(":")[2])


def is_as_said(limit: Limit, size: int, told: Told) -> bool:
    if size > limit.most:
        return told == (limit.refused, limit.code)
    # A result that is put once more is 200.
    return told.status in (limit.taken, 200) and told.code == ("not-found" if limit.taken == 404 else "")


@pytest.mark.parametrize("express", ["on", "off"])
async def test_under_at_and_over_every_limit(express: str) -> None:
    wrong, found = list[tuple[str, int, Told]](), list[Told]()
    async with AsyncExitStack() as stack:
        small, large = await asyncio.gather(
            stack.enter_async_context(server(express=express, **SMALL)),
            stack.enter_async_context(server(express=express, **LARGE)),
        )
        clients = await stack.enter_async_context(honest(small.address))
        for name, limit in LIMITS.items():
            # Twice each, as the lane answers only a head that it has seen before.
            for size in (limit.most + more for more in (-1, -1, 0, 0, 1, 1)):
                found.append(await ask(small.address, limit.make(size)))
                if not is_as_said(limit, size, found[-1]):
                    wrong.append((name, size, found[-1]))
            # The control: where the limit is far away, the same is taken.
            beyond = await ask(large.address, limit.make(limit.most + 1))
            assert (beyond.status == limit.taken) == limit.setting, (name, beyond)
        clients.check()
    errors = sum(told.status >= 500 for told in found)
    note_inputs(corpus=f"limits, lane {express}", tried=len(found), server_errors=errors, wrong=len(wrong))
    assert not wrong
    assert not errors
