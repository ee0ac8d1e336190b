"""Where messages end: certain, or given up."""

from typing import Any

import pytest
from aiohttp import HttpVersion11
from aiohttp.http import RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from scores.web.express.framing import MAX_HEAD, Framing

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"


def message(length: str = "3", *, method: str = "POST", **changes: Any) -> RawRequestMessage:
    headers = CIMultiDictProxy(CIMultiDict({"Host": "x", "Content-Length": length}))
    raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
    whole = RawRequestMessage(
        method, "/", HttpVersion11, headers, raw, False, None, False, False, URL("/")
    )  # fmt: skip
    return whole._replace(**changes)


def test_a_whole_message() -> None:
    framing, one = Framing(), message()
    assert framing.follow(HEAD + b"abc", [one]) == [(HEAD, one)]
    assert framing.between


def test_a_message_in_pieces() -> None:
    framing, one = Framing(), message()
    whole = HEAD + b"abc"
    for at in range(len(whole)):
        complete = at == len(HEAD) - 1
        assert framing.follow(whole[at : at + 1], [one] if complete else []) == (
            [(HEAD, one)] if complete else []
        )
        assert framing.between == (at == len(whole) - 1)
    assert framing.certain


def test_two_messages_and_a_half() -> None:
    framing, one = Framing(), message()
    assert framing.follow((HEAD + b"abc") * 2 + HEAD + b"a", [one] * 3) == [(HEAD, one)] * 3
    assert framing.certain
    assert not framing.between
    framing.follow(b"bc", [])
    assert framing.between


@pytest.mark.parametrize("missing", [1, 4, 5, 900])
@pytest.mark.parametrize("size", [MAX_HEAD - 1, MAX_HEAD])
def test_a_head_is_followed_while_no_more_has_come_than_the_longest_that_is_kept(
    size: int, missing: int
) -> None:
    framing, one = Framing(), message()
    head = HEAD.replace(b"Host: x", b"Host: " + b"x" * (size + missing - len(HEAD) + 1))
    assert len(head) == size + missing
    assert framing.follow(head[:size], []) == []
    assert framing.follow(head[size:] + b"abc", [one]) == [(head, one)]
    assert framing.between


def test_a_head_of_1024_bytes_may_be_kept() -> None:
    assert MAX_HEAD == 1024


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (HEAD + b"abc", []),
        (HEAD + b"abc", [message()] * 2),
        (HEAD + b"abc", ["an error"]),
        (HEAD + b"abc", [message("4")._replace(chunked=True)]),
        (HEAD + b"abc", [message(upgrade=True)]),
        (HEAD + b"abc", [message(method="CONNECT")]),
        (HEAD + b"abc", [message("+3")]),
        (HEAD + b"abc", [message("3" * 16)]),
        (HEAD + b"abc", [message(raw_headers=())]),
        (HEAD.replace(b"x\r\n", b"x\n") + b"abc", [message()]),
        # To a parser that takes LF alone the body begins sooner.
        (b"POST / HTTP/1.1\nHost: x\nContent-Length: 3\n\n1\r\n2\r\n3\r\n\r\n", [message()]),
        (b"\r\n" + HEAD + b"abc", [message()]),
        (b"\r\n\r\n", []),
        (b"", [message()]),
        (b"x" * (MAX_HEAD + 1), []),
    ],
)
def test_what_does_not_agree_is_given_up_for_good(data: bytes, messages: list[object]) -> None:
    framing = Framing()
    framing.follow(data, messages)
    assert not framing.certain
    framing.follow(HEAD + b"abc", [message()])
    assert not framing.between
    framing.follow(b"POST / HT", [])
    assert not framing.certain
