"""The feed's client in virtual time: whatever a seed does to it, what the feed promised is in the store once.

A seed that fails is named with the one command that runs it again. `SCORES_SEED` is that seed alone; `make soak`
takes as many more as `SCORES_SOAK` says.
"""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.simulation.plan import FAULTS, Plan
from support.simulation.world import Run, simulate
from support.soak import times
from support.tally import note

from scores.backoff import Backoff
from scores.errors import LeaseLost, StoreError
from scores.feed import client
from scores.feed.client import FeedClient
from scores.feed.connection import connect
from scores.feed.decoder import Decoder
from scores.feed.status import FeedState
from scores.feed.turn import Turn
from scores.models import Result

SEEDS = 250
"""Of each block, in the short form."""
BLOCKS = 8
CONTROLLED = 250
"""As many seeds find every mistake that is made on purpose, the first block of the short form."""

TESTS = Path(__file__).parent.parent

FOUND = [2308, 6831]
"""Seeds of longer runs that something was found with."""


def replay(seed: int) -> str:
    return f"SCORES_SEED={seed} python -m pytest -n0 tests/faults/test_simulation.py -k one_seed"


def digest(run: Run) -> str:
    return hashlib.sha256(repr(run.trace).encode()).hexdigest()


@pytest.mark.parametrize("block", range(BLOCKS))
def test_what_the_feed_promised_is_in_the_store_once_whatever_happens(block: int) -> None:
    count = times(SEEDS)
    runs = [simulate(seed) for seed in range(block * count, (block + 1) * count)]
    wrong = [(run.seed, run.wrong[0]) for run in runs if run.wrong]
    note(
        fault=f"simulated feed, seeds {block * count} to {(block + 1) * count - 1}",
        injected=sum(run.faults for run in runs),
        in_flight=0,
        acknowledged=sum(run.events for run in runs),
        lost=sum(run.unrecorded for run in runs),
        doubled=0,
        longest_outage=0.0,
    )
    assert not wrong, f"{wrong[0][1]}; again with: {replay(wrong[0][0])}"


def test_one_seed() -> None:
    run = simulate(int(os.environ.get("SCORES_SEED", "0")))
    for line in run.trace:
        print(*line)  # noqa: T201  # shown for a seed that fails
    assert not run.wrong


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_does_not_come_back(seed: int) -> None:
    assert not simulate(seed).wrong


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_a_seed_gives_the_same_trace_again(seed: int) -> None:
    assert simulate(seed).trace == simulate(seed).trace


def test_another_process_gives_the_same_traces() -> None:
    seeds = range(10)
    code = (
        "from faults.test_simulation import digest, simulate\n"
        f"print(*(digest(simulate(seed)) for seed in {seeds!r}))"
    )
    environ = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == [digest(simulate(seed)) for seed in seeds]


def test_the_time_of_day_has_no_say() -> None:
    seeds = [seed for seed in range(200) if Plan.of(seed).jumps][:10]
    assert len(seeds) == 10
    for seed in seeds:
        assert simulate(seed).trace == simulate(seed, jumps=False).trace


def test_the_waits_are_spread_over_all_that_they_may_be() -> None:
    runs = [simulate(seed) for seed in range(100)]
    places = [
        (delay.seconds - delay.least) / (delay.most - delay.least)
        for run in runs
        for delay in run.delays
        if delay.most > delay.least
    ]
    assert len(places) > 50
    assert min(places) < 0.1
    assert max(places) > 0.9
    assert 0.3 < sum(places) / len(places) < 0.6


def test_the_seeds_meet_every_fault() -> None:
    counts = Counter(fault for seed in range(SEEDS) for fault in Plan.of(seed).faults)
    assert counts.keys() == FAULTS
    assert min(counts.values()) > SEEDS / 5


# Controls: the client with one mistake each, which some seed of the short form must find.


@asynccontextmanager
async def connect_but(url: str, **options: Any) -> AsyncIterator[AsyncIterator[bytes]]:
    async with connect(url, **options) as chunks:
        yield chunks


def mistake_in_connect(**changed: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def make(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(client, "connect", lambda url, **options: connect_but(url, **{**options, **changed}))

    return make


def position_first(patch: pytest.MonkeyPatch) -> None:
    take = FeedClient._take

    async def hasty(self: FeedClient, decoder: Decoder, chunk: bytes) -> None:
        # What the chunk comes to, found out by a decoder of its own.
        ahead = Decoder(last_event_id=decoder.last_event_id)
        ahead.feed(chunk)
        await self._move_to(ahead.last_event_id)
        await take(self, decoder, chunk)

    patch.setattr(FeedClient, "_take", hasty)


def waits_without_limit(patch: pytest.MonkeyPatch) -> None:
    def following(self: Backoff) -> float:
        self._attempts += 1
        return self._random.uniform(self._shortest, self._shortest * 2.0**self._attempts)

    patch.setattr(Backoff, "next", following)


def waits_that_never_begin_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "reset", lambda _: None)


def no_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "next", lambda _: 0.0)


