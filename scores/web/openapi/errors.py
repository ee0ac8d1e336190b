"""Error answers: which there are, and how each is described.

Rule: an error is named by its stable code and is described by its class, whose docstring is what people
read. Every class of the tree is either on some operation or in `ON_NO_OPERATION`; a test holds that.
"""

from collections.abc import Collection, Iterator
from typing import Final

from scores.errors import ScoresError
from scores.web.openapi.schemas import Schema, among, ref
from scores.web.problems import CONTENT_TYPE, TYPE

__all__ = ["ACCESS", "ERRORS", "EVERYWHERE", "ON_NO_OPERATION", "responses_of"]


def _tree(root: type[ScoresError]) -> Iterator[type[ScoresError]]:
    yield root
    for child in root.__subclasses__():
        # The client has errors of its own, which no server answers.
        if child.__module__ == ScoresError.__module__:
            yield from _tree(child)


ERRORS: Final = {error.code: error for error in reversed([*_tree(ScoresError)])}
"""Each kind of error by its code; of those that share one, the class that they come from."""

EVERYWHERE: Final = frozenset(
    {
        "bad-request",
        "invalid-query",
        "request-timeout",
        "expectation-failed",
        "head-too-large",
        "internal",
        "overloaded",
    }
)
"""What any request may be answered with."""

ACCESS: Final = frozenset({"unauthorized", "insufficient-scope"})
"""What a server that has tokens answers to who lacks one."""

ON_NO_OPERATION: Final = frozenset(
    {"config", "feed-unavailable", "feed-ended", "lease-lost", "method-not-allowed", "origin-refused"}
)
"""What no operation answers: some stop a start or go to the log, some are answered where there is none."""


def responses_of(codes: Collection[str]) -> dict[str, tuple[str, Schema]]:
    """The responses of an operation that may fail in these ways: by status, the name and the response."""
    by_status: dict[int, list[str]] = {}
    for code in sorted(ERRORS.keys() & set(codes)):
        by_status.setdefault(ERRORS[code].status, []).append(code)
    return {
        str(status): (f"{status}.{'.'.join(group)}", _response(status, group))
        for status, group in sorted(by_status.items())
    }


def _response(status: int, codes: Collection[str]) -> Schema:
    kinds = {"type": among(*(TYPE + code for code in codes)), "status": {"const": status}}
    about = "\n".join(f"- `{code}`: {_about(ERRORS[code])}" for code in codes)
    schema = {"allOf": [ref("Problem"), {"properties": kinds}]}
    return {"description": about, "content": {CONTENT_TYPE: {"schema": schema}}}


def _about(error: type[ScoresError]) -> str:
    """What the class says of itself first."""
    if error is ScoresError:
        return "The server failed to answer; the reason is in its log."
    first = " ".join((error.__doc__ or "").split("\n\n")[0].split())
    return first.partition(";")[0].removesuffix(".") + "."
