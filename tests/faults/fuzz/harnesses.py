"""What is fuzzed: functions that take any bytes and raise `AssertionError` where something is wrong.

Rule: each holds one reader of the server to a plainer one; whoever calls it, hypothesis or atheris, chooses the bytes.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from itertools import pairwise
from types import TracebackType
from typing import Any, Final, Self
from unittest.mock import Mock

from aiohttp import web
from aiohttp.http import HttpVersion11
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict, CIMultiDictProxy
from support.borders import doubtful, marked, read_requests
from support.json_scores import is_id, is_mark
from support.smuggling import ids_of, statuses_of
from support.streams import bytewise, outcome, reference
from support.strict_json import NotJSON, strict
from support.wire import WireServer, wire_server
from yarl import URL

from scores.errors import BadRequest, InvalidInput, InvalidQuery, PayloadTooLarge
from scores.feed.parser import parse_event, parse_events
from scores.models import InspectorKey, Repeats, Result, Score, parse_score
from scores.stores.embedded import EmbeddedStore
from scores.web.bodies import decode
from scores.web.express.endpoints import _at_once
from scores.web.lines import Lines, read_scores
from scores.web.queries import check_target, exam_filter, parse_exam, read_slice, starts_now, student_filter

__all__ = ["HARNESSES", "Express", "bulk", "cursor", "event", "query", "score", "sse"]


def _filled() -> EmbeddedStore:
    """A store whose every listing has more than one page."""
    store = EmbeddedStore(dict)
    results = [Result(f"s{one}", two, 0.5) for one in range(5) for two in range(5)]
    _at_once(store.record(results, repeats=Repeats.LAST))
    _at_once(store.add([Score(f"i{one}", 5) for one in range(5)]))
    return store


_LINE: Final = 64
_STORE: Final = _filled()
_NOBODY: Any = Mock()
_NO_FIELDS: Final = CIMultiDictProxy[str](CIMultiDict())
_KNOWN: Final = frozenset({"limit", "after", "exam_id", "student_name", "start"})


def sse(data: bytes) -> None:
    """The decoder of event streams, against the standard's own words, whole and byte by byte."""
    limit, stream = (data[0], data[1:]) if data else (1, b"")
    expected = reference(stream, max_event=max(limit, 1))
    assert outcome([stream], max_event=max(limit, 1)) == expected
    assert outcome(bytewise(stream), max_event=max(limit, 1)) == expected
    assert outcome(_cut(stream, limit), max_event=max(limit, 1)) == expected


def score(data: bytes) -> None:
    """A body of a score, against the strict reader of JSON."""
    try:
        read: Score | None = parse_score(decode(data))
    except InvalidInput as exc:
        assert exc.faults
        read = None
    assert read == _score(data)


def bulk(data: bytes) -> None:
    """Lines of scores, cut anywhere, against each line by itself."""
    cut, body = (data[0], data[1:]) if data else (0, b"")
    lines = Lines(_LINE)
    found = [line for piece in _cut(body, cut) for line in lines.feed(piece)] + lines.end()
    expected = body.split(b"\n")
    if not expected[-1]:
        expected.pop()
    whole = [line.removesuffix(b"\r") if at < body.count(b"\n") else line for at, line in enumerate(expected)]
    assert [None if isinstance(line, PayloadTooLarge) else line for line in found] == [
        None if len(line) > _LINE else line for line in whole
    ]
    if found:
        read = [one if isinstance(one, Score) else None for one in read_scores(found)]
        assert read == [None if len(line) > _LINE else _score(line) for line in whole]


def event(data: bytes) -> None:
    """The data of events, read together and one by one; what is JSON, against the strict reader."""
    texts = data.decode("utf-8", "replace").split("\n")
    alone: list[Result] = []
    refused = list[str]()
    for text in texts:
        try:
            alone.append(parse_event(text))
        except InvalidInput:
            refused.append(text)
    told = list[str]()
    assert parse_events(texts, lambda _, text: told.append(text)) == alone
    assert told == refused
    for result in alone:
        assert is_id(result.student_id)
        assert 0 <= result.exam < 2**63
        assert 0 <= result.score <= 1


