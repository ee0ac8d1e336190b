"""Bulk: `POST /scores` with a score a line, over real sockets."""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.api import Api, quote
from support.sockets import connection
from support.uploads import FIVE, MINIMAL, NDJSON, count_of, post, upload

from scores.config import Config
from scores.web.bulk import MAX_ERRORS
from scores.web.preferences import preference
from scores.web.server import running

# Line by line.


async def test_each_line_is_answered_in_order(api: Any) -> None:
    body = b'{"UUID":"a1-b1","score":5}\n{"UUID":"foo","score":1}\n{"UUID":"a1-b1","score":3}\n'
    answer = await api("POST", "/scores", data=body, headers=NDJSON)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
    assert (
        answer.body
        == b'{"UUID":"a1-b1","mean":5.0}\n{"UUID":"foo","mean":1.0}\n{"UUID":"a1-b1","mean":4.0}\n'
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_the_last_line_may_lack_its_end(api: Any, end: bytes) -> None:
    for lines in (3, 6):
        await post(api, end.join([FIVE.strip()] * 3))
        assert await count_of(api, "a1-b1") == lines


async def test_no_lines_are_no_answers(api: Any) -> None:
    assert await post(api, b"") == []


async def test_more_than_the_largest_body_is_taken(api_for: Callable[..., Awaitable[Api]]) -> None:
    api = await api_for(max_body=100)
    assert len(await post(api, FIVE * 5000)) == 5000


async def test_uuids_that_look_like_answers_are_answered_as_they_are(api: Any) -> None:
    uuids = ['x},{"UUID":', "x},{", "}\\", '"', '},{"UUID":"a', "é\\n", '},{"UUID":,']  # fmt: skip
    body = b"\n".join(orjson.dumps({"UUID": uuid, "score": 3}) for uuid in uuids)
    assert await post(api, body) == [{"UUID": uuid, "mean": 3.0} for uuid in uuids]


BAD_LINES = [
    b"", b" ", b"nonsense", b"[]", b"null", b'{"UUID":"a1-b1"}', b'{"UUID":"a1-b1","score":6}', b'{"UUID":"","score":1}',
    b'{"UUID":"a1-b1","score":5}]', b"1],[2", b'{"UUID":"a","score":1},{"UUID":"b","score":1}', b"\xff", b'{"UUID":"\xff","score":1}',
]  # fmt: skip


async def test_a_bad_line_is_told_what_it_would_have_been_told_alone(api: Any) -> None:
    for line in BAD_LINES:
        alone = await api("POST", "/scores", data=line, headers={"Content-Type": "application/json"})
        assert await post(api, FIVE + line + b"\n" + FIVE) == [
            {"UUID": "a1-b1", "mean": 5.0},
            {**alone.json, "line": 2},
            {"UUID": "a1-b1", "mean": 5.0},
        ]
    assert await count_of(api, "a1-b1") == 2 * len(BAD_LINES)


LINES = st.lists(
    st.one_of(
        st.sampled_from(BAD_LINES),
        st.builds(
            lambda uuid, score: orjson.dumps({"UUID": uuid, "score": score}),
            st.sampled_from(["a1-b1", "foo", "é", '"},{"', ".", 3]),
            st.sampled_from([0, 1, 4, 5, 5.0, 6, "5", None]),
        ),
        st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"")),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_any_lines_are_answered_as_one_by_one(blocking_api: Any, lines: list[bytes]) -> None:
    for inspector in blocking_api("GET", "/inspectors").json["inspectors"]:
        blocking_api("DELETE", f"/inspectors/{quote(inspector['UUID'])}")
    expected = []
    for number, line in enumerate(lines, 1):
        # An LF or CRLF is no part of the line; a CR that is followed by nothing would be cut off as one.
        body = line.removesuffix(b"\r")
        answer = blocking_api("POST", "/scores", data=body, headers={"Content-Type": "application/json"})
        expected.append(answer.json if answer.status == 200 else {**answer.json, "line": number})
    for inspector in blocking_api("GET", "/inspectors").json["inspectors"]:
        blocking_api("DELETE", f"/inspectors/{quote(inspector['UUID'])}")
    answer = blocking_api("POST", "/scores", data=b"".join(line + b"\n" for line in lines), headers=NDJSON)
    assert [orjson.loads(line) for line in answer.body.splitlines()] == expected


async def test_it_is_the_same_wherever_the_body_is_split(api: Any) -> None:
    body = b'{"UUID":"b","score":4}\r\n\nno\n' + '{"UUID":"é","score":3}'.encode()
    for at in range(1, len(body)):
        async with upload(api.address) as bulk:
            await bulk.send(body[:at])
            await bulk.send(body[at:])
            await bulk.end()
            first, empty, bad, last = await bulk.lines()
        assert (first, last) == ({"UUID": "b", "mean": 4.0}, {"UUID": "é", "mean": 3.0})
        assert [(one["line"], one["type"]) for one in (empty, bad)] == [
            (number, "urn:problem-type:scores:malformed-json") for number in (2, 3)
        ]


# What is too long.


async def test_a_line_that_is_too_long_is_refused_and_the_next_ones_are_not(
    api_for: Callable[..., Awaitable[Api]],
) -> None:
    api = await api_for(max_line=256)
    longest = orjson.dumps({"UUID": "a1-b1", "score": 5, "x": "x" * 100}).ljust(256)
    found = await post(api, b"\r\n".join([longest, longest + b" ", b"x" * 300_000, longest]))
    assert [one.get("status", 200) for one in found] == [200, 413, 413, 200]
    assert found[2] == {
        "type": "urn:problem-type:scores:payload-too-large",
        "title": "Payload too large",
        "status": 413,
        "detail": "the line is longer than 256 bytes",
        "line": 3,
    }


# As it comes.


async def test_answers_come_while_the_body_does(api: Any) -> None:
    async with upload(api.address) as bulk:
        for number in range(1, 4):
            await bulk.send(FIVE * 2 + FIVE[:7])
            assert [await bulk.line() for _ in range(2)] == [{"UUID": "a1-b1", "mean": 5.0}] * 2
            await bulk.send(FIVE[7:])
            assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
            assert await count_of(api, "a1-b1") == 3 * number
        await bulk.end()
        assert await bulk.line() is None
        assert (bulk.status, bulk.headers["transfer-encoding"]) == (200, "chunked")


@pytest.mark.parametrize(
    ("coding", "code"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
async def test_a_body_may_be_compressed(api: Any, coding: str, code: Callable[[bytes], bytes]) -> None:
    body = code(FIVE * 30_000)
    assert len(await post(api, body, **{"Content-Encoding": coding})) == 30_000
    assert await count_of(api, "a1-b1") == 30_000


async def test_a_compressed_body_is_answered_as_it_comes(api: Any) -> None:
    packer = zlib.compressobj(wbits=31)
    async with upload(api.address, "Content-Encoding: gzip") as bulk:
        for _ in range(3):
            await bulk.send(packer.compress(FIVE) + packer.flush(zlib.Z_SYNC_FLUSH))
            assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
        await bulk.send(packer.flush())
        await bulk.end()
        assert await bulk.line() is None


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_body_with_a_length_is_answered_over_old_and_new_http(api: Any, version: bytes) -> None:
    answer = await api.raw(
        b"POST /scores HTTP/%b\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-ndjson\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (version, 2 * len(FIVE), FIVE * 2)
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/%b 200 OK\r\n" % version)
    assert (b"chunked" in head) is (version == b"1.1")
    assert body.count(b'{"UUID":"a1-b1","mean":5.0}\n') == 2


async def test_a_client_that_has_said_all_and_half_closes_is_answered_whole(api: Any) -> None:
    body = gzip.compress(FIVE * 100_000)
    async with connection(api.address) as (reader, writer), asyncio.timeout(20):
        writer.write(
            b"POST /scores HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\n"
            b"Content-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        writer.write_eof()
        answer = await reader.read()
    assert answer.count(b"mean") == 100_000
    assert answer.endswith(b"0\r\n\r\n")


async def test_a_connection_serves_on_after_a_bulk(api: Any) -> None:
    head = b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n"
    answer = await api.raw(
        (head % len(FIVE) + FIVE) * 2 + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-ndjson; charset=latin-1"},
        {**NDJSON, "Content-Encoding": "compress"},
        {"Content-Type": "application/ndjson"},
    ],
)
async def test_a_body_that_is_declared_as_something_else_is_refused(api: Any, headers: Any) -> None:
    answer = await api("POST", "/scores", data=FIVE, headers=headers)
    assert (answer.status, answer.json["status"]) == (415, 415)


# What breaks off.


async def test_half_a_line_is_not_counted(api: Any) -> None:
    async with upload(api.address) as bulk:
        await bulk.send(FIVE + FIVE.strip())
        assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
    async with connection(api.address) as (reader, writer), asyncio.timeout(20):
        writer.write(
            b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
            b"Content-Length: 99999\r\n\r\n" + FIVE + FIVE.strip()
        )
        writer.write_eof()
        answer = await reader.read()
    # Nobody can take that answer for a whole one.
    assert answer.count(b"mean") == 1
    assert not answer.endswith(b"0\r\n\r\n")
    assert await count_of(api, "a1-b1") == 2


async def test_a_body_that_stands_still_ends_with_its_problem_and_unfinished(
    api_for: Callable[..., Awaitable[Api]],
) -> None:
    api = await api_for(body_timeout=0.1)
    async with upload(api.address) as bulk:
        await bulk.send(FIVE + FIVE[:-2])
        assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
        problem = await bulk.line()
        assert (problem["status"], problem["line"]) == (408, 2)
        assert problem["detail"] == "nothing more of the body came for 0.1 s"
        with pytest.raises(EOFError):
            await bulk.line()
    assert await count_of(api, "a1-b1") == 1


async def test_a_body_that_never_comes_is_a_408(api_for: Callable[..., Awaitable[Api]]) -> None:
    api = await api_for(body_timeout=0.1)
    async with upload(api.address) as bulk:
        assert (await bulk.document())["status"] == 408
        assert bulk.status == 408


async def test_a_body_that_comes_slowly_has_its_time_for_each_piece(
    api_for: Callable[..., Awaitable[Api]],
) -> None:
    api = await api_for(body_timeout=0.3)
    loop = asyncio.get_running_loop()
    async with upload(api.address) as bulk:
        start = loop.time()
        while loop.time() - start < 0.9:
            await bulk.send(FIVE)
            assert "mean" in await bulk.line()
        await bulk.end()
        assert await bulk.line() is None


async def test_a_body_that_does_not_inflate_ends_with_its_problem_and_unfinished(api: Any) -> None:
    packer = zlib.compressobj(wbits=31)
    async with upload(api.address, "Content-Encoding: gzip") as bulk:
        await bulk.send(packer.compress(FIVE) + packer.flush(zlib.Z_SYNC_FLUSH))
        assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
        await bulk.send(b"\xff" * 100)
        problem = await bulk.line()
        assert (problem["status"], problem["line"]) == (400, 2)
        with pytest.raises(EOFError):
            await bulk.line()
    assert await count_of(api, "a1-b1") == 1


async def test_in_flight_at_the_end_it_is_finished_if_it_is_in_time() -> None:
    server = running(Config(feed=None, port=0, shutdown_timeout=20))
    address = await server.__aenter__()
    async with upload(address) as bulk:
        await bulk.send(FIVE)
        assert "mean" in await bulk.line()
        stopping = asyncio.create_task(server.__aexit__(None, None, None))
        for _ in range(20):
            await bulk.send(FIVE)
            assert "mean" in await bulk.line()
        await bulk.end()
        assert await bulk.line() is None
        await stopping


async def test_in_flight_after_the_end_it_is_cut() -> None:
    async with asyncio.timeout(10):
        server = running(Config(feed=None, port=0, shutdown_timeout=0.2))
        address = await server.__aenter__()
        async with upload(address) as bulk:
            await bulk.send(FIVE)
            assert "mean" in await bulk.line()
            await server.__aexit__(None, None, None)
            with pytest.raises((EOFError, ConnectionError)):
                await bulk.line()


# All in short.


async def test_in_short_it_is_told_what_was_accepted_and_what_was_not(api: Any) -> None:
    answer = await api("POST", "/scores", data=FIVE + b"no\n" + FIVE, headers=MINIMAL)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Preference-Applied"] == "return=minimal"
    assert (answer.json["accepted"], answer.json["rejected"]) == (2, 1)
    (problem,) = answer.json["errors"]
    assert (problem["type"], problem["line"]) == ("urn:problem-type:scores:malformed-json", 2)
    assert await count_of(api, "a1-b1") == 2


async def test_in_short_the_first_hundred_problems_are_told_and_all_are_counted(api: Any) -> None:
    answer = await api("POST", "/scores", data=(FIVE + b"no\n") * 1000, headers=MINIMAL)
    assert (answer.json["accepted"], answer.json["rejected"]) == (1000, 1000)
    assert [one["line"] for one in answer.json["errors"]] == list(range(2, 2 * MAX_ERRORS + 2, 2))


async def test_in_short_a_body_that_stands_still_is_a_408_that_says_how_far_it_came(
    api_for: Callable[..., Awaitable[Api]],
) -> None:
    api = await api_for(body_timeout=0.1)
    async with upload(api.address, "Prefer: return=minimal") as bulk:
        await bulk.send(FIVE * 3 + b"no\n" + FIVE[:9])
        problem = await bulk.document()
    assert (bulk.status, problem["status"]) == (408, 408)
    assert problem["detail"] == (
        "nothing more of the body came for 0.1 s; before, 3 lines were accepted and 1 rejected"
    )
    assert await count_of(api, "a1-b1") == 3


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ([], None),
        (["return=minimal"], "minimal"),
        (['Return = "minimal"; foo'], "minimal"),
        (["respond-async, return=minimal"], "minimal"),
        (["wait=10", "return=minimal"], "minimal"),
        (["return=representation, return=minimal"], "representation"),
        (['foo="a, return=minimal"'], None),
        (['foo="a\\", return=minimal"'], None),
        (["return"], ""),
        (["returns=minimal"], None),
        (["foo; return=minimal"], None),
    ],
)
def test_a_preference_is_read_as_rfc_7240_has_it(fields: list[str], value: str | None) -> None:
    assert preference(fields, "return") == value
