"""One server, as a Python object: a method for each thing that it can be asked.

Rule: answers are values, listings are async iterators that fetch as they are read, and whatever goes wrong is
one of `scores.client.errors`. Nothing is sent before `async with`, nothing is left open after it.
"""

import uuid as uuids
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from http import HTTPStatus
from typing import Final, Self

from scores.client.answers import (
    Feed,
    Mean,
    MeanEvent,
    Report,
    ScoreEvent,
    read,
    read_exam,
    read_feed,
    read_inspector,
    read_mean,
    read_result,
    read_student,
)
from scores.client.bulk import Lines, Tally, batches, send
from scores.client.errors import ApiError, Import, InDoubt, Problem, Unreachable
from scores.client.exchange import Exchange
from scores.client.following import Start, follow
from scores.client.pages import fetch, items
from scores.client.paths import checked_id, exam_path, inspector_path, query, result_path, student_path
from scores.errors import ConfigError, Fault, InvalidInput
from scores.models import Exam, Inspector, Outcome, Result, Student

__all__ = ["Client"]

_LIMIT: Final = 1000
_MAX_KEY: Final = 255
_SCORES: Final = "/scores"


class Client:
    """A client of the server at `url`, within `async with`.

    A request is tried `retries` times more where that is safe, each try for `timeout` seconds and all of them
    for `patience` seconds at most, with random pauses of `backoff` seconds, from the shortest to the longest.
    `token` is sent as a Bearer token (RFC 6750). Raises `ConfigError` for arguments that are not allowed.

    Every method raises `ApiError` for what the server refuses, `Unreachable` when there is no answer,
    `BadAnswer` for an answer that is none of this API, and, before anything is sent, `InvalidInput` for an id
    that there cannot be.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        retries: int = 5,
        timeout: float = 10.0,
        patience: float = 60.0,
        backoff: tuple[float, float] = (0.1, 5.0),
    ) -> None:
        if retries < 0 or timeout <= 0 or patience <= 0 or not 0 < backoff[0] <= backoff[1]:
            raise ConfigError("retries must be 0 or more, timeout, patience and backoff more than 0")
        self._exchange = Exchange(
            url, token, retries=retries, timeout=timeout, patience=patience, backoff=backoff
        )

    @property
    def url(self) -> str:
        """The server's address."""
        return self._exchange.url

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._exchange.__aexit__(*exc)

    async def post(self, uuid: str, score: int, *, key: str | None = None) -> Mean:
        """Adds a score, 0 … 5, to an inspector: once, however often it has to be sent.

        The key names this score (RFC draft Idempotency-Key); without one a new one is made. Raises `InDoubt`,
        which carries the key, when nobody knows whether the score was counted.
        """
        key = uuids.uuid4().hex if key is None else _checked_key(key)
        document = {"UUID": checked_id(uuid, "UUID"), "score": score}
        try:
            reply = await self._exchange.call("POST", _SCORES, document=document, key=key)
        except (ApiError, Unreachable) as exc:
            if exc.doubt:
                raise InDoubt(str(exc), key=key) from exc
            raise
        return read(read_mean, reply.document)

    async def import_scores(
        self, source: AsyncIterable[tuple[str, int]] | Iterable[tuple[str, int]]
    ) -> Import:
        """Adds many scores, (uuid, score) each, in one request of any length, and says what became of them.

        The source is read as fast as the server takes it; one that pauses for longer than the server's
        `SCORES_BODY_TIMEOUT` is cut off. There is no second try: `BrokenOff` says how many of the first lines
        were answered; each of those after them was counted or was not.
        """
        tally = Tally()
        async with aclosing(self.send_lines(batches(source), tally)) as answers:
            async for _ in answers:
                pass
        return tally.summary()

    def send_lines(self, source: AsyncIterable[Lines], tally: Tally) -> AsyncGenerator[Problem | None, None]:
        """The same for lines that are JSON already, with each one's answer as it comes: None or a problem."""
        return send(self._exchange, _SCORES, source, tally)

    def students(self, *, limit: int = _LIMIT) -> AsyncIterator[Student]:
        """Every student, `limit` to a page."""
        return items(self._exchange, "/students", query(limit), "students", read_student)

    def exams(self, *, limit: int = _LIMIT) -> AsyncIterator[Exam]:
        """Every exam, ascending."""
        return items(self._exchange, "/exams", query(limit), "exams", read_exam)

    def inspectors(self, *, limit: int = _LIMIT) -> AsyncIterator[Inspector]:
        """Every inspector."""
        return items(self._exchange, "/inspectors", query(limit), "inspectors", read_inspector)

    async def student(
        self, student_id: str, *, exams: Iterable[int] = (), limit: int = _LIMIT
    ) -> Report[Student]:
        """One student, and their results, of these exams only if any are named; 404 is an `ApiError`."""
        path, asked = student_path(student_id), query(limit, "exam_id", exams)
        page = await fetch(self._exchange, path, asked)

        def result(item: dict[str, object]) -> Result:
            return read_result({**item, "studentId": student_id})

        results = items(self._exchange, path, asked, "results", result, first=page)
        return Report(read(read_student, page), results)

    async def exam(self, exam: int, *, students: Iterable[str] = (), limit: int = _LIMIT) -> Report[Exam]:
        """One exam, and its results, of these students only if any are named; 404 is an `ApiError`."""
        path, asked = exam_path(exam), query(limit, "student_name", students)
        page = await fetch(self._exchange, path, asked)

        def result(item: dict[str, object]) -> Result:
            return read_result({**item, "exam": exam})

        results = items(self._exchange, path, asked, "results", result, first=page)
        return Report(read(read_exam, page), results)

    async def inspector(self, uuid: str) -> Inspector:
        """One inspector; 404 is an `ApiError`."""
        reply = await self._exchange.call("GET", inspector_path(uuid))
        return read(read_inspector, reply.document)

    async def put_result(self, exam: int, student_id: str, score: float) -> Outcome:
        """Records or corrects one result: `NEW`, or `REPLACED` (if need be, by itself)."""
        path = result_path(exam, student_id)
        reply = await self._exchange.call("PUT", path, document={"score": score})
        return Outcome.NEW if reply.status == HTTPStatus.CREATED else Outcome.REPLACED

    async def delete_result(self, exam: int, student_id: str) -> None:
        """Forgets one result; 404 is an `ApiError`."""
        await self._delete(result_path(exam, student_id))

    async def delete_student(self, student_id: str) -> None:
        """Forgets a student with all of their results."""
        await self._delete(student_path(student_id))

    async def delete_inspector(self, uuid: str) -> None:
        """Forgets an inspector with all of their scores."""
        await self._delete(inspector_path(uuid))

    def follow(
        self, *, last_event_id: str = "", start: Start = "stored", idle: float = 60.0
    ) -> AsyncGenerator[ScoreEvent | MeanEvent, None]:
        """The live stream, from the event after `last_event_id`; without one, all that is stored comes first.

        `start="now"` leaves that out. It reconnects by itself and resumes where its reader is, also after
        `idle` seconds of silence (the server speaks every 15). An event may come twice, and none is left out
        that the server still has. Until it has been connected once it gives up after `retries`.
        """
        return follow(self._exchange, _SCORES, last_event_id=last_event_id, start=start, idle=idle)

    async def feed(self) -> Feed:
        """How the server's own feed is doing."""
        reply = await self._exchange.call("GET", "/feed")
        return read(read_feed, reply.document)

    async def ready(self) -> bool:
        """Whether the server can do its work; raises `Unreachable` where there is none."""
        try:
            async with self._exchange.open("GET", "/readyz", idle=self._exchange.timeout):
                return True
        except ApiError as exc:
            if exc.status == HTTPStatus.SERVICE_UNAVAILABLE:
                return False
            raise

    async def _delete(self, path: str) -> None:
        try:
            await self._exchange.call("DELETE", path)
        except ApiError as exc:
            # An earlier try may have been the one that found it.
            if not (exc.status == HTTPStatus.NOT_FOUND and exc.doubt):
                raise


def _checked_key(key: str) -> str:
    if not (0 < len(key) <= _MAX_KEY and key.isascii() and key.isprintable() and " " not in key):
        raise InvalidInput(
            Fault("Idempotency-Key", f"a key must be 1 to {_MAX_KEY} visible ASCII characters")
        )
    return key
