"""What can go wrong between a client and its server, under the one root of `scores.errors`.

    ScoresError
    └── ClientError           what no request of this client ends in otherwise
        ├── ApiError          the server said no: its problem document (RFC 9457)
        ├── Unreachable       no answer: refused, lost, too late
        ├── InDoubt           a POST that was counted, or was not; it carries the key to ask again with
        ├── BrokenOff         a bulk request that ended early; it says what had been answered
        └── BadAnswer         an answer that the API does not have: another server, or another version

Rule: no exception of the HTTP library leaves the package; each error is one sentence for a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scores.errors import ScoresError

__all__ = [
    "ApiError",
    "BadAnswer",
    "BrokenOff",
    "ClientError",
    "Import",
    "InDoubt",
    "Problem",
    "Unreachable",
]

_TYPE: Final = "urn:problem-type:scores:"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457, section 3.1)."""

    status: int
    code: str
    """What `type` ends in, such as `invalid-input`; empty when the server names none."""
    detail: str
    errors: tuple[Mapping[str, Any], ...] = ()
    """For bad input: each with a `pointer` or a `parameter`, and its `detail`."""
    line: int | None = None
    """Of a bulk request, the line that it is about, from 1."""

    @classmethod
    def read(cls, data: object, status: int = 0) -> "Problem":
        """What the members say, whatever they are: a proxy's error page is no problem document."""
        members = data if isinstance(data, dict) else {}
        detail = members.get("detail") or members.get("title") or f"the server answered {status}"
        errors = members.get("errors")
        line, stated, kind = members.get("line"), members.get("status"), str(members.get("type", ""))
        return cls(
            status=status or (stated if isinstance(stated, int) else 0),
            code=kind.removeprefix(_TYPE) if kind.startswith(_TYPE) else "",
            detail=str(detail),
            errors=tuple(one for one in errors if isinstance(one, dict)) if isinstance(errors, list) else (),
            line=line if isinstance(line, int) else None,
        )


@dataclass(frozen=True, slots=True)
class Import:
    """What became of a bulk request's lines."""

    accepted: int
    rejected: int
    errors: tuple[Problem, ...] = ()
    """The first 100 of those that were rejected, each with its `line`."""


class ClientError(ScoresError):
    """The root of what a client raises."""

    doubt = False
    """Whether the request, or an earlier try of it, may have been carried out all the same."""


class ApiError(ClientError):
    """The server answered with an error; `str(error)` is its `detail`."""

    code = ""

    def __init__(self, problem: Problem, *, retry_after: float = 0.0) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.status = problem.status  # type: ignore[misc]  # what that server said, not what ours would
        self.code = problem.code  # type: ignore[misc]  # likewise
        self.errors = problem.errors
        self.retry_after = retry_after
        """Seconds that the server asks to wait; 0 if it does not."""


class Unreachable(ClientError):
    """The server gave no answer; `sent` says whether it may have got the request."""

    status = 503
    code = "unreachable"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class InDoubt(ClientError):
    """A POST without an answer: it was counted once or not at all.

    The same call with `key=error.key` settles it, while the server remembers the key (24 hours, unless its
    `SCORES_IDEMPOTENCY_TTL` says otherwise).
    """

    status = 503
    code = "in-doubt"
    doubt = True

    def __init__(self, reason: str, *, key: str) -> None:
        super().__init__(
            f"{reason}; the score was counted or was not: the same call with the key {key} settles it"
        )
        self.key = key


class BrokenOff(ClientError):
    """A bulk request that ended before its last answer; without an answer a line was counted or was not."""

    status = 503
    code = "broken-off"

    def __init__(self, reason: str, *, done: Import, sent: int) -> None:
        answered = done.accepted + done.rejected
        super().__init__(f"{reason}; of {sent} lines sent, the first {answered} were answered")
        self.done = done
        self.sent = sent
        """Lines given to the connection."""


class BadAnswer(ClientError):
    """The server's answer is not one of this API."""

    status = 502
    code = "bad-answer"
