"""What Schemathesis cannot know of itself: read by its command, through `SCHEMATHESIS_HOOKS`."""

import base64
import re
from typing import Any
from uuid import uuid4

import orjson
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, DeserializationContext, HookContext, Response, SerializationContext

from scores.models import MAX_EXAM

__all__ = ["before_call", "page_tokens", "read_lines", "write_lines"]

page_tokens = st.integers(0, MAX_EXAM).map(
    lambda position: base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")
)
"""Tokens that every listing takes for one that it gave: what is in them is told to nobody."""

_KEY = re.compile("[!-~]{1,255}")

schemathesis.openapi.format("page-token", page_tokens)


@schemathesis.serializer("application/x-ndjson")
def write_lines(_context: SerializationContext, value: object) -> bytes:
    """The body that the text is."""
    return str(value).encode("utf-8", "replace")


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _options: dict[str, Any]) -> None:
    """Gives each request an `Idempotency-Key` of its own, where it has one that is good, and a bulk none.

    That a key means one body, and that a bulk takes none, a schema cannot say.
    """
    if _KEY.fullmatch(case.headers.get("Idempotency-Key", "")):
        del case.headers["Idempotency-Key"]
        if case.media_type != "application/x-ndjson":
            case.headers["Idempotency-Key"] = uuid4().hex


@schemathesis.deserializer("application/x-ndjson")
def read_lines(_context: DeserializationContext, response: Response) -> list[object]:
    """What the lines are."""
    return [orjson.loads(line) for line in response.content.splitlines()]
