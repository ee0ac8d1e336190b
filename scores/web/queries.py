"""Query parameters and path parameters, read strictly.

Rule: a parameter that is not known, is given twice, or has a value that is not allowed is an error
that names what is known and allowed: a misspelt filter must not look like an empty one.
"""

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

from aiohttp import web

from scores.errors import BadRequest, Fault, InvalidQuery
from scores.models import EXAM_RULE, ID_RULE, MAX_EXAM, Page, is_id

__all__ = [
    "DEFAULT_LIMIT",
    "MAX_LIMIT",
    "PAGING",
    "Slice",
    "check_target",
    "exam_filter",
    "link_next",
    "parse_exam",
    "read_slice",
    "starts_now",
    "student_filter",
]

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
_SHOWN: Final = 40
_NAMED: Final = 8
PAGING: Final = frozenset({"limit", "after"})

_INTEGER = re.compile("0|[1-9][0-9]{0,18}")
_NO_OCTET = re.compile("%(?![0-9A-Fa-f]{2})")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Slice:
    """Which page of a listing is asked for."""

    limit: int
    after: str | None


def check_target(request: web.Request, known: Collection[str]) -> None:
    """Refuses a target that is not percent-encoded UTF-8, has a fragment, or a parameter that is not known.

    Raises `BadRequest` and `InvalidQuery`, which names the first `_NAMED` of them.
    """
    target = request.raw_path
    if "#" in target:
        raise BadRequest("a fragment is no part of what is asked for: leave out # and what follows")
    if "%" in target and not _is_encoded(target):
        raise BadRequest("the path and the query must be percent-encoded UTF-8")
    if "?" not in target:
        return
    unknown = [name for name in dict.fromkeys(request.query) if name not in known]
    if unknown:
        rule = _known(known)
        raise InvalidQuery(
            *(
                Fault(name[:_SHOWN], f"the parameter {name[:_SHOWN]!a} is not known here: {rule}")
                for name in unknown[:_NAMED]
            )
        )


def _is_encoded(target: str) -> bool:
    """Whether every `%` begins two hexadecimal digits, and the octets are UTF-8 (RFC 3986, section 2.5)."""
    try:
        unquote_to_bytes(target).decode()
    except UnicodeDecodeError:
        return False
    return not _NO_OCTET.search(target)


def read_slice(request: web.Request) -> Slice:
    """The page that `limit` and `after` ask for."""
    limit, after = _single(request, "limit"), _single(request, "after")
    if limit is not None and not (_INTEGER.fullmatch(limit) and 1 <= int(limit) <= MAX_LIMIT):
        raise InvalidQuery(
            Fault("limit", f"limit must be an integer from 1 to {MAX_LIMIT}, not {limit[:_SHOWN]!a}")
        )
    return Slice(int(limit or DEFAULT_LIMIT), None if after is None else _decode(after))


def exam_filter(request: web.Request) -> list[int]:
    """The exams that `exam_id` names; empty values name none."""
    return [_exam(text) for text in request.query.getall("exam_id", []) if text]


def student_filter(request: web.Request) -> list[str]:
    """The students that `student_name` names; empty values name none."""
    names = [name for name in request.query.getall("student_name", []) if name]
    if not all(map(is_id, names)):
        raise InvalidQuery(Fault("student_name", f"student_name must be {ID_RULE}"))
    return names


def starts_now(request: web.Request) -> bool:
    """Whether `start=now` asks for nothing of the past."""
    start = _single(request, "start")
    if start not in (None, "now"):
        raise InvalidQuery(Fault("start", f"start must be now, or left out, not {start[:_SHOWN]!a}"))
    return start is not None


def parse_exam(text: str) -> int | None:
    """The exam number that is written so, without leading zeros; None if it is none."""
    if _INTEGER.fullmatch(text) and int(text) <= MAX_EXAM:
        return int(text)
    return None


def link_next(request: web.Request, page: Page[T]) -> str | None:
    """The path and query of the page after this one; None at the end."""
    if page.next is None:
        return None
    return str(request.rel_url.update_query({"after": _encode(page.next)}))


def _exam(text: str) -> int:
    exam = parse_exam(text)
    if exam is None:
        raise InvalidQuery(Fault("exam_id", f"exam_id must be {EXAM_RULE}, not {text[:_SHOWN]!a}"))
    return exam


def _known(known: Collection[str]) -> str:
    return f"the known ones are {', '.join(sorted(known))}" if known else "there are none"


def _single(request: web.Request, name: str) -> str | None:
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise InvalidQuery(Fault(name, f"{name} must be given once, not {len(values)} times"))
    return values[0] if values else None


def _encode(position: str) -> str:
    return urlsafe_b64encode(position.encode()).decode("ascii").rstrip("=")


def _decode(token: str) -> str:
    # Without a position, what is meant may be the first page, or a mistake.
    if not token:
        raise InvalidQuery(_no_token())
    try:
        return b64decode(token + "=" * (-len(token) % 4), altchars="-_", validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise InvalidQuery(_no_token()) from exc


def _no_token() -> Fault:
    return Fault("after", "after must come from the `next` of an earlier page")
