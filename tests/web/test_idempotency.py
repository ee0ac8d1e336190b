"""`Idempotency-Key`: what is a key, what is answered to one that comes again, and what has none."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.api import Answer, Api
from support.requests import post, request
from support.wire import wire_server

ODD_STORES = str(Path(__file__).parents[1] / "support" / "odd_stores")

ApiFor = Callable[..., Awaitable[Api]]


async def send(api: Api, body: object, *keys: str, **fields: str) -> Answer:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = [
        ("Content-Type", "application/json"),
        *(("Idempotency-Key", key) for key in keys),
        *fields.items(),
    ]
    return await api("POST", "/scores", data=data, headers=headers)


def five(uuid: str = "a1-b1") -> dict[str, Any]:
    return {"UUID": uuid, "score": 5}


def without_date(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status, [item for item in answer.headers.items() if item[0] != "Date"], answer.body


async def test_the_second_answer_is_the_first(api: Api) -> None:
    await api.post("a1-b1", 2)
    first = await send(api, five(), "k")
    await api.post("a1-b1", 0)
    again = await send(api, five(), "k")
    assert without_date(again) == without_date(first)
    assert first.json == {"UUID": "a1-b1", "mean": 3.5}
    assert (await api.get("/inspectors/a1-b1")).json["count"] == 3


@pytest.mark.parametrize(
    "body",
    [
        b'{"score":5,"UUID":"a1-b1"}',
        b' {"UUID" : "a1-b1", "score": 5.0 }',
        b'{"UUID":"a1\\u002db1","score":5,"x":1}',
    ],
)
async def test_the_same_score_written_in_another_way_is_the_same(api: Api, body: bytes) -> None:
    first = await send(api, five(), "k")
    assert without_date(await send(api, body, "k")) == without_date(first)
    assert (await api.get("/inspectors/a1-b1")).json["count"] == 1


@pytest.mark.parametrize(
    "body", [{"UUID": "a1-b1", "score": 4}, {"UUID": "5a1-b1", "score": 5}, {"UUID": "x", "score": 0}]
)
async def test_another_body_with_the_same_key_is_refused(api: Api, body: dict[str, Any]) -> None:
    await send(api, five(), "k")
    answer = await send(api, body, "k")
    assert (answer.status, answer.json["type"]) == (422, "urn:problem-type:scores:idempotency-key-reused")
    assert "'k'" in answer.json["detail"]
    assert "Retry-After" not in answer.headers
    assert (await api.get("/inspectors")).json["inspectors"] == [{"UUID": "a1-b1", "mean": 5.0, "count": 1}]


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b'{"UUID":"a1-b1","score":6}', 422), (b'{"UUID":"","score":5}', 422)]
)
async def test_what_is_refused_leaves_its_key_free(api: Api, body: bytes, status: int) -> None:
    assert (await send(api, body, "k")).status == status
    assert (await send(api, five(), "k")).status == 200
    assert (await send(api, body, "k")).status == status


@pytest.mark.parametrize("key", ["k", "!", "~" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "a,b;c=d"])
async def test_what_is_a_key(api: Api, key: str) -> None:
    assert [(await send(api, five(), key)).status for _ in range(2)] == [200, 200]
    assert (await api.get("/inspectors/a1-b1")).json["count"] == 1


@pytest.mark.parametrize(
    "key", [b"", b" ", b"a b", b"a\tb", b"~" * 256, b"\xc3\xa9", b"\xff", b"a\x01", b"\x7f"]
)
async def test_what_is_no_key(api: Api, key: bytes) -> None:
    body = orjson.dumps(five())
    head = b"POST /scores HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\nIdempotency-Key: %s\r\n\r\n" % (len(body), key)
    answer = await api.raw(head + body)
    # Some of them aiohttp's parser refuses before, in its own version of HTTP.
    assert answer.split(b" ", 2)[1] == b"400"
    assert b"urn:problem-type:scores:bad-request" in answer
    assert (await api.get("/inspectors")).json["total"] == 0


async def test_what_is_wrong_with_a_key_is_said(api: Api) -> None:
    answer = await send(api, five(), "a b")
    assert answer.json["detail"] == (
        "Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces, such as a UUID"
    )


async def test_two_keys_are_none(api: Api) -> None:
    for keys in (("a", "b"), ("a", "a")):
        answer = await send(api, five(), *keys)
        assert (answer.status, answer.json["type"]) == (400, "urn:problem-type:scores:bad-request")
        assert "was sent 2 times" in answer.json["detail"]
    assert (await api.get("/inspectors")).json["total"] == 0


async def test_bulk_has_no_key(api: Api) -> None:
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "k"}
    answer = await api("POST", "/scores", data=orjson.dumps(five()), headers=headers)
    assert answer.status == 400
    assert "for a single score" in answer.json["detail"]
    assert (await api.get("/inspectors")).json["total"] == 0


async def test_what_may_be_repeated_anyway_has_no_use_for_a_key(api: Api) -> None:
    headers = {"Idempotency-Key": "not a key"}
    for status, score in ((201, 0.5), (200, 0.5), (200, 0.25)):
        assert (
            await api("PUT", "/exams/3/results/foo", json={"score": score}, headers=headers)
        ).status == status
    assert (await api("DELETE", "/exams/3/results/foo", headers=headers)).status == 204
    assert (await api("DELETE", "/exams/3/results/foo", headers=headers)).status == 404


async def test_a_removed_inspector_stays_removed(api: Api) -> None:
    first = await send(api, five(), "k")
    await api("DELETE", "/inspectors/a1-b1")
    assert without_date(await send(api, five(), "k")) == without_date(first)
    assert (await api.get("/inspectors/a1-b1")).status == 404


# Bounds.


@pytest.mark.parametrize("store", ["dict", "sharded"])
async def test_when_as_many_keys_are_remembered_as_may_be_a_new_one_is_refused(
    api_for: ApiFor, store: str
) -> None:
    api = await api_for(store=store, idempotency_keys=3)
    assert [(await send(api, five(), f"k{number}")).status for number in range(5)] == [
        200,
        200,
        200,
        503,
        503,
    ]
    refused = await send(api, five(), "k9")
    assert refused.json["type"] == "urn:problem-type:scores:store-busy"
    assert "SCORES_IDEMPOTENCY_KEYS" in refused.json["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    # What was promised holds, and what needs no key is taken.
    assert (await send(api, five(), "k0")).json == {"UUID": "a1-b1", "mean": 5.0}
    assert (await api.post("a1-b1", 5)).status == 200
    assert (await api.get("/inspectors/a1-b1")).json["count"] == 4


# In flight.


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(ODD_STORES)
    return "slow:"


async def test_a_key_that_is_being_answered_is_refused_until_it_is(slow: str) -> None:
    async with wire_server(store=slow) as server:
        gate: asyncio.Event = server.store.gate  # type: ignore[attr-defined]  # the odd store has it
        gate.clear()
        first, second = server.connect(), server.connect()
        first.send(post(Idempotency_Key="k"))
        await first.settle()
        second.send(post(Idempotency_Key="k"))
        second.send(post("other", Idempotency_Key="k2"))
        await second.settle()
        refused = second.take()
        assert refused.startswith(b"HTTP/1.1 409 Conflict\r\n")
        assert b"urn:problem-type:scores:idempotency-key-in-flight" in refused
        assert b"\r\nRetry-After: 1\r\n" in refused
        assert first.take() == b""
        gate.set()
        await first.settle()
        answer = first.take()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        second.take()
        second.send(post(Idempotency_Key="k"))
        await second.settle()
        assert second.take() == answer
        inspectors = await server.store.inspectors(limit=9)
        assert [(one.uuid, one.count) for one in inspectors.items] == [("a1-b1", 1), ("other", 1)]
        for wire in (first, second):
            wire.lose()


async def test_a_key_whose_request_failed_is_free_again(slow: str) -> None:
    async with wire_server(store=slow) as server:
        wire = server.connect()
        for uuid, status in (("bug", b"500"), ("full", b"507"), ("busy", b"503"), ("a1-b1", b"200")):
            wire.send(post(uuid, Idempotency_Key="k"))
            await wire.settle()
            assert wire.take().split(b" ", 2)[1] == status
        wire.lose()


# The express lane.


async def test_a_head_with_a_key_is_not_remembered() -> None:
    async with wire_server() as server:
        wire = server.connect()
        for number in range(20):
            wire.send(post(Idempotency_Key=f"k{number}"))
            wire.send(post(Idempotency_Key="k"))
            await wire.settle()
        heads = server.connections.heads  # type: ignore[attr-defined]  # these connections have the lane
        assert len(heads) == 0
        wire.send(post())
        wire.send(request("GET", "/inspectors/a1-b1"))
        await wire.settle()
        assert len(heads) == 2
        wire.lose()