def one_decoder_for_all(patch: pytest.MonkeyPatch) -> None:
    decoders: dict[object, Decoder] = {}

    def kept(**options: Any) -> Decoder:
        return decoders.setdefault(asyncio.get_running_loop(), Decoder(**options))

    patch.setattr(client, "Decoder", kept)


def events_dropped_when_the_store_is_away(patch: pytest.MonkeyPatch) -> None:
    async def once(self: FeedClient, results: Sequence[Result]) -> None:
        try:
            await self._store.record(results, repeats=self._config.repeats, lease=self._turn.lease)
        except LeaseLost:
            raise
        except StoreError:
            return
        self.status.recorded += len(results)

    patch.setattr(FeedClient, "_record", once)


def no_fence(patch: pytest.MonkeyPatch) -> None:
    async def record(self: FeedClient, results: Sequence[Result]) -> None:
        await self._insist(lambda: self._store.record(results, repeats=self._config.repeats))
        self.status.recorded += len(results)

    async def keep(self: Turn, position: str | None = None) -> None:
        await self._store.lease(self._feed, self._holder, seconds=3, position=position)

    patch.setattr(FeedClient, "_record", record)
    patch.setattr(Turn, "keep", keep)


def retry_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Decoder, "_read_retry", lambda *_: None)


def status_never_waits(patch: pytest.MonkeyPatch) -> None:
    become = FeedClient._become

    def cheerful(self: FeedClient, state: FeedState) -> None:
        become(self, FeedState.OPEN if state is FeedState.WAITING else state)

    patch.setattr(FeedClient, "_become", cheerful)


def deaf_once(patch: pytest.MonkeyPatch) -> None:
    run = FeedClient._run

    async def deaf(self: FeedClient, url: str) -> None:
        try:
            await run(self, url)
        except asyncio.CancelledError:
            self._closing = False
            await run(self, url)

    patch.setattr(FeedClient, "_run", deaf)


def two_at_once(patch: pytest.MonkeyPatch) -> None:
    listen = FeedClient._listen

    async def twice(self: FeedClient, url: str) -> None:
        async with asyncio.TaskGroup() as group:
            other = group.create_task(listen(self, url))
            await listen(self, url)
            other.cancel()

    patch.setattr(FeedClient, "_listen", twice)


def renews_all_the_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(client, "RENEW", 0)


def never_given_back(patch: pytest.MonkeyPatch) -> None:
    async def hang(_: Turn) -> None:
        await asyncio.sleep(60)

    patch.setattr(client, "RENEW", 30.0)
    patch.setattr(Turn, "give_back", hang)


MISTAKES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "the position is kept before the store has it": (position_first, "is not in the store"),
    "no idle timeout": (mistake_in_connect(idle_timeout=1e6), "has been silent for"),
    "a hasty idle timeout": (mistake_in_connect(idle_timeout=1.0), "gave up a connection after"),
    "no connect timeout": (mistake_in_connect(connect_timeout=1e6), "is connecting for"),
    "resumes without Last-Event-ID": (mistake_in_connect(last_event_id=""), "is not in the store"),
    "waits without a limit": (waits_without_limit, "before attempt"),
    "waits that never begin again": (waits_that_never_begin_again, "before attempt"),
    "no waits": (no_waits, "before attempt"),
    "a decoder for all connections": (one_decoder_for_all, "is not in the store"),
    "events dropped when the store is away": (events_dropped_when_the_store_is_away, "is not in the store"),
    "no fence": (no_fence, "had lost its turn"),
    "retry ignored": (retry_ignored, "where the feed asked for"),
    "a status that never waits": (status_never_waits, "says that it is open"),
    "closing waits for the store": (never_given_back, "closing took"),
    "closing is not heard": (deaf_once, "it goes on for"),
    "two connections at a time": (two_at_once, "while it is connected"),
    "a loop that waits for nothing": (renews_all_the_time, "turns of the loop at"),
}


@pytest.mark.parametrize(("mistake", "found"), MISTAKES.values(), ids=MISTAKES)
def test_control_a_mistake_is_found_by_some_seed(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], found: str
) -> None:
    mistake(monkeypatch)
    wrong: list[str] = []
    for seed in range(CONTROLLED):
        wrong += simulate(seed).wrong
        if any(found in one for one in wrong):
            break
    assert any(found in one for one in wrong), wrong
