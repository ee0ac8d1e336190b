"""What the express lane answers: the requests that come most.

Rule: whatever is not plainly a success is left to the usual way, as long as nothing has changed; so what
is wrong with a request is said in one place only.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from aiohttp.http import RawRequestMessage
from orjson import JSONDecodeError, dumps, loads

from scores.config import Config
from scores.errors import InvalidInput, StoreError
from scores.models import Inspector, Score, parse_score
from scores.stores import Store
from scores.web import exams, inspectors, students
from scores.web.express.answers import Answers
from scores.web.express.heads import Answerer
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

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config
        self._answers = Answers()
        self._post = self._post_later if store.add_now is None else self._post_now(store.add_now)

    def understand(self, message: RawRequestMessage, length: int) -> Answerer | None:
        """Who answers requests with this head and a body of so many bytes, if the lane does."""
        if message.method == "POST" and message.path in _POST_PATHS:
            media_type = message.headers.get("Content-Type", "").lower()
            if media_type in _JSON and length <= self._config.max_body:
                return self._post
        if message.method == "GET" and self._store.add_now is not None:
            return self._reader(message.path)
        return None

    def _reader(self, path: str) -> Answerer | None:
        match = _READ.fullmatch(path)
        if match is None:
            return None
        if match[1] == "inspectors":
            return partial(self._read, self._inspector, match[2])
        if match[1] == "students":
            return partial(self._read, self._student, match[2])
        exam = parse_exam(match[2])
        return None if exam is None else partial(self._read, self._exam, exam)

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
        return self._answers.whole(answer_failure(exc, "POST", "/scores"))

    def _read(self, read: Callable[[K], Mapping[str, object] | None], key: K, _body: bytes) -> bytes | None:
        try:
            document = read(key)
        except Exception:  # noqa: BLE001 - asked again by the usual way, which says what is wrong
            return None
        return None if document is None else self._answers.document(dumps(document))

    def _inspector(self, uuid: str) -> Mapping[str, object] | None:
        inspector = _at_once(self._store.inspector(uuid))
        return None if inspector is None else inspectors.document(inspector)

    def _student(self, student_id: str) -> Mapping[str, object] | None:
        report = _at_once(self._store.student(student_id, limit=DEFAULT_LIMIT))
        if report is None or report.results.next is not None:
            return None
        return {**students.document(report), "next": None}

    def _exam(self, exam: int) -> Mapping[str, object] | None:
        report = _at_once(self._store.exam(exam, limit=DEFAULT_LIMIT))
        if report is None or report.results.next is not None:
            return None
        return {**exams.document(report), "next": None}


def _at_once(step: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns, which has nothing to wait for."""
    try:
        step.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise RuntimeError("the store suspended, although it says that it never does")
