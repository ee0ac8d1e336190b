"""What is remembered, and what is forgotten when there is no more room."""

import pytest
from aiohttp import HttpVersion10, HttpVersion11
from aiohttp.http import RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from scores.metrics.layout import SUM
from scores.web.express.framing import MAX_HEAD
from scores.web.express.heads import MAX_HEADS, Heads
from scores.web.routes import LAYOUT


def nobody(_body: bytes) -> None:
    """Leaves every request to the usual way."""


def message(**fields: str) -> RawRequestMessage:
    headers = CIMultiDictProxy(CIMultiDict({"Host": "x", **fields}))
    raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return RawRequestMessage(
        "GET", "/", HttpVersion11, headers, raw, False, None, False, False, URL("/")
    )  # fmt: skip


@pytest.fixture
def heads() -> Heads:
    return Heads(lambda _message, _length: nobody, LAYOUT.place)


def teach(heads: Heads, data: bytes, client: str) -> None:
    heads.learn(data, message(), client=client)


def test_a_head_is_remembered_with_its_length(heads: Heads) -> None:
    heads.learn(b"one", message(**{"Content-Length": "7"}), client="a")
    head = heads.get(b"one")
    assert head is not None
    assert (head.length, head.answer) == (7, nobody)
    place = LAYOUT.place("/", "GET")
    assert (head.route, head.cells, head.sum) == (place.route, place.cells, place.cells + SUM)


def test_what_nobody_answers_is_not_remembered() -> None:
    heads = Heads(lambda _message, _length: None, LAYOUT.place)
    teach(heads, b"one", "a")
    assert len(heads) == 0


@pytest.mark.parametrize(("size", "kept"), [(MAX_HEAD, 1), (MAX_HEAD + 1, 0)])
def test_a_long_head_is_not_remembered(heads: Heads, size: int, kept: int) -> None:
    teach(heads, b"x" * size, "a")
    assert len(heads) == kept


@pytest.mark.parametrize(
    "field",
    ["Access-Control-Request-Method", "Content-Encoding", "Cookie", "Expect", "Idempotency-Key", "If-Match",
     "If-None-Match", "Last-Event-ID", "Prefer", "Range", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
     "X-Request-Id", "traceparent"],
)  # fmt: skip
def test_a_head_with_an_unusual_field_is_not_remembered(heads: Heads, field: str) -> None:
    heads.learn(b"one", message(**{field: "1"}), client="a")
    assert len(heads) == 0


@pytest.mark.parametrize(
    "field",
    ["Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Content-Type",
     "DNT", "Forwarded", "Origin", "Pragma", "Priority", "Referer", "Sec-Fetch-Dest", "Sec-Fetch-Mode",
     "Sec-Fetch-Site", "User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"],
)  # fmt: skip
def test_a_head_with_usual_fields_is_remembered(heads: Heads, field: str) -> None:
    heads.learn(b"one", message(**{field: "1", "Connection": "Keep-Alive"}), client="a")
    assert len(heads) == 1


@pytest.mark.parametrize("value", ["close", "keep-alive, x-thing", "upgrade", "Close", ""])
def test_a_head_that_does_not_keep_its_connection_is_not_remembered(heads: Heads, value: str) -> None:
    heads.learn(b"one", message(Connection=value), client="a")
    assert len(heads) == 0


def test_of_two_fields_connection_the_second_is_looked_at_too(heads: Heads) -> None:
    fields = CIMultiDict([("Host", "x"), ("Connection", "keep-alive"), ("Connection", "close")])
    heads.learn(b"one", message()._replace(headers=CIMultiDictProxy(fields)), client="a")
    assert len(heads) == 0


def test_a_head_of_another_version_is_not_remembered(heads: Heads) -> None:
    heads.learn(b"one", message()._replace(version=HttpVersion10), client="a")
    assert len(heads) == 0


@pytest.mark.parametrize("host", ["user@x", "a/b", "a b"])
def test_a_head_whose_host_is_none_is_not_remembered(heads: Heads, host: str) -> None:
    heads.learn(b"one", message(Host=host), client="a")
    assert len(heads) == 0


def test_a_thousand_heads_may_be_kept() -> None:
    assert MAX_HEADS == 1024


def test_of_one_client_the_oldest_that_has_not_come_again_is_forgotten(heads: Heads) -> None:
    for number in range(MAX_HEADS):
        teach(heads, b"%d" % number, "proxy")
    first = heads.get(b"0")
    assert first is not None
    first.used = True
    teach(heads, b"new", "proxy")
    assert [number for number in range(MAX_HEADS) if heads.get(b"%d" % number) is None] == [1]


def test_the_memory_is_bounded(heads: Heads) -> None:
    for number in range(3 * MAX_HEADS):
        teach(heads, b"%d" % number, f"client {number % 7}")
    assert len(heads) == MAX_HEADS


def test_who_teaches_most_forgets_only_for_itself(heads: Heads) -> None:
    for number in range(100):
        teach(heads, b"good %d" % number, "with a longer name")
    for number in range(10 * MAX_HEADS):
        teach(heads, b"hostile %d" % number, "hostile")
        teach(heads, b"hostile %d" % number, "hostile")
    assert all(heads.get(b"good %d" % number) for number in range(100))


def test_of_one_client_what_comes_again_is_kept(heads: Heads) -> None:
    for number in range(10 * MAX_HEADS):
        teach(heads, b"%d" % number, "proxy")
        used = heads.get(b"0")
        assert used is not None
        used.used = True


def test_of_one_client_what_does_not_come_again_is_forgotten(heads: Heads) -> None:
    teach(heads, b"first", "proxy")
    first = heads.get(b"first")
    assert first is not None
    first.used = True
    for number in range(3 * MAX_HEADS):
        teach(heads, b"%d" % number, "proxy")
    assert heads.get(b"first") is None


def test_a_client_that_is_forgotten_can_teach_again(heads: Heads) -> None:
    for number in range(MAX_HEADS + 1):
        teach(heads, b"%d" % number, f"client {number}")
    for number in range(MAX_HEADS + 1):
        teach(heads, b"%d" % number, f"client {number}")
    assert len(heads) == MAX_HEADS


def test_of_who_has_nothing_in_it_the_memory_knows_nothing(heads: Heads) -> None:
    for number in range(MAX_HEADS + 10):
        teach(heads, b"%d" % number, f"client {number}")
    assert len(heads._taught) == MAX_HEADS