def cursor(data: bytes) -> None:
    """A token that nobody gave out, as the position in every listing."""
    text = data.decode("latin-1")
    try:
        after = read_slice(_asked("/students?after=" + _percent(text))).after
    except (BadRequest, InvalidQuery):
        return
    for listing in (_STORE.students, _STORE.inspectors, _STORE.exams):
        try:
            page: Any = _at_once(listing(after=after, limit=3))
        except InvalidQuery:
            continue
        assert len(page.items) <= 3
    for report in (_STORE.student("s1", after=after, limit=3), _STORE.exam(1, after=after, limit=3)):
        try:
            assert _at_once(report) is not None
        except InvalidQuery:
            continue


def query(data: bytes) -> None:
    """Any target, as the parameters of every listing."""
    target = "/students?" + "".join(
        chr(byte) if 0x20 < byte < 0x7F and byte != 0x23 else f"%{byte:02X}" for byte in data
    )
    request = _asked(target)
    try:
        check_target(request, _KNOWN)
        part, exams, students = read_slice(request), exam_filter(request), student_filter(request)
        starts_now(request)
    except (BadRequest, InvalidQuery) as exc:
        assert str(exc)
        return
    assert 1 <= part.limit <= 1000
    assert all(0 <= exam < 2**63 for exam in exams)
    assert all(map(is_id, students))
    assert parse_exam(request.query.get("exam_id", "")) in {None, *exams}


class Express:
    """Connections with the express lane and without it, against the standard's own words: whatever is sent, and cut."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._servers: list[WireServer] = []

    def __enter__(self) -> Self:
        async def begin() -> None:
            for express in (True, False):
                server = await self._stack.enter_async_context(wire_server(express=express, live=False))
                self._servers.append(server)

        self._runner.run(begin())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def __call__(self, data: bytes) -> None:
        cut, stream = (data[0], data[1:]) if data else (0, b"")
        if b" RTSP/1." in stream:
            # Known: llhttp takes it for HTTP/1.0, and aiohttp does not tell.
            return
        requests = read_requests(stream).requests
        if any(map(doubtful, requests)):
            return
        told = [self._runner.run(self._told(server, _cut(stream, cut))) for server in self._servers]
        expected = [uuid for request in requests if (uuid := marked(request)) is not None]
        for answers, counts in told:
            added = ids_of(answers)
            assert all(status < 500 for status in statuses_of(answers)), answers
            assert added == expected[: len(added)], (added, expected)
            assert sum(counts.values()) == len(added), (counts, added)
        on, off = told
        # What comes in one piece with a refused head is answered by the lane alone (docs/explanation/express.md).
        assert ids_of(on[0])[: len(ids_of(off[0]))] == ids_of(off[0])

    async def _told(self, server: WireServer, pieces: list[bytes]) -> tuple[bytes, Counter[str]]:
        wire = server.connect()
        await wire.settle()
        for piece in pieces:
            wire.send(piece)
            await asyncio.sleep(0)
        await wire.settle()
        answers = wire.take()
        wire.lose()
        await wire.settle()
        page = await server.store.inspectors(limit=1000)
        for one in page.items:
            await server.store.remove(InspectorKey(one.uuid))
        return answers, Counter({one.uuid: one.count for one in page.items})


def _cut(data: bytes, place: int) -> list[bytes]:
    """The data in pieces, none of them empty, by a number from 0 to 255; 0 leaves it whole."""
    step = place or len(data) or 1
    edges = sorted({0, len(data), *range(step, len(data), step)})
    return [data[one:two] for one, two in pairwise(edges)]


def _score(data: bytes) -> Score | None:
    """The score that these bytes state, by the strict reader."""
    try:
        value = strict(data)
    except NotJSON:
        return None
    if not isinstance(value, dict) or not is_id(value.get("UUID")) or not is_mark(value.get("score")):
        return None
    return Score(value["UUID"], int(value["score"]))


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _asked(target: str) -> web.Request:
    """A request for this, as aiohttp's parser has it; of a connection that nobody looks at."""
    path, _, query_string = target.partition("?")
    url = URL.build(path=path, query_string=query_string, encoded=True)
    message = RawRequestMessage("GET", target, HttpVersion11, _NO_FIELDS, (), False, None, False, False, url)
    return web.Request(message, EMPTY_PAYLOAD, _NOBODY, _NOBODY, _NOBODY, _NOBODY)


HARNESSES: Final[Mapping[str, Callable[[bytes], None]]] = {
    "bulk": bulk,
    "cursor": cursor,
    "event": event,
    "query": query,
    "score": score,
    "sse": sse,
}
"""All that need nothing to be started; `Express` is the other."""
