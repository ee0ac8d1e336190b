"""Requests as bytes, for those who send them one cut at a time."""

from collections.abc import Mapping

__all__ = ["POST", "post", "request"]

POST = b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def request(method: str, target: str, fields: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """A request with these fields besides `Host`, and with the length of its body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in (fields or {}).items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def post(uuid: str = "a1-b1", score: object = 5, **fields: str) -> bytes:
    """A score, with fields whose `_` stand for `-`."""
    body = f'{{"UUID":"{uuid}","score":{score}}}'.encode()
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return request("POST", "/scores", {"Content-Type": "application/json", **named}, body)
