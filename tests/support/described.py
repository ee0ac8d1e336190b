"""Answers held to the API's description: what it does not say, no answer may be.

The rule: objects have no members but the described ones, answers no header fields but those and HTTP's own, so
that nothing is served that is not in the document.
"""

import gzip
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import orjson
from multidict import CIMultiDict

from scores.web.openapi.document import document
from scores.web.openapi.errors import ERRORS, EVERYWHERE
from scores.web.problems import CONTENT_TYPE, TYPE
from scores.web.routes import ROUTES
from support.api import Answer

__all__ = ["DOCUMENT", "Unlike", "check", "check_body", "operations", "resolve", "response_of"]

DOCUMENT: dict[str, Any] = orjson.loads(orjson.dumps(document(ROUTES)))

# What every answer of HTTP has, or may (RFC 9110, RFC 9112), and what is for a browser (Fetch standard, CORS).
_TRANSPORT = frozenset(
    {"content-type", "content-length", "date", "server", "connection", "transfer-encoding", "keep-alive"}
)
_CORS = "access-control-"
_GZIP = b"\x1f\x8b"
"""How a body begins that the client has left as it came (RFC 1952, section 2.3.1)."""


class Unlike(AssertionError):
    """The answer is not what the description says."""


def check(method: str, path: str, answer: Answer) -> None:
    """Raises `Unlike` when the description does not allow this answer to a request for the path."""
    item = item_of(path.partition("?")[0])
    if item is None or method not in _methods(item):
        _check_no_operation(item, answer)
        return
    response = response_of(item["get" if method == "HEAD" else method.lower()], answer.status)
    if response is None:
        raise Unlike(f"{method} {path} is described without the status {answer.status}")
    _check_headers(response, answer.headers)
    if method == "HEAD" or answer.status == 304:
        return
    check_body(response.get("content", {}), answer)


def item_of(path: str) -> dict[str, Any] | None:
    """What is described at this path."""
    items: dict[str, dict[str, Any]] = DOCUMENT["paths"]
    return next((item for template, item in items.items() if _pattern(template).fullmatch(path)), None)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each method, path and operation of the description."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def response_of(operation: Mapping[str, Any], status: int) -> dict[str, Any] | None:
    """The response that the operation describes for this status."""
    response: dict[str, Any] | None = resolve(operation["responses"].get(str(status)))
    return response


def resolve(part: Any) -> Any:
    """What the reference leads to."""
    if isinstance(part, dict) and "$ref" in part:
        found: Any = DOCUMENT
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return found
    return part


def check_body(content: Mapping[str, Any], answer: Answer) -> None:
    """Raises `Unlike` unless one of these media types is the answer's, and allows its body."""
    if not content:
        if answer.body or "Content-Type" in answer.headers:
            raise Unlike(f"the answer has a body, and none is described: {answer.body[:200]!r}")
        return
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if kind not in content:
        raise Unlike(f"the media type {kind!r} is none of {[*content]}")
    media, body = content[kind], answer.body
    if body.startswith(_GZIP):
        body = gzip.decompress(body)
    if "x-itemSchema" in media:
        for line in body.splitlines():
            _validate(media["x-itemSchema"], orjson.loads(line))
    elif kind.endswith("json"):
        _validate(media["schema"], orjson.loads(body))


def _check_no_operation(item: dict[str, Any] | None, answer: Answer) -> None:
    """What is asked of nothing, or by a method that is not taken, is refused."""
    if answer.status == 204 and "Access-Control-Allow-Methods" in answer.headers:
        return  # what a browser asks before it asks is no operation
    if answer.headers.get("Content-Type") != CONTENT_TYPE:
        raise Unlike(f"something that is not described was answered with {answer.status}, and no problem")
    own = {"method-not-allowed", "origin-refused"} if item is not None else {"not-found"}
    if answer.body:
        _validate({"$ref": "#/components/schemas/Problem"}, answer.json)
        if answer.json["type"].removeprefix(TYPE) not in EVERYWHERE | own:
            raise Unlike(f"something that is not described was answered: {answer.json}")
    allow = answer.headers.get("Allow")
    if answer.status == ERRORS["method-not-allowed"].status and (
        item is None or allow is None or set(allow.split(", ")) != _methods(item)
    ):
        raise Unlike(f"Allow is {allow}, described are {sorted(_methods(item or {}))}")


def _check_headers(response: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    described = CIMultiDict(response.get("headers", {}))
    for name in headers:
        if name.lower() not in _TRANSPORT and not name.lower().startswith(_CORS) and name not in described:
            raise Unlike(f"the header field {name} is not described")
    for name, part in described.items():
        header = resolve(part)
        if header.get("required") and name not in headers:
            raise Unlike(f"the header field {name} is missing")
        if name in headers and header["schema"]["type"] == "integer" and not headers[name].isdecimal():
            raise Unlike(f"the header field {name} is no integer: {headers[name]}")


def _methods(item: Collection[str]) -> set[str]:
    return {name.upper() for name in item} | ({"HEAD"} if "get" in item else set())


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template.rstrip("/")) + "/?")


def _validate(schema: Any, value: Any) -> None:
    problems = [
        f"{error.message} at {[*error.instance_path]}"
        for error in _validator(orjson.dumps(schema)).iter_errors(value)
    ]
    if problems:
        raise Unlike("; ".join(problems)[:2000])


@cache
def _validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    whole = {**orjson.loads(schema), "components": {"schemas": DOCUMENT["components"]["schemas"]}}
    return jsonschema_rs.Draft202012Validator(_closed(whole), validate_formats=True)


def _closed(part: Any) -> Any:
    """The schema, whose objects have only the members that it names."""
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _closed(value) for name, value in part.items()}
    if part.get("type") == "object" and "properties" in part:
        closed["additionalProperties"] = False
    return closed
