"""Sends odd messages between good ones, and says what came of each: what a server carried out, and answered.

Rule: what it carries out is what the standard reads in the bytes (`support.borders`), or a beginning of that; then the
connection is closed, and nothing of what follows counts.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import aiohttp

from support.api import Api
from support.borders import marked, read_requests
from support.odd_messages import odd_messages, scored
from support.sockets import connection

__all__ = ["Case", "Told", "cases", "converse", "counts_of", "faults_of", "ids_of", "statuses_of", "tell_all"]

_STATUS = re.compile(rb"HTTP/[0-9]\.[0-9] ([1-5][0-9][0-9]) ")
_MEAN = re.compile(rb'\{"UUID":"([^"]*)","mean":[0-9.e+-]+\}')
_LAST = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Case(NamedTuple):
    """An odd message with a good request before and after it."""

    name: str
    tag: str
    """What begins the names of its inspectors."""
    first: bytes
    rest: bytes


class Told(NamedTuple):
    """What came back on the connection of a case, to its end."""

    case: Case
    answers: bytes

    @property
    def statuses(self) -> list[int]:
        return statuses_of(self.answers)


def cases(prefix: str, *, agent: bool = False) -> list[Case]:
    """All of them; the names of all inspectors begin with the prefix, and `agent` has every head say which it is.

    Without it the heads of the good requests are all the same, and so the express lane's.
    """
    return [
        Case(
            one.name,
            f"{prefix}{at:03}-",
            scored(f"{prefix}{at:03}-before", agent=agent),
            one.data + scored(f"{prefix}{at:03}-after", agent=agent) + _LAST,
        )
        for at, one in enumerate(odd_messages(prefix, agent=agent))
    ]


async def converse(address: str, case: Case, *, end: bool = False) -> Told:
    """Sends the first request, and when it is answered all the rest in one piece; `end` says that this is all."""
    answers = b""
    async with connection(address) as (reader, writer), asyncio.timeout(20):
        with suppress(ConnectionError):
            writer.write(case.first)
            while not (answers.endswith(b"}") and b"\r\n\r\n" in answers):
                if not (data := await reader.read(65_536)):
                    return Told(case, answers)
                answers += data
            writer.write(case.rest)
            if end:
                writer.write_eof()
            while data := await reader.read(65_536):
                answers += data
    return Told(case, answers)


async def tell_all(
    all_cases: Sequence[Case], tell: Callable[[Case], Awaitable[Told]], *, at_once: int = 64
) -> list[Told]:
    """What came of each, a few at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(case: Case) -> Told:
        async with gate:
            return await tell(case)

    return await asyncio.gather(*map(one, all_cases))


def statuses_of(answers: bytes) -> list[int]:
    """Of the final answers, in order."""
    return [int(status) for status in _STATUS.findall(answers) if status[:1] != b"1"]


def ids_of(answers: bytes) -> list[str]:
    """The inspectors whose score is said to have been added, in order."""
    return [uuid.decode() for uuid in _MEAN.findall(answers)]


def faults_of(told: Told, counts: Counter[str]) -> list[str]:
    """What is wrong in what came of a case; `counts` is how many scores each inspector has by now."""
    case = told.case
    reading = read_requests(case.first + case.rest)
    expected = [uuid for request in reading.requests if (uuid := marked(request)) is not None]
    added, faults = ids_of(told.answers), list[str]()
    carried_out = [uuid for uuid in counts.elements() if uuid.startswith(case.tag)]
    if sorted(carried_out) != sorted(added):
        faults.append(f"carried out {carried_out}, answered {added}")
    if added != expected[: len(added)]:
        faults.append(f"carried out {added} of {expected}")
    if len(told.statuses) > len(reading.requests) + 1:
        faults.append(f"{len(told.statuses)} answers to {len(reading.requests)} requests")
    if any(status >= 500 for status in told.statuses):
        faults.append(f"answered {told.statuses}")
    closed = b"\r\nConnection: close\r\n" in told.answers
    if reading.whole and len(added) < len(expected) and told.statuses[-1:] < [400] and not closed:
        faults.append(f"carried out {added} of {expected}, and refused nothing")
    return [f"{case.name}: {fault}" for fault in faults]


async def counts_of(address: str) -> Counter[str]:
    """How many scores each inspector has."""
    async with aiohttp.ClientSession() as session:
        api, found, link = Api(address, session), Counter[str](), "/inspectors?limit=1000"
        while link:
            page = (await api.get(link)).json
            found.update({one["UUID"]: one["count"] for one in page["inspectors"]})
            link = page["next"]
    return found
