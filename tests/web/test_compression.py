"""Compression: who takes it, from what size on, and that a compressed answer is another one with another tag."""

import asyncio
import gzip
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import hdrs
from support.api import Api
from support.uploads import FIVE, NDJSON

from scores.config import Config
from scores.web.compression import AT_ONCE, LARGE, compress, compress_in_turns, threshold
from scores.web.cors import Cors
from scores.web.express.answers import Answers


@pytest.mark.parametrize(
    ("accepted", "limit"),
    [
        ([], None),
        ([""], None),
        (["identity"], None),
        (["br, deflate, zstd"], None),
        (["gzip"], LARGE),
        (["GZIP"], LARGE),
        (["x-gzip"], LARGE),
        (["gzip, deflate, br"], LARGE),
        (["br", "gzip"], LARGE),
        (["*"], LARGE),
        (["gzip;q=0"], None),
        (["gzip; q=0.000, *"], None),
        (["*;q=0"], None),
        (["gzip;q=0.5"], LARGE),
        (["gzip ; Q=0.5 , br;q=1"], LARGE),
        (["gzip;q=0.5, identity"], None),
        (["gzip;q=0.5, identity;q=0.5"], LARGE),
        (["gzip, identity;q=0"], 0),
        (["gzip, *;q=0"], 0),
        (["gzip, *;q=0, identity;q=0.1"], LARGE),
        (["*, identity;q=0"], 0),
        (["identity;q=0"], None),
        (["gzip;q=2"], None),
        (["gzip;q=nan"], None),
        (["gzip;q="], None),
        (["gzip;q=-1"], None),
    ],
)
def test_who_takes_gzip_and_from_what_size_on(accepted: list[str], limit: int | None) -> None:
    assert threshold(accepted) == limit


async def test_in_turns_or_at_once_it_is_a_whole_stream() -> None:
    body = random.Random(1).randbytes(AT_ONCE) * 3
    for size in (0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, len(body)):
        assert gzip.decompress(await compress_in_turns(body[:size])) == body[:size]
    assert await compress_in_turns(body[:AT_ONCE]) == compress(body[:AT_ONCE])
    assert compress(b"") == compress(b"")


async def test_others_have_their_turn_meanwhile() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    await asyncio.sleep(0)
    before = turns
    await compress_in_turns(bytes(10 * AT_ONCE))
    assert turns - before >= 10
    other.cancel()
    await asyncio.wait([other])


def test_the_lane_leaves_to_others_what_takes_long() -> None:
    answers = Answers(Cors(Config()))
    assert answers.page(bytes(AT_ONCE), LARGE) is not None
    assert answers.page(bytes(AT_ONCE + 1), LARGE) is None
    assert answers.page(bytes(AT_ONCE + 1), None) is not None


@pytest.fixture
async def filled(api_for: Callable[..., Awaitable[Api]]) -> Api:
    api = await api_for()
    for number in range(100):
        await api.put(3, f"student {number}", 0.5)
    return api


@pytest.fixture
def raw_session(http: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_auto_decompress", False)


@pytest.mark.usefixtures("raw_session")
async def test_a_large_answer_is_compressed_for_who_takes_it(filled: Api) -> None:
    whole = await filled.get("/exams/3", headers={"Accept-Encoding": "identity"})
    packed = await filled.get("/exams/3", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in whole.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.body) < len(whole.body) / 3
    assert gzip.decompress(packed.body) == whole.body
    assert whole.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.usefixtures("raw_session")
async def test_a_compressed_answer_has_a_tag_of_its_own(filled: Api) -> None:
    whole = await filled.get("/exams/3", headers={"Accept-Encoding": "identity"})
    packed = await filled.get("/exams/3", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["ETag"] == whole.headers["ETag"][:-1] + '-gzip"'
    for accepted, tag, status in (
        ("gzip", packed, 304),
        ("gzip", whole, 200),
        ("identity", whole, 304),
        ("identity", packed, 200),
    ):
        headers = {"Accept-Encoding": accepted, "If-None-Match": tag.headers["ETag"]}
        answer = await filled.get("/exams/3", headers=headers)
        assert (answer.status, answer.headers["Vary"]) == (status, "Accept-Encoding")
        assert status == 200 or "Content-Encoding" not in answer.headers


@pytest.mark.usefixtures("raw_session")
async def test_a_small_answer_is_not_compressed_unless_nothing_else_will_do(api: Api) -> None:
    answer = await api.get("/exams", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Accept-Encoding"
    answer = await api.get("/exams", headers={"Accept-Encoding": "gzip, identity;q=0"})
    assert answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.usefixtures("raw_session")
async def test_errors_and_streams_are_not_compressed(api: Api) -> None:
    for answer in (
        await api.get(
            "/exams?" + "&".join("x" * 40 + str(i) for i in range(20)), headers={"Accept-Encoding": "gzip"}
        ),
        await api("POST", "/scores", data=FIVE * 100, headers={**NDJSON, "Accept-Encoding": "gzip"}),
    ):
        assert len(answer.body) > LARGE
        assert hdrs.CONTENT_ENCODING not in answer.headers
