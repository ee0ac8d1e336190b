"""JSON and what is none, through everything that reads it: taken exactly if it is a valid score, never a 5xx."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from support.api import quote
from support.json_scores import bodies, is_id, is_mark, value_of
from support.keepalive import KeepAlive, kept_alive
from support.requests import request
from support.smuggling import counts_of
from support.tally import note_inputs

Serve = Callable[..., Awaitable[str]]
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}

LANE = pytest.mark.parametrize("express", [True, False], ids=["lane", "no lane"])


def mark_of(body: bytes) -> str | None:
    """Whose score this body is; None if it is no score."""
    value = value_of(body)
    return value["UUID"] if value and is_id(value.get("UUID")) and is_mark(value.get("score")) else None


async def post_all(
    client: KeepAlive, sent: list[bytes], *, turns: int = 1
) -> tuple[list[str], Counter[str], int]:
    """What is wrong in the answers, how often they took whose score, and how many 5xx there were."""
    wrong, taken, errors = list[str](), Counter[str](), 0
    for body in sent:
        for _ in range(turns):
            reply, mark = await client(request("POST", "/scores", JSON, body)), mark_of(body)
            errors += reply.status == 0 or reply.status >= 500
            if reply.status == 200:
                taken[reply.json["UUID"]] += 1
            if (reply.status == 200) != (mark is not None) or reply.status not in {200, 400, 422}:
                wrong.append(f"{reply.status}: {body[:80]!r}")
            elif reply.status != 200 and not is_problem(reply.json, reply.status):
                wrong.append(f"no problem: {body[:80]!r}")
    return wrong, taken, errors


def is_problem(document: Any, status: int) -> bool:
    return bool(document["status"] == status and document["detail"] and document["errors"])


@LANE
async def test_a_score_is_taken_exactly_if_it_is_one(
    serve: Serve, express: bool, caplog: pytest.LogCaptureFixture
) -> None:
    # With the lane twice: the second time it knows the head.
    address, sent, turns = await serve(express=express), bodies(), 2 if express else 1
    async with kept_alive(address) as client:
        wrong, taken, errors = await post_all(client, sent, turns=turns)
    lane = "on" if express else "off"
    note_inputs(
        corpus=f"JSON, POST, lane {lane}", tried=turns * len(sent), server_errors=errors, wrong=len(wrong)
    )
    assert not wrong
    assert await counts_of(address) == taken
    assert len(taken) > 50
    assert not caplog.records


@LANE
async def test_control_a_lax_reader_takes_what_is_none(
    serve: Serve, express: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lax(body: bytes) -> object:
        return json.loads(body.decode("utf-8-sig", "replace"))

    other = SimpleNamespace(loads=lax, dumps=orjson.dumps, JSONDecodeError=json.JSONDecodeError)
    monkeypatch.setattr("scores.web.bodies.orjson", other)
    monkeypatch.setattr("scores.web.express.endpoints.loads", lax)
    async with kept_alive(await serve(express=express)) as client:
        wrong, _, errors = await post_all(client, bodies()[::6], turns=2)
    assert len(wrong) > 10
    assert errors


async def test_a_line_of_a_bulk_is_taken_exactly_if_it_is_a_score(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    address, limit = await serve(), 65_536
    lines = b"\n".join(bodies()).split(b"\n")
    async with kept_alive(address) as client:
        reply = await client(request("POST", "/scores", NDJSON, b"\n".join(lines)))
    assert reply.status == 200
    answers = list(map(orjson.loads, reply.body.splitlines()))
    wrong = [
        line[:80]
        for number, (line, answer) in enumerate(zip(lines, answers, strict=True), 1)
        if (answer.get("UUID"), answer.get("line"), answer.get("status", 200) in statuses(line, limit))
        != (mark_of_line(line, limit), None if mark_of_line(line, limit) else number, True)
    ]
    errors = sum(answer.get("status", 200) >= 500 for answer in answers)
    note_inputs(corpus="JSON, lines of a bulk", tried=len(lines), server_errors=errors, wrong=len(wrong))
    assert not wrong
    assert await counts_of(address) == Counter(answer["UUID"] for answer in answers if "UUID" in answer)
    assert not caplog.records


def mark_of_line(line: bytes, limit: int) -> str | None:
    return None if len(line) > limit else mark_of(line.removesuffix(b"\r"))


def statuses(line: bytes, limit: int) -> set[int]:
    if len(line) > limit:
        return {413}
    return {200} if mark_of(line.removesuffix(b"\r")) is not None else {400, 422}


async def test_a_result_is_taken_exactly_if_it_is_one(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    address, wrong, errors, sent = await serve(), list[str](), 0, put_bodies()
    async with kept_alive(address) as client:
        for at, body in enumerate(sent):
            reply = await client(request("PUT", f"/exams/3/results/{quote(f's{at}')}", JSON, body))
            errors += reply.status == 0 or reply.status >= 500
            if (reply.status == 201) != is_result(body) or reply.status not in {201, 400, 422}:
                wrong.append(f"{reply.status}: {body[:80]!r}")
        total = (await client(request("GET", "/exams/3"))).json["count"]
    note_inputs(corpus="JSON, PUT", tried=len(sent), server_errors=errors, wrong=len(wrong))
    assert not wrong
    assert total == sum(map(is_result, sent)) > 50
    assert not caplog.records


def put_bodies() -> list[bytes]:
    """The same, of which a score that is 5 is now 1."""
    return [body.replace(b'"score":5', b'"score":1') for body in bodies()]


@cache
def is_result(body: bytes) -> bool:
    score = (value_of(body) or {}).get("score")
    return isinstance(score, (int, float)) and not isinstance(score, bool) and 0 <= score <= 1


TYPES = {
    "application/json": 200, "application/json; charset=utf-8": 200, "application/json;charset=UTF-8": 200,
    'application/json; charset="utf-8"': 200, "application/json; charset=utf8": 200, "APPLICATION/JSON": 200,
    "application/json; charset=us-ascii": 200, "application/json; odd=parameter": 200, "application/json;": 200,
    "application/json; charset=utf-16": 415, "application/json; charset=utf-16le": 415, "application/json; charset=utf-32": 415,
    "application/json; charset=utf-7": 415, "application/json; charset=iso-8859-1": 415, "application/json; charset=latin1": 415,
    "application/json; charset=cp1252": 415, "application/json; charset=shift_jis": 415, "application/json; charset=gb18030": 415,
    "application/json; charset=ebcdic": 415, "application/json; charset=x": 415, "application/json; charset=idna": 415,
    "application/json; charset=rot13": 415, "application/json; charset=unicode_escape": 415, "application/json; charset=zlib": 415,
    "application/json; charset=undefined": 415, "application/json; charset=utf-8\x01": 400, "application/json; charset=" + "x" * 4000: 415,
    "application/json; charset=utf-8-sig": 415, "application/json; charset=../../etc/passwd": 415,
    "text/json": 415, "text/plain": 415, "application/jsonp": 415, "application/json-patch+json": 415, "application/ld+json": 415,
    "application/xml": 415, "multipart/form-data; boundary=x": 415, "application/x-www-form-urlencoded": 415, "*/*": 415,
    "json": 415, "": 415, "application/json, text/plain": 415, "text/plain, application/json": 415, "application /json": 415,
    "application/x-ndjson; charset=utf-16": 415, "application/x-ndjson;charset=x": 415,
}  # fmt: skip
"""Values of Content-Type, and what the answer is to a good score."""


@LANE
async def test_a_body_is_read_as_what_it_is_said_to_be(
    serve: Serve, express: bool, caplog: pytest.LogCaptureFixture
) -> None:
    body, told = b'{"UUID":"a1-b1","score":5}', dict[str, int]()
    async with kept_alive(await serve(express=express)) as client:
        for value in TYPES:
            for _ in range(2):
                sent = request("POST", "/scores", {"Content-Type": value}, body)
                told[value] = (await client(sent)).status
    wrong = {value: status for value, status in told.items() if TYPES[value] != status}
    errors = sum(status >= 500 for status in told.values())
    note_inputs(
        corpus="charsets and media types", tried=2 * len(told), server_errors=errors, wrong=len(wrong)
    )
    assert not wrong
    assert not caplog.records
