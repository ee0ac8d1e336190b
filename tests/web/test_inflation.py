"""Bodies that come compressed: whole or broken off, harmless or not, in codings that are known or not."""

import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.api import Api
from support.uploads import FIVE, MINIMAL, count_of, post

from scores.errors import BadRequest
from scores.web.inflation import PART, Inflation

ApiFor = Callable[..., Awaitable[Api]]
JSON = {"Content-Type": "application/json"}


def bare(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


CODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "bare": bare,
    "identity": bytes,
}


def coding_of(kind: str) -> str:
    return "deflate" if kind == "bare" else kind


def inflated(coding: str, pieces: list[bytes]) -> bytes:
    inflation = Inflation(coding)
    parts = [part for piece in pieces for part in inflation.feed(piece)]
    inflation.end()
    assert all(0 < len(part) <= PART for part in parts if coding != "identity")
    return b"".join(parts)


@given(
    kind=st.sampled_from(sorted(CODED)),
    bodies=st.lists(st.binary(max_size=200).map(lambda data: data * 1000), max_size=4),
    size=st.integers(1, 10_000),
)
def test_however_it_is_cut_it_is_what_it_was(kind: str, bodies: list[bytes], size: int) -> None:
    coded = b"".join(map(CODED[kind], bodies))
    pieces = [coded[at : at + size] for at in range(0, len(coded), size)]
    assert inflated(coding_of(kind), pieces) == b"".join(bodies)


@pytest.mark.parametrize("kind", ["gzip", "deflate", "bare"])
def test_a_stream_that_breaks_off_is_noticed_wherever(kind: str) -> None:
    coded = CODED[kind](FIVE * 3)
    for end in range(1, len(coded)):
        with pytest.raises(BadRequest, match="breaks off"):
            inflated(coding_of(kind), [coded[:end]])


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_no_stream(coding: str) -> None:
    with pytest.raises(BadRequest, match=f"it is no {coding}"):
        inflated(coding, [b"\xff" * 100])


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate"])
async def test_one_score(api: Api, coding: str) -> None:
    body = CODED[coding.lower()](FIVE.strip())
    answer = await api("POST", "/scores", data=body, headers={**JSON, "Content-Encoding": coding})
    assert answer.json == {"UUID": "a1-b1", "mean": 5.0}


@pytest.mark.parametrize("kind", ["gzip", "deflate", "bare"])
async def test_a_few_bytes_that_become_many_are_refused_when_they_have(api_for: ApiFor, kind: str) -> None:
    api = await api_for(max_body=100_000)
    headers = {**JSON, "Content-Encoding": coding_of(kind)}
    bomb = CODED[kind](bytes(50_000_000))
    assert len(bomb) < 100_000
    made = 0
    for _ in Inflation(coding_of(kind)).feed(bomb):
        made += 1
    assert made > 700  # What would be made of it, if nobody stopped.
    answer = await api("POST", "/scores", data=bomb, headers=headers)
    assert (answer.status, answer.json["type"]) == (413, "urn:problem-type:scores:payload-too-large")


async def test_inflating_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch, api_for: ApiFor) -> None:
    made: list[int] = []
    feed = Inflation.feed

    def counted(self: Inflation, piece: bytes) -> Any:
        for part in feed(self, piece):
            made.append(len(part))
            yield part

    monkeypatch.setattr(Inflation, "feed", counted)
    api = await api_for(max_body=100_000)
    headers = {**JSON, "Content-Encoding": "gzip"}
    answer = await api("POST", "/scores", data=gzip.compress(bytes(50_000_000)), headers=headers)
    assert answer.status == 413
    assert sum(made) <= 100_000 + PART


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip"])
async def test_a_coding_that_is_not_known_is_named_with_those_that_are(
    api_for: ApiFor, content_type: str, coding: str
) -> None:
    api = await api_for()
    headers = {"Content-Type": content_type, "Content-Encoding": coding}
    answer = await api("POST", "/scores", data=FIVE, headers=headers)
    assert (answer.status, answer.json["type"]) == (415, "urn:problem-type:scores:unsupported-media-type")
    assert "gzip or deflate" in answer.json["detail"]
    assert await count_of(api, "a1-b1") == 0


async def test_a_body_of_one_score_that_breaks_off(api: Api) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    answer = await api("POST", "/scores", data=gzip.compress(FIVE)[:-8], headers=headers)
    assert (answer.status, answer.json["type"]) == (400, "urn:problem-type:scores:bad-request")
    assert await count_of(api, "a1-b1") == 0


@pytest.mark.parametrize("kind", ["gzip", "deflate"])
async def test_many_scores_that_break_off_are_told_from_whole_ones(api: Api, kind: str) -> None:
    coded = CODED[kind](FIVE * 10)
    headers = {**MINIMAL, "Content-Encoding": kind}
    answer = await api("POST", "/scores", data=coded, headers=headers)
    assert (answer.status, answer.json["accepted"]) == (200, 10)
    answer = await api("POST", "/scores", data=coded[:-1], headers=headers)
    assert answer.status == 400
    assert "breaks off; before, 10 lines were accepted" in answer.json["detail"]


async def test_files_one_after_the_other(api: Api) -> None:
    found = await post(api, gzip.compress(FIVE) + gzip.compress(FIVE * 2), **{"Content-Encoding": "gzip"})
    assert len(found) == 3


@pytest.mark.parametrize("kind", ["gzip", "deflate"])
async def test_many_scores_may_inflate_only_so_far(api_for: ApiFor, kind: str) -> None:
    api, lines = await api_for(max_inflated=1024), 1024 // len(FIVE)
    headers = {**MINIMAL, "Content-Encoding": kind}
    answer = await api("POST", "/scores", data=CODED[kind](FIVE * lines), headers=headers)
    assert (answer.status, answer.json["accepted"]) == (200, lines)
    answer = await api("POST", "/scores", data=CODED[kind](FIVE * 1_000_000), headers=headers)
    assert (answer.status, answer.json["type"]) == (413, "urn:problem-type:scores:payload-too-large")
    assert "inflates to more than 1024 bytes" in answer.json["detail"]
    plain = await api("POST", "/scores", data=FIVE * 10_000, headers=MINIMAL)
    assert (plain.status, plain.json["accepted"]) == (200, 10_000)
