"""Reads and writes of a store that has met its Redis, each to the unit that has the keys.

A unit is what one script can reach: everything on one server, one shard in a cluster.
"""

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from scores.stores.observed import Watcher
from scores.stores.redis.delivery import Delivery, Reader, Writer
from scores.stores.redis.lanes import Lanes
from scores.stores.redis.layout import Layout
from scores.stores.redis.options import Options
from scores.stores.redis.session import Session

__all__ = ["Traffic"]

Argument = str | bytes | int


class Traffic:
    """The two lanes of each node, one for reads and one for writes."""

    def __init__(self, session: Session, layout: Layout, options: Options) -> None:
        self.layout = layout
        self.clustered: Final = options.scheme == "redis+cluster"
        self.units: Final = range(layout.shards if self.clustered else 1)
        self._session = session
        self._options = options
        self._writer = Writer(layout.bases)
        self.name: Final = self._writer.name
        self._writes = self._lanes(self._writer)
        self._reads = self._lanes(Reader(layout.bases))

    def unit_of(self, shard: int) -> int:
        """The unit that has the shard."""
        return shard if self.clustered else 0

    def bases_of(self, unit: int) -> list[str]:
        """What the keys in a unit begin with, shard by shard."""
        return [self.layout.bases[unit]] if self.clustered else list(self.layout.bases)

    def write(self, shard: int, *arguments: Argument, weight: int = 1) -> Awaitable[Any]:
        """The answer to an operation of write.lua on a shard."""
        return self._writes.ask(self.unit_of(shard), arguments, weight)

    def write_all(self, unit: int, arguments: Sequence[Argument], operations: int) -> Awaitable[list[Any]]:
        """The answers to several operations of write.lua on a unit, all in one script call; each weighs 1."""
        return self._writes.ask(unit, arguments, operations, operations=operations)

    def read(self, unit: int, *arguments: Argument, weight: int = 1) -> Awaitable[Any]:
        """The answer to an operation of read.lua on a unit."""
        return self._reads.ask(unit, arguments, weight)

    def read_shard(self, shard: int, *arguments: Argument, weight: int = 1) -> Awaitable[Any]:
        """The answer to an operation of read.lua on a shard."""
        return self.read(self.unit_of(shard), *arguments, weight=weight)

    def run_of(self, unit: int) -> str:
        """A name that the server with the unit has had since it was started."""
        return self._session.run_of(self._route(unit))

    def observe(self, *, reads: Watcher | None, writes: Watcher | None) -> None:
        """Has these told of batches from now on."""
        self._reads.watcher, self._writes.watcher = reads, writes

    async def close(self) -> None:
        """Lets what is under way finish."""
        await self._writes.close()
        await self._reads.close()

    def _lanes(self, caller: Reader | Writer) -> Lanes:
        delivery = Delivery(
            self._session,
            caller,
            route=self._route,
            patience=self._options.timeout,
            failed=lambda unit, reason: lanes.fail_waiting(unit, reason),  # noqa: PLW0108  # lanes comes next
        )
        lanes = Lanes(route=self._route, send=delivery.send, limit=self._options.queue)
        return lanes

    def _route(self, unit: int) -> str:
        return self._session.link.route(self.layout.bases[unit])
