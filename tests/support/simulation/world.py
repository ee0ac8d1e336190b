"""One run: servers with a feed's client each, one store, one feed, and the invariants that hold at every moment.

Rule: everything that happens follows from the seed, and is in `Run.trace`; what may not happen is in `Run.wrong`.
What is required is what the documentation promises (docs/explanation/feed.md), measured from outside of the client.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from scores.feed.status import FeedState
from scores.feed.turn import RENEW, SECONDS
from scores.testing.oracle import Oracle, exact_mean
from support.simulation.clock import VirtualLoop, WallClock, virtual_time
from support.simulation.feed import SimulatedFeed
from support.simulation.listener import SLACK, Delay, Listener
from support.simulation.plan import SLOWEST, Plan, Stop, Trouble
from support.simulation.store import Far, Recorded, now
from support.simulation.wire import Wire

__all__ = ["Run", "simulate"]

MENDED: Final = 120.0
"""Seconds after the last fault by which everything must be recorded: every wait there is, one after another."""
REST: Final = 20.0
"""Seconds for which a client that was told to stop is watched: it must not ask again."""
CLOSING: Final = 2 * SLOWEST + RENEW + SLACK
"""Seconds that closing may take: a write that is under way, and giving the turn back."""

LISTENER: ContextVar[Listener] = ContextVar("LISTENER")


@dataclass(slots=True)
class Run:
    """What came of a seed."""

    seed: int
    trace: list[tuple[Any, ...]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    delays: list[Delay] = field(default_factory=list)
    connections: int = 0
    faults: int = 0
    """How often anything went wrong."""
    events: int = 0
    unrecorded: int = 0
    seconds: float = 0.0
    """How long it lasted, in virtual time."""


def simulate(seed: int, *, jumps: bool = True) -> Run:
    """The run of that seed; without its jumps of the wall clock, if asked to."""
    return _World(Plan.of(seed), jumps=jumps).run()


class _Net:
    """The way from the clients to the feed."""

    def __init__(self, world: "_World") -> None:
        self._world = world

    async def connect(self, _address: Any) -> None:
        """As `Network.connect`."""
        listener = LISTENER.get()
        world = self._world
        if [wire for wire in listener.wires if wire.open] or listener.connecting:
            world.wrong("connects while it is connected")
        if listener.client.status.state is FeedState.STOPPED:
            world.wrong("connects after it was told to stop")
        fate = world.feed.fate("refuse", "hole", "wait")
        world.result.connections += 1
        world.trace("connects", fate)
        listener.connecting = True
        try:
            if fate == "refuse":
                raise ConnectionRefusedError(111, "Connection refused")
            if fate == "hole":
                await asyncio.get_running_loop().create_future()
            if fate == "wait":
                await asyncio.sleep(world.random.uniform(0, 6))
        finally:
            listener.connecting = False

    def open(self, protocol: asyncio.Protocol) -> Wire:
        """As `Network.open`."""
        listener, world = LISTENER.get(), self._world
        wire = Wire(world.loop, protocol, world.left)
        wire.number = world.result.connections
        listener.wires.add(wire)
        world.serve(wire, listener)
        return wire


class _World:
    """Everything there is while one plan runs."""

    def __init__(self, plan: Plan, *, jumps: bool) -> None:
        self.result = Run(plan.seed)
        self.loop = VirtualLoop(_Net(self), self._still)
        self.random = Random(f"world/{plan.seed}")
        self.recorded = Recorded(plan, self.wrong, self.trace)
        self.feed = SimulatedFeed(
            plan, self.loop, known=lambda: bool(self.recorded.position), trace=self.trace
        )
        self._plan = plan
        self._jumps = plan.jumps if jumps else ()
        self._wall = WallClock(self.loop.time)
        self._listeners: list[Listener] = []
        self._serving: dict[Wire, tuple[Listener, asyncio.Task[None]]] = {}
        self._done = asyncio.Event()
        self._away: set[int] = set()
        """Servers that cannot reach the store; -1 is all of them."""

    def now(self) -> float:
        return self.loop.time()

    def trace(self, *what: Any) -> None:
        self.result.trace.append((round(self.loop.time(), 6), *what))

    def wrong(self, what: str) -> None:
        self.result.wrong.append(f"{self.loop.time():.3f} s: {what}")
        # There is nothing to be learned from what follows.
        self._done.set()

    def waited(self, delay: Delay) -> None:
        self.result.delays.append(delay)

    def run(self) -> Run:
        """Runs it to its end."""
        self.recorded.moved = self._look
        self.loop.set_exception_handler(lambda _, context: self.wrong(f"unhandled: {context}"))
        try:
            with virtual_time(self.loop, self._wall), _quiet(self.wrong):
                self.loop.run_until_complete(self._main())
        except AssertionError as exc:
            self.result.wrong.append(f"{type(exc).__name__}: {exc}")
        finally:
            self.loop.end()
        self.result.seconds = self.loop.time()
        self.result.events = len(self._plan.events)
        self.result.faults += self.feed.struck + self.recorded.struck
        return self.result

    async def _main(self) -> None:
        plan = self._plan
        tasks = [asyncio.create_task(self._server(number, stops)) for number, stops in enumerate(plan.stops)]
        tasks += [asyncio.create_task(self._trouble(trouble)) for trouble in plan.troubles]
        tasks += [asyncio.create_task(self._jump(*jump)) for jump in self._jumps]
        with suppress(TimeoutError):
            async with asyncio.timeout_at(plan.calm + MENDED):
                await self._done.wait()
        if not self.result.wrong:
            self._check_end()
        self._done.set()
        await asyncio.wait(tasks)
        for task in tasks:
            task.result()
        for _, serving in self._serving.values():
            serving.cancel()
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task(), *(task for _, task in self._serving.values())}
        if left:
            self.wrong(f"left running: {left}")

    # The servers.

    async def _server(self, number: int, stops: Sequence[Stop]) -> None:
        for stop in [*stops, Stop(1e9, killed=False, pause=0)]:
            await self._listen(number, stop)
            if self._done.is_set():
                return
            await asyncio.sleep(stop.pause)

    async def _listen(self, number: int, stop: Stop) -> None:
        """One client, until it is stopped; another in its place where the feed has ended this one."""
        while not self._done.is_set():
            random = Random(f"client/{self._plan.seed}/{len(self._listeners)}")
            far = Far(self.recorded, self._plan, random, lambda: not self._away.isdisjoint((-1, number)))
            listener = Listener(self, far, self._plan, random)
            self._listeners.append(listener)
            LISTENER.set(listener)
            over = await self._lifetime(listener, stop)
            self._listeners.remove(listener)
            if over:
                return

    async def _lifetime(self, listener: Listener, stop: Stop) -> bool:
        """From the client's start to its end; says whether its server is stopped with it."""
        began = 0.0
        async with listener.client.listening():
            over = await self._until(stop.at, listener.stopped)
            if not over:
                await self._until(min(stop.at, self.now() + REST))
            listener.stopping = True
            if over and stop.killed:
                self._kill(listener)
            began = self.now()
        if self.now() - began > CLOSING:
            self.wrong(f"closing took {self.now() - began:.3f} s")
        if listener.wires or listener.connecting:
            self.wrong("a connection outlives its client")
        if listener.client.status.state is not FeedState.STOPPED:
            self.wrong("a client that has ended says otherwise")
        return over

    def _kill(self, listener: Listener) -> None:
        listener.far.dead = True
        for wire in list(listener.wires):
            wire.reset()

    async def _until(self, at: float, *events: asyncio.Event) -> bool:
        """Waits until then, or until everything is over: True; or for one of the events: False."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._done, *events)]
        await asyncio.wait(waiting, timeout=max(0.0, at - self.now()), return_when=asyncio.FIRST_COMPLETED)
        happened = any(event.is_set() for event in events) and not self._done.is_set()
        for one in waiting:
            one.cancel()
        return not happened

    # The troubles.

    async def _trouble(self, trouble: Trouble) -> None:
        if await self._until(trouble.at) and self._done.is_set():
            return
        self.trace(trouble.kind, trouble.server)
        self.result.faults += 1
        if trouble.kind == "thief":
            await self._steal(trouble)
            return
        who = -1 if trouble.kind == "outage" else trouble.server
        self._away.add(who)
        await self._until(trouble.at + trouble.seconds)
        self._away.discard(who)

    async def _steal(self, trouble: Trouble) -> None:
        """Another reader, which reads nothing: it keeps the turn for a while as soon as it is free."""
        holder, feed = f"thief {trouble.at}", self._plan.settings["feed"]
        while self.now() < trouble.at + trouble.seconds and not self._done.is_set():
            self.recorded.lease(feed, holder, seconds=SECONDS)
            await asyncio.sleep(RENEW / 2)
        if self.recorded.lease(feed, holder, seconds=0) is not None:
            self.trace("given back")

    async def _jump(self, at: float, seconds: float) -> None:
        await self._until(at)
        self._wall.offset += seconds

    # The feed.

    def serve(self, wire: Wire, listener: Listener) -> None:
        self._serving[wire] = listener, self.loop.create_task(self.feed.serve(wire))

    def left(self, wire: Wire) -> None:
        listener, task = self._serving.pop(wire)
        task.cancel()
        listener.left(wire)

    # What must hold.

    def _still(self) -> None:
        for listener in self._listeners:
            listener.check()

    def _look(self) -> None:
        events = self._plan.events
        if self.recorded.last == len(events) and self.recorded.number(self.recorded.position) == len(events):
            self._done.set()

    def _check_end(self) -> None:
        recorded, events = self.recorded, self._plan.events
        if recorded.last < len(events):
            self.result.unrecorded = len(events) - recorded.last
            self.wrong(f"event {recorded.last + 1} of {len(events)} is not in the store")
            return
        oracle = Oracle()
        for event in events:
            oracle.record(event.result, self._plan.settings["repeats"])
        for name in {event.result.student_id for event in events}:
            report, expected = now(recorded.store.student(name, limit=100)), oracle.of_student(name)
            found = {} if report is None else {one.exam: one.score for one in report.results.items}
            if found != expected or report is None or report.student.average != exact_mean(expected.values()):
                self.wrong(f"{name} has {found}, not {expected}")


class _quiet(logging.Handler):  # noqa: N801  # it is used as a statement
    """Within it nothing is logged, and what would be logged as an error is wrong."""

    def __init__(self, wrong: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._wrong = wrong
        self._loggers = [logging.getLogger(name) for name in ("scores.feed", "aiohttp_sse_client", "asyncio")]
        self._levels = [logger.level for logger in self._loggers]

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("aiohttp_sse_client"):
            self._wrong(f"logged: {record.getMessage()} {record.exc_info}")

    def __enter__(self) -> None:
        for logger in self._loggers:
            logger.setLevel(logging.ERROR)
            logger.propagate = False
            logger.addHandler(self)

    def __exit__(self, *_: object) -> None:
        for logger, level in zip(self._loggers, self._levels, strict=True):
            logger.setLevel(level)
            logger.propagate = True
            logger.removeHandler(self)
