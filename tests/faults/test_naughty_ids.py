"""Naughty strings as ids, through every endpoint and back: the same code points come out, or the rule is named."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest
from support.api import quote
from support.feeds import HEAD, ScriptedFeed, then_hold
from support.keepalive import KeepAlive, kept_alive
from support.live import listening_to, results_of
from support.naughty import INVALID, STRINGS, VALID
from support.requests import request
from support.soak import LONG
from support.stores import store_of
from support.tally import note_inputs

from scores.client import Client, ClientError
from scores.errors import InvalidInput
from scores.models import ID_RULE

Serve = Callable[..., Awaitable[str]]

JSON = {"Content-Type": "application/json"}
KINDS = ["dict", "redis", *(["sqlite"] if find_spec("scores.stores.sqlite") else [])]


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A store of each kind, empty."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / 'scores.db'}"
        return
    async with store_of(request.param) as url:
        yield url


@dataclass
class Found:
    """What is wrong, and how many answers were a 5xx."""

    client: KeepAlive
    errors: int = 0
    asked: int = 0

    def __post_init__(self) -> None:
        self.wrong: list[str] = []

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """The status and the document of an answer."""
        data = b"" if body is None else json.dumps(body).encode()
        reply = await self.client(request(method, path, JSON if data else {}, data))
        self.asked += 1
        self.errors += reply.status >= 500
        return reply.status, orjson.loads(reply.body) if reply.body else None

    def expect(self, told: object, expected: object, about: str) -> None:
        if told != expected:
            self.wrong.append(f"{about[:60]!a}: {told!a:.200} is not {expected!a:.200}")

    async def walk(self, path: str, name: str, key: str) -> list[Any]:
        """Every item of a listing, by its `next` links."""
        found, link = [], path
        while link is not None:
            status, page = await self.ask("GET", link)
            self.expect(status, 200, link)
            found += [item[key] for item in page[name]]
            link = page["next"]
        return found


def some(texts: list[str], store: str) -> list[str]:
    """All of them on one store, a part on the others, unless there is time."""
    return texts if LONG or store == "dict" else texts[::4]


async def into_and_back(found: Found, valid: list[str]) -> None:
    """Every valid id, by all that takes one or gives one."""
    for at, text in enumerate(valid):
        for _ in range(2):
            posted = await found.ask("POST", "/scores", {"UUID": text, "score": 5})
            found.expect(posted, (200, {"UUID": text, "mean": 5.0}), text)
        read = await found.ask("GET", f"/inspectors/{quote(text)}")
        found.expect(read, (200, {"UUID": text, "mean": 5.0, "count": 2}), text)
        put = await found.ask("PUT", f"/exams/{at}/results/{quote(text)}", {"score": 0.5})
        found.expect(put, (201, {"studentId": text, "exam": at, "score": 0.5}), text)
        put = await found.ask("PUT", f"/exams/9999999/results/{quote(text)}", {"score": 1})
        found.expect(put, (201, {"studentId": text, "exam": 9999999, "score": 1.0}), text)
        _, student = await found.ask("GET", f"/students/{quote(text)}/?exam_id={at}&limit=1")
        found.expect((student["studentId"], student["count"]), (text, 2), text)
        _, exam = await found.ask("GET", f"/exams/9999999?student_name={quote_plus(text)}")
        found.expect(exam["results"], [{"studentId": text, "score": 1.0}], text)
    for path, name, key in LISTINGS:
        listed = await found.walk(f"{path}?limit=17", name, key)
        found.expect(sorted(listed), sorted(valid), path)


LISTINGS = [
    ("/inspectors", "inspectors", "UUID"),
    ("/students", "students", "studentId"),
    ("/exams/9999999", "results", "studentId"),
]


async def out_again(found: Found, valid: list[str]) -> None:
    """Forgets them all, by their paths."""
    for at, text in enumerate(valid):
        for path in (f"/exams/{at}/results", "/inspectors", "/students"):
            found.expect((await found.ask("DELETE", f"{path}/{quote(text)}"))[0], 204, text)
    for path, name, key in LISTINGS[:2]:
        found.expect(await found.walk(path, name, key), [], path)


async def refused(found: Found) -> None:
    """Every invalid one, by all that takes one."""
    for text in INVALID:
        status, told = await found.ask("POST", "/scores", {"UUID": text, "score": 5})
        # Half a character is no JSON (RFC 8259, section 8.2; RFC 7493, section 2.1).
        half = any("\ud800" <= one <= "\udfff" for one in text)
        found.expect(status, 400 if half else 422, text)
        found.expect(half or ID_RULE in str(told), True, text)
        if half:
            continue
        for path in ("/inspectors", "/students", "/docs", "/nowhere", "/exams"):
            found.expect(
                (await found.ask("GET", f"{path}/{quote(text)}"))[0], 404 if text else 200, path
            ) if text else None
        if text:
            status, told = await found.ask("PUT", f"/exams/3/results/{quote(text)}", {"score": 1})
            found.expect((status, ID_RULE in str(told)), (422, True), text)
            status, told = await found.ask("GET", f"/exams/3?student_name={quote_plus(text)}")
            found.expect((status, ID_RULE in str(told)), (400, True), text)


async def test_every_id_comes_back_as_it_was_or_is_refused(
    serve: Serve, store: str, caplog: pytest.LogCaptureFixture
) -> None:
    address, valid = await serve(store=store), some(VALID, store)
    async with kept_alive(address) as client:
        found = Found(client)
        await into_and_back(found, valid)
        await refused(found)
        for text in STRINGS[:: 1 if LONG else 6]:
            for path in ("/docs", "/nowhere/x", "/exams"):
                if text and not any("\ud800" <= one <= "\udfff" for one in text) and text not in {"0", "00"}:
                    status, _ = await found.ask("GET", f"{path}/{quote(text)}")
                    found.expect(status in {200, 404}, True, f"{path}/{text}")
        await out_again(found, valid)
    note_inputs(
        corpus=f"naughty ids, {store.partition(':')[0]}",
        tried=found.asked,
        server_errors=found.errors,
        wrong=len(found.wrong),
    )
    assert not found.wrong
    assert found.errors == 0
    assert len(VALID) > 550
    assert len(INVALID) > 20
    # That this Redis keeps nothing on a disk is said at the start.
    assert not [one for one in caplog.records if one.name != "scores.stores.redis.greeting"]


async def test_control_without_the_rule_there_are_ids_that_no_path_reaches(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scores.models.is_id", lambda value: isinstance(value, str))
    async with kept_alive(await serve()) as client:
        found = Found(client)
        await refused(found)
        for text in filter(None, INVALID):
            await found.ask("POST", "/scores", {"UUID": text, "score": 5})
        lost = [
            uuid
            for uuid in await found.walk("/inspectors", "inspectors", "UUID")
            if (await found.ask("GET", f"/inspectors/{uuid}" if uuid in {".", ".."} else "/nowhere"))[0]
            != 200
        ]
    assert len(found.wrong) > 20
    assert lost


async def test_the_client_gives_back_what_it_was_given(serve: Serve, store: str) -> None:
    address, valid = await serve(store=store), VALID if LONG else VALID[::4]
    async with Client(address) as client:
        gate = asyncio.Semaphore(16)

        async def one(at: int, text: str) -> None:
            async with gate:
                assert (await client.post(text, 4)).uuid == text
                assert (await client.inspector(text)).uuid == text
                await client.put_result(at, text, 0.25)
                report = await client.student(text)
                assert [(result.student_id, result.exam) async for result in report.results] == [(text, at)]
                of_exam = await client.exam(at, students=[text])
                assert [result.student_id async for result in of_exam.results] == [text]

        await asyncio.gather(*(one(at, text) for at, text in enumerate(valid)))
        assert sorted([one.uuid async for one in client.inspectors(limit=50)]) == sorted(valid)
        assert sorted([one.student_id async for one in client.students(limit=50)]) == sorted(valid)
        for text in INVALID:
            with pytest.raises((InvalidInput, ClientError)):
                await client.post(text, 4)
            with pytest.raises((InvalidInput, ClientError)):
                await client.inspector(text)
        await asyncio.gather(*(client.delete_inspector(text) for text in valid))
        assert [one.uuid async for one in client.inspectors()] == []


def events() -> bytes:
    """Every string in an event of a feed."""
    data = [json.dumps({"studentId": text, "exam": at, "score": 0.5}) for at, text in enumerate(STRINGS)]
    return b"".join(b"event: score\ndata: %b\n\n" % one.encode() for one in data)


def raw_events() -> bytes:
    """The same, the characters themselves; half of one is no UTF-8, and read as replacements."""
    data = [
        json.dumps({"studentId": text, "exam": at, "score": 1}, ensure_ascii=False)
        for at, text in enumerate(STRINGS)
    ]
    return b"".join(b"event: score\ndata: %b\n\n" % one.encode("utf-8", "surrogatepass") for one in data)


async def test_what_a_feed_names_is_read_the_same_and_told_live(serve: Serve, store: str) -> None:
    feed = ScriptedFeed([then_hold(HEAD + events() + raw_events())])
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    expected = {(text, STRINGS.index(text)): 1.0 for text in VALID}
    async with server:
        port = server.sockets[0].getsockname()[1]
        address = await serve(store=store, feed=f"http://127.0.0.1:{port}/", shutdown_timeout=1)
        async with listening_to(address) as listener, kept_alive(address) as client:
            found = Found(client)
            told = await listener.until(lambda got: expected.items() <= results_of(got).items())
            results = {key: score for key, score in results_of(told).items() if key[0] in VALID}
            assert results == expected
            listed = await found.walk("/students?limit=100", "students", "studentId")
            state = (await found.ask("GET", "/feed"))[1]
    assert set(VALID) <= set(listed)
    assert not set(INVALID) & set(listed)
    assert state["rejected"] >= len(INVALID)
    note_inputs(
        corpus=f"naughty ids from a feed, {store.partition(':')[0]}",
        tried=2 * len(STRINGS),
        server_errors=0,
        wrong=0,
    )
