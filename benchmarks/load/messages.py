"""The requests that are sent, ready for the wire: both clients send the same bytes.

The rule: a load is a list of requests that is gone through in turn, without an end.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

__all__ = ["UUIDS", "gets", "post", "posts", "put"]

UUIDS: Final = [f"5ca1ab1e-0000-4000-8000-{number:012}" for number in range(1000)]
_MARKS: Final = 6


def posts(address: str) -> list[bytes]:
    """`POST /scores` for a thousand UUIDs, with the scores 0 to 5 in turn."""
    return [post(address, uuid, number % _MARKS) for number, uuid in enumerate(UUIDS)]


def gets(address: str, paths: Iterable[str]) -> list[bytes]:
    """`GET` of each path."""
    return [f"GET {path} HTTP/1.1\r\nHost: {_host(address)}\r\n\r\n".encode() for path in paths]


def post(address: str, uuid: str, score: int) -> bytes:
    """`POST /scores` of one score."""
    return _with_body("POST", address, "/scores", f'{{"UUID":"{uuid}","score":{score}}}')


def put(address: str, path: str, body: str) -> bytes:
    """`PUT` of a JSON document."""
    return _with_body("PUT", address, path, body)


def _with_body(method: str, address: str, path: str, body: str) -> bytes:
    head = [f"{method} {path} HTTP/1.1", f"Host: {_host(address)}", "Content-Type: application/json"]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode()


def _host(address: str) -> str:
    return urlsplit(address).netloc
