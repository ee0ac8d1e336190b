"""One feed's client under test, and what may be asked of it at any moment.

Rule: what is required is what the documentation promises, and is measured from outside: by the clock, by the wires,
by the store, and by what the client says of itself.
"""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol, cast

from scores.config import Config
from scores.feed.client import FeedClient
from scores.feed.status import FeedState, FeedStatus
from scores.stores import Store
from support.simulation.plan import Plan
from support.simulation.store import Far, Recorded
from support.simulation.wire import Wire

__all__ = ["SLACK", "Delay", "Listener"]

SLACK: Final = 1e-6
"""Seconds by which sums of floats may differ."""


@dataclass(frozen=True, slots=True)
class Delay:
    """A wait between two attempts, and the bounds of its backoff."""

    seconds: float
    least: float
    most: float


class Witness(Protocol):
    """Who is told of what happens, and of what may not."""

    recorded: Recorded

    def now(self) -> float: ...
    def trace(self, *what: Any) -> None: ...
    def wrong(self, what: str) -> None: ...
    def waited(self, delay: Delay) -> None: ...


class Listener:
    """One feed's client, from its start to its end, and what is known of it from outside."""

    def __init__(self, world: Witness, far: Far, plan: Plan, random: Random) -> None:
        self.far = far
        self.wires: set[Wire] = set()
        self.connecting = False
        self.stopping = False
        self.stopped = asyncio.Event()
        self._world = world
        self._config = Config(**plan.settings)
        self._plan = plan
        self._state = FeedState.OFF
        self._noted_at = self._began = 0.0
        self._reconnects = self._attempts = self._heard = 0
        self.client = FeedClient(self._config, cast(Store, far), random=random, note=self._note)

    def _note(self, status: FeedStatus) -> None:
        """What the client says of itself, whenever it has changed."""
        time, world = self._world.now(), self._world
        if status.reconnects != self._reconnects:
            self._reconnects = status.reconnects
            self._waited(time - self._noted_at, status)
        if status.state is not self._state:
            self._state = status.state
            world.trace("state", status.state.value)
            if status.state is FeedState.WAITING and not [wire for wire in self.wires if wire.open]:
                self._attempt(status)
            if status.state is FeedState.CONNECTING:
                self._began, self.far.troubled = time, False
            if status.state is FeedState.STOPPED:
                self.stopped.set()
        self._noted_at = time
        recorded = world.recorded
        if recorded.number(status.last_event_id) > recorded.last:
            world.wrong("the status says that an event was recorded which was not")
        if status.recorded > status.received:
            world.wrong("more is said to be recorded than was received")

    def _attempt(self, status: FeedStatus) -> None:
        """Another connection failed, or ended: the first after one that brought events, or one more."""
        heard = status.received - status.rejected["size"] + status.ignored
        # Never fewer than there were: a wait that the loss of the turn ends counts too, and so may one for the store.
        self._attempts = 1 if heard != self._heard else self._attempts + 1
        self._heard = heard

    def _waited(self, seconds: float, status: FeedStatus) -> None:
        config, retry = self._config, 0.0
        if "retry" in self._plan.faults:
            retry = min(self._plan.retry / 1000, self._config.feed_retry_max)
        least = config.feed_backoff_min
        most = min(least * 2**self._attempts, config.feed_backoff_max)
        self._world.trace("waited", round(seconds, 6))
        if not least - SLACK <= seconds <= max(most, retry) + SLACK:
            self._world.wrong(
                f"waited {seconds:.3f} s before attempt {self._attempts}, not {least:g} to {most:g}"
            )
        if status.recorded and seconds < retry - SLACK:
            self._world.wrong(f"waited {seconds:.3f} s, where the feed asked for {retry:g}")
        if not retry:
            self._world.waited(Delay(seconds, least, most))

    def check(self) -> None:
        """What holds whenever nothing is left to do now."""
        wires = [wire for wire in self.wires if wire.open]
        if len(wires) + self.connecting > 1:
            self._world.wrong("two connections at a time")
        if self.stopping:
            return
        state = self.client.status.state
        if state is FeedState.OPEN:
            self._check_open(wires)
        elif state is FeedState.CONNECTING:
            self._check_connecting(wires)
        elif state is FeedState.WAITING and wires and not self.far.troubled:
            self._world.wrong("says that it waits, with a connection")
        if self.client.status.pending_since and not (self.far.asking or self.far.troubled):
            self._world.wrong("says that something waits for the store, and nothing does")

    def _check_open(self, wires: list[Wire]) -> None:
        wrong, far = self._world.wrong, self.far
        if not (wires or far.asking):
            wrong("says that it is open, without a connection")
        if far.troubled:
            wrong("says that it is open, while the store refuses what it has")
        elif wires and not far.asking:
            silent = self._world.now() - wires[0].taken_at
            if silent > self._config.feed_idle_timeout + SLACK:
                wrong(f"keeps a connection that has been silent for {silent:.3f} s")

    def _check_connecting(self, wires: list[Wire]) -> None:
        seconds = self._world.now() - self._began
        if seconds > self._config.feed_connect_timeout + SLACK:
            self._world.wrong(f"is connecting for {seconds:.3f} s")
        if not (wires or self.connecting):
            self._world.wrong("says that it connects, and does not")

    def left(self, wire: Wire) -> None:
        """The connection is over; the client closed it unless the feed did."""
        self.wires.discard(wire)
        self._world.trace("left", wire.number)
        if wire.ended or self.stopping or self.far.lost_at == self._world.now():
            return
        config, time = self._config, self._world.now()
        if self._state is FeedState.OPEN and time - wire.taken_at < config.feed_idle_timeout - SLACK:
            self._world.wrong(f"gave up a connection after {time - wire.taken_at:.3f} s of silence")
