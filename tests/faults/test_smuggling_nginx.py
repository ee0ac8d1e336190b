"""A real nginx before the server: both agree where each message ends, and nobody gets another's answer."""

from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from support.api import Api
from support.naive_back import naive_back
from support.nginx import Front, Seen, nginx
from support.scrapes import Scrape
from support.smuggling import Case, Told, cases, converse, counts_of, ids_of, tell_all
from support.soak import LONG, times
from support.tally import note_inputs
from yarl import URL

Serve = Callable[..., Awaitable[str]]

LANE = pytest.mark.parametrize("express", [True, False] if LONG else [True])


async def through(front: Front, prefix: str, *, named: str = "") -> list[Told]:
    """Every odd message, to a front that takes in whole bodies and to one that hands on what comes."""
    told = []
    for way, address in (("c", front.careful), ("t", front.trusting)):

        async def tell(case: Case, address: str = address) -> Told:
            return await converse(address, case)

        told += await tell_all(_named(f"{prefix}{way}", named), tell)
    return told


def _named(prefix: str, part: str) -> list[Case]:
    return [case for case in cases(prefix, agent=True) if part in case.name]


def disagreements(told: list[Told], seen: list[Seen], counts: Counter[str]) -> list[str]:
    """What was carried out and never sent by the front, or sent and not carried out; and answers that are another's."""
    sent = Counter(one.agent for one in seen if one.method == "POST" and one.status == one.back == "200")
    faults = [
        f"{uuid}: carried out {counts[uuid]} times, sent {sent[uuid]} times"
        for uuid in counts.keys() | sent.keys()
        if counts[uuid] != sent[uuid]
    ]
    for one in told:
        faults += [
            f"{one.case.name}: answered {uuid}"
            for uuid in ids_of(one.answers)
            if not uuid.startswith(one.case.tag)
        ]
    return faults


@LANE
async def test_front_and_back_agree(serve: Serve, express: bool, caplog: pytest.LogCaptureFixture) -> None:
    address = await serve(express=express, body_timeout=1)
    async with nginx(URL(address).port or 0) as front:
        told = [one for turn in range(times(1)) for one in await through(front, f"n{turn}")]
        seen = await front.seen()
        problems = front.log()
    counts = await counts_of(address)
    faults = disagreements(told, seen, counts)
    errors = [one for one in seen if one.back.startswith("5")]
    lane = "on" if express else "off"
    note_inputs(
        corpus=f"HTTP messages through nginx, lane {lane}",
        tried=len(told),
        server_errors=len(errors),
        wrong=len(faults),
    )
    assert not faults
    assert not errors
    assert "upstream prematurely closed" not in problems
    # As many answers as the front sent requests: all that it counted as answered by the one behind it.
    async with aiohttp.ClientSession() as session:
        scrape = Scrape((await Api(address, session).get("/metrics")).body.decode())
    answered = sum(scrape.requests().values()) - scrape.get(
        "scores_http_requests_total", route="/inspectors", method="GET"
    )
    assert answered == sum(one.back.isdigit() for one in seen)
    assert sum(one.back == "200" for one in seen) > len(told)
    assert not caplog.records


async def test_control_a_naive_server_behind_it_is_smuggled_into() -> None:
    async with naive_back("short lengths") as back, nginx(URL(back.address).port or 0) as front:
        told = await through(front, "n", named="length, ")
        seen = await front.seen()
    assert len(disagreements(told, seen, back.counts)) > 5
