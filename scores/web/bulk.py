"""Bulk: `POST /scores` with a score a line (`application/x-ndjson`), answered line by line.

Rule: nothing is kept of what is done. A batch of lines is read, added and answered before the next is
looked at, or the next but one where a store is waited for: so memory is bounded whatever the length, a client
that does not take its answers is not read from, and after each batch everybody else has a turn. An answer
that is not whole does not end as one.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import orjson
from aiohttp import web

from scores.errors import BadRequest, PayloadTooLarge, RequestTimeout, ScoresError
from scores.models import Inspector, Score
from scores.stores import Store
from scores.stores.tallying import tally_of
from scores.web.bodies import check_coding, respond
from scores.web.connection import Connection
from scores.web.finishing import begin_stream
from scores.web.inflation import Inflation
from scores.web.keys import CONFIG, PENDING, STORE
from scores.web.lines import Line, Lines, are_all, read_plain, read_scores
from scores.web.preferences import preference
from scores.web.problems import document

__all__ = ["NDJSON", "post_scores"]

NDJSON: Final = "application/x-ndjson"

BATCH: Final = 256
"""Most lines that are worked on before others have a turn."""

BATCH_AHEAD: Final = 512
"""Most lines that a store which is waited for is asked for at once: others have their turn meanwhile."""

_PIECE: Final = 65_536
"""Most bytes that are cut in lines at once."""

MAX_ERRORS: Final = 100
"""As many problems as the short answer shows."""

_TURNS_TO_GO: Final = 6
"""Turns of the loop after which what a store is asked for is on its way: to gather, to pack, to send."""

log = logging.getLogger(__name__)


class _Outcomes(NamedTuple):
    """What came of some lines: as many of the one as of the other."""

    uuids: Sequence[str]
    """Of the scores that were added; elsewhere of no meaning."""
    means: Sequence[float | ScoresError]


async def post_scores(request: web.Request) -> web.StreamResponse:
    """Adds the score of each line, and answers each as if alone; all in short, if `Prefer` says so."""
    check_coding(request, NDJSON)
    # What is kept while it comes: a piece, and the line that has begun.
    size = 0 if request.content.is_eof() else _PIECE + request.app[CONFIG].max_line
    with request.app[PENDING].reserve(size):
        return await _answer(request)


async def _answer(request: web.Request) -> web.StreamResponse:
    if preference(request.headers.getall("Prefer", ()), "return") == "minimal":
        return await _in_short(request)
    return await _line_by_line(request)


async def _line_by_line(request: web.Request) -> web.StreamResponse:
    response = begin_stream(request, NDJSON)
    number = 1
    try:
        async with aclosing(_outcomes(request)) as batches:
            async for outcomes in batches:
                if not response.prepared:
                    if isinstance(request.protocol, Connection) and request.protocol.ending:
                        response.force_close()
                    await response.prepare(request)
                await response.write(_answers(outcomes, number))
                # Until the client has taken it; `write` alone lets some batches pile up first.
                await request.writer.drain()
                number += len(outcomes.means)
    except ConnectionError:
        raise
    except Exception as exc:
        if not response.prepared:
            raise
        await response.write(_problem(_told(exc, request), number))
        raise ConnectionAbortedError("the answer breaks off: it must not end as a whole one does") from exc
    return response


async def _in_short(request: web.Request) -> web.StreamResponse:
    accepted, rejected, errors = 0, 0, list[dict[str, Any]]()
    try:
        async with aclosing(_outcomes(request)) as batches:
            async for outcomes in batches:
                number = accepted + rejected + 1
                problems = [
                    (at, one) for at, one in enumerate(outcomes.means, number) if isinstance(one, ScoresError)
                ]
                errors += [_numbered(one, at) for at, one in problems[: MAX_ERRORS - len(errors)]]
                rejected += len(problems)
                accepted += len(outcomes.means) - len(problems)
    except (RequestTimeout, BadRequest, PayloadTooLarge) as exc:
        raise type(exc)(f"{exc}; before, {accepted} lines were accepted and {rejected} rejected") from exc
    response = respond({"accepted": accepted, "rejected": rejected, "errors": errors})
    response.headers["Preference-Applied"] = "return=minimal"
    return response


async def _outcomes(request: web.Request) -> AsyncGenerator[_Outcomes, None]:
    """What comes of the lines, few at a time.

    A store that suspends is asked for the next few, if these have come, before the answers to some are used.
    """
    store = request.app[STORE]
    under_way: asyncio.Task[_Outcomes] | None = None
    try:
        async with aclosing(_batches(request)) as batches:
            async for lines, more in batches:
                tally = tally_of(store) if under_way is None else None
                if tally is not None and (plain := read_plain(lines)) is not None:
                    yield _Outcomes(plain[0], tally(*plain))
                    continue
                read = read_scores(lines)
                if under_way is None and (store.add_now is not None or not more):
                    yield await _add(store, read)
                    continue
                before = None if under_way is None else await under_way
                _check_client(request)
                under_way = asyncio.create_task(_add(store, read))
                await _let_go()
                if before is not None:
                    yield before
                if not more:
                    yield await under_way
                    under_way = None
    finally:
        if under_way is not None:
            under_way.cancel()
            await asyncio.wait([under_way])


async def _let_go() -> None:
    """Lets a task come as far as the network, so that others work while this one does."""
    for _ in range(_TURNS_TO_GO):
        await asyncio.sleep(0)


async def _batches(request: web.Request) -> AsyncGenerator[tuple[Sequence[Line], bool], None]:
    """The body's lines, few at a time, with a turn for everybody else after each few.

    With them, whether the next have come: until these are taken nothing can go wrong with the body.
    """
    config, coding = request.app[CONFIG], check_coding(request, NDJSON)
    most = BATCH_AHEAD if request.app[STORE].add_now is None else BATCH
    lines, inflation, inflated = Lines(config.max_line), Inflation(coding), 0
    while piece := await _read(request):
        for part in inflation.feed(piece):
            inflated += len(part)
            if coding != "identity" and inflated > config.max_inflated:
                raise PayloadTooLarge(f"the body inflates to more than {config.max_inflated} bytes")
            ended = lines.feed(part)
            size = _size_of_batches(len(ended), most)
            for at in range(0, len(ended), size):
                yield ended[at : at + size], at + size < len(ended)
                await _take_turns(request)
            if not ended:
                await _take_turns(request)
    inflation.end()
    if last := lines.end():
        yield last, False


def _size_of_batches(lines: int, most: int) -> int:
    """As many in each: a few that were left over would have a way to the store of their own."""
    batches = -(-lines // most)
    return -(-lines // batches) if batches else most


async def _take_turns(request: web.Request) -> None:
    """Lets everybody else have a turn; raises `ConnectionResetError` if the client has gone."""
    await asyncio.sleep(0)
    # A few compressed bytes can be work for a minute.
    _check_client(request)


def _check_client(request: web.Request) -> None:
    """Raises `ConnectionResetError` if the client has gone."""
    if request.transport is None:
        raise ConnectionResetError("the client has gone")


async def _read(request: web.Request) -> bytes:
    """What has come of the body since, at most a piece; nothing at its end."""
    timeout = request.app[CONFIG].body_timeout
    _check_client(request)
    try:
        async with asyncio.timeout(timeout):
            return await request.content.read(_PIECE)
    except TimeoutError as exc:
        raise RequestTimeout(f"nothing more of the body came for {timeout:g} s") from exc
    except web.RequestPayloadError as exc:
        raise BadRequest("the body is not what its headers say") from exc


async def _add(store: Store, read: Sequence[Score | ScoresError]) -> _Outcomes:
    """What comes of each score, or of the line that was none."""
    if are_all(read, Score):
        added: Sequence[Inspector | ScoresError] = await store.add(read)
    else:
        left = iter(await store.add([one for one in read if isinstance(one, Score)]))
        added = [next(left) if isinstance(one, Score) else one for one in read]
    if are_all(added, Inspector):
        return _Outcomes([uuid for uuid, _, _ in added], [total / count for _, count, total in added])
    return _Outcomes(
        [one.uuid if isinstance(one, Inspector) else "" for one in added],
        [one.mean if isinstance(one, Inspector) else one for one in added],
    )


def _answers(outcomes: _Outcomes, number: int) -> bytes:
    """The lines that answer lines from this number on."""
    uuids, means = outcomes
    if are_all(means, float):
        return _means(uuids, means)
    return b"".join(
        _problem(mean, at) if isinstance(mean, ScoresError) else _means([uuid], [mean])
        for at, (uuid, mean) in enumerate(zip(uuids, means, strict=True), number)
    )


def _means(uuids: Sequence[str], means: Sequence[float]) -> bytes:
    text = orjson.dumps([{"UUID": uuid, "mean": mean} for uuid, mean in zip(uuids, means, strict=True)])
    # In a string a quote has a backslash before it, or ends the string and is followed by a comma or a colon:
    # this is found between two objects only.
    return text[1:-1].replace(b'},{"UUID":', b'}\n{"UUID":') + b"\n"


def _problem(error: ScoresError, number: int) -> bytes:
    return orjson.dumps(_numbered(error, number), option=orjson.OPT_APPEND_NEWLINE)


def _numbered(error: ScoresError, number: int) -> dict[str, Any]:
    return {**document(error), "line": number}


def _told(exc: Exception, request: web.Request) -> ScoresError:
    """What the client is told of an error that ends its answer."""
    if isinstance(exc, ScoresError):
        return exc
    log.error("%s %s failed", request.method, request.path, exc_info=exc)
    return ScoresError("the server failed to answer; the reason is in its log")
