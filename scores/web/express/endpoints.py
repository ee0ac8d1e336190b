"""What the express lane answers: the requests that come most.

Rule: whatever is not plainly a success is left to the usual way, as long as nothing has changed; so what
is wrong with a request is said in one place only.
"""

import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from aiohttp.http import RawRequestMessage
from orjson import JSONDecodeError, dumps, loads

from scores.config import Config
from scores.errors import InvalidInput, StoreError
from scores.models import Inspector, Score, parse_score
from scores.stores import Store
from scores.tracing import Trace, current
from scores.web import exams, inspectors, students
from scores.web.access import Access, Guard
from scores.web.caching import inspector_tag
from scores.web.compression import threshold
from scores.web.cors import Cors
from scores.web.express.answers import Answers
from scores.web.express.heads import Answerer
from scores.web.pending import Pending
from scores.web.problems import answer_failure
from scores.web.queries import DEFAULT_LIMIT, parse_exam

__all__ = ["Endpoints"]

_POST_PATHS: Final = frozenset({"/scores", "/scores/"})
_JSON: Final = frozenset({"application/json", "application/json; charset=utf-8"})

# Characters that stand for themselves (RFC 3986, section 2.3).
_READ: Final = re.compile("/(inspectors|students|exams)/([A-Za-z0-9._~-]+)/?")

K = TypeVar("K", int, str)
T = TypeVar("T")


class Endpoints:
    """The endpoints of one server: writes on any store, reads on one that never suspends."""

    def __init__(self, store: Store, config: Config, *, guard: Guard, cors: Cors, pending: Pending) -> None:
        self._store = store
        self._config = config
        self._guard = guard
        self._cors = cors
        self._pending = pending
        self._answers = Answers(cors)
        self._post = self._post_later if store.add_now is None else self._post_now(store.add_now)

    def understand(self, message: RawRequestMessage, length: int) -> Answerer | None:
        """Who answers requests with this head and a body of so many bytes, if the lane does."""
        access: Access = "read" if message.method == "GET" else "write"
        if not self._guard.admits(access, message.headers.getall("Authorization", ())):
            return None
        if self._cors.varies and "Origin" in message.headers:
            return None
        if message.method == "POST" and message.path in _POST_PATHS:
            media_type = message.headers.get("Content-Type", "").lower()
            if media_type in _JSON and length <= self._config.max_body:
                return self._post
        if message.method == "GET" and self._store.add_now is not None:
            limit = threshold(message.headers.getall("Accept-Encoding", ()))
            return self._reader(message.path, limit)
        return None

    def _reader(self, path: str, limit: int | None) -> Answerer | None:
        """Who answers a read of this path, compressed above so many bytes."""
        match = _READ.fullmatch(path)
        if match is None:
            return None
        if match[1] == "inspectors":
            return partial(self._read, self._inspector, match[2])
        if match[1] == "students":
            return partial(self._read, partial(self._student, limit), match[2])
        exam = parse_exam(match[2])
        return None if exam is None else partial(self._read, partial(self._exam, limit), exam)

    def _post_now(self, add_now: Callable[[Score], Inspector]) -> Answerer:
        document = self._answers.document

        def post(body: bytes) -> bytes | None:
            try:
                score = parse_score(loads(body))
            except (JSONDecodeError, InvalidInput):
                return None
            try:
                uuid, count, total = add_now(score)
            except Exception as exc:  # noqa: BLE001 - turned into the answer that the usual way would give
                return self._failure(exc)
            # Its `mean`, without a call.
            return document(dumps({"UUID": uuid, "mean": total / count}))

        return post

    def _post_later(self, body: bytes) -> Coroutine[Any, Any, bytes] | None:
        try:
            score = parse_score(loads(body))
        except (JSONDecodeError, InvalidInput):
            return None
        return self._add(score)

    async def _add(self, score: Score) -> bytes:
        try:
            (added,) = await self._store.add((score,))
        except Exception as exc:  # noqa: BLE001 - likewise
            return self._failure(exc)
        if isinstance(added, StoreError):
            return self._failure(added)
        return self._answers.document(dumps({"UUID": added.uuid, "mean": added.mean}))

    def _failure(self, exc: Exception) -> bytes:
        trace = Trace()
        # What is logged of it says which request it was, as the access log does.
        outer = current.set(trace)
        try:
            return self._answers.whole(answer_failure(exc, "POST", "/scores"), trace)
        finally:
            current.reset(outer)

    def _read(self, read: Callable[[K], bytes | None], key: K, _body: bytes) -> bytes | None:
        if self._pending.full:
            return None
        try:
            return read(key)
        except Exception:  # noqa: BLE001 - asked again by the usual way, which says what is wrong
            return None

    def _inspector(self, uuid: str) -> bytes | None:
        inspector = _at_once(self._store.inspector(uuid))
        if inspector is None:
            return None
        return self._answers.tagged(dumps(inspectors.document(inspector)), inspector_tag(inspector))

    def _student(self, limit: int | None, student_id: str) -> bytes | None:
        report = _at_once(self._store.student(student_id, limit=DEFAULT_LIMIT))
        if report is None or report.results.next is not None:
            return None
        return self._answers.page(dumps({**students.document(report), "next": None}), limit)

    def _exam(self, limit: int | None, exam: int) -> bytes | None:
        report = _at_once(self._store.exam(exam, limit=DEFAULT_LIMIT))
        if report is None or report.results.next is not None:
            return None
        return self._answers.page(dumps({**exams.document(report), "next": None}), limit)


def _at_once(step: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns, which has nothing to wait for."""
    try:
        step.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise RuntimeError("the store suspended, although it says that it never does")
