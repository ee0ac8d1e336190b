"""A real redis cluster on loopback, whose slots can be moved while it is used."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Unpack

from support.redis_config import HOST, KEEPER, Options, configured
from support.redis_servers import RedisServer, hold_port, redis_server, until

__all__ = ["SLOTS", "Cluster", "redis_cluster"]

SLOTS = 16384
CLUSTER = {
    "cluster-enabled": "yes",
    "cluster-node-timeout": 1500,  # milliseconds
    "cluster-replica-validity-factor": 0,  # a replica takes over however old its data
    "cluster-allow-replica-migration": "no",
}


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes in their order at the start: the masters by their slots, then their replicas, in turns."""

    nodes: tuple[RedisServer, ...]
    masters: tuple[RedisServer, ...]

    @property
    def url(self) -> str:
        """Three of the nodes are enough to find the others."""
        return "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in self.nodes[:3])

    @property
    def awake(self) -> list[RedisServer]:
        return [node for node in self.nodes if node.awake]

    async def node_of(self, slot: int) -> RedisServer:
        """Who serves the slot now: of those that say so themselves, the one with the newest claim."""
        claims = [(await _itself(node), node) for node in self.awake]
        owners = [(int(claim["epoch"]), node) for claim, node in claims if _covers(claim["slots"], slot)]
        if not owners:
            raise LookupError(f"no node serves slot {slot}")
        return max(owners, key=lambda owner: owner[0])[1]

    async def healthy(self) -> None:
        """Waits until all nodes that are awake know all nodes and agree on the slots, which are all served."""
        await until(self._is_healthy)

    async def migrate(
        self,
        slot: int,
        target: RedisServer,
        *,
        between: Callable[[], Awaitable[None]] | None = None,
        batch: int = 10,
    ) -> None:
        """Moves the slot with its keys, `batch` at a time, as the cluster specification has it.

        `between` is awaited before each batch and once before the end, while the slot is neither here nor there.
        """
        source = await self.node_of(slot)
        source_id, target_id = await _id(source), await _id(target)
        await target.command("CLUSTER SETSLOT", slot, "IMPORTING", source_id)
        await source.command("CLUSTER SETSLOT", slot, "MIGRATING", target_id)
        pause = between or _nothing
        await pause()
        while await _move_keys(slot, batch, source=source, target=target):
            await pause()
        # The target first: were it the last, nobody would serve the slot in between.
        others = [node for node in self.awake if node not in (source, target) and await _is_master(node)]
        for node in (target, source, *others):
            await node.command("CLUSTER SETSLOT", slot, "NODE", target_id)

    async def _is_healthy(self) -> bool:
        awake = self.awake
        ports = {node.port for node in awake}
        views = {await _view(node) for node in awake}
        up = await self._all_known() and all([await _is_up(node) for node in awake])
        return up and len(views) == 1 and all(master in ports for _, _, master, *_ in views.pop())

    async def _all_known(self) -> bool:
        known = [await _known(node) for node in self.awake]
        return all(
            len(nodes) == len(self.nodes) and not any("handshake" in node["flags"] for node in nodes)
            for nodes in known
        )


@asynccontextmanager
async def redis_cluster(
    masters: int = 3, replicas: int = 0, **options: Unpack[Options]
) -> AsyncIterator[Cluster]:
    """A healthy cluster with that many replicas of each master; the options are for all nodes."""
    async with AsyncExitStack() as stack:
        nodes, buses = [], []
        for _ in range(masters * (1 + replicas)):
            buses.append(stack.enter_context(hold_port()).getsockname()[1])
            node = redis_server(**configured(options, {**CLUSTER, "cluster-port": buses[-1]}))
            nodes.append(await stack.enter_async_context(node))
        cluster = Cluster(tuple(nodes), tuple(nodes[:masters]))
        await _share(cluster)
        await _introduce(cluster, buses)
        await cluster.healthy()
        yield cluster


async def _share(cluster: Cluster) -> None:
    """Gives each master its slots, and each node an epoch of its own, so that they need not argue about it."""
    for epoch, node in enumerate(cluster.nodes, 1):
        await node.command("CLUSTER SET-CONFIG-EPOCH", epoch)
    count = len(cluster.masters)
    for index, master in enumerate(cluster.masters):
        first, end = SLOTS * index // count, SLOTS * (index + 1) // count
        await master.command("CLUSTER ADDSLOTSRANGE", first, end - 1)


async def _introduce(cluster: Cluster, buses: list[int]) -> None:
    first, *others = cluster.nodes
    for node, bus in zip(others, buses[1:], strict=True):
        await first.command("CLUSTER MEET", HOST, node.port, bus)
    await until(cluster._all_known)
    count = len(cluster.masters)
    for index, replica in enumerate(cluster.nodes[count:]):
        await replica.command("CLUSTER REPLICATE", await _id(cluster.masters[index % count]))


async def _move_keys(slot: int, batch: int, *, source: RedisServer, target: RedisServer) -> bool:
    """Whether there were keys left to move."""
    keys = await source.command("CLUSTER GETKEYSINSLOT", slot, batch)
    if keys:
        await source.command("MIGRATE", HOST, target.port, "", 0, 5000, "AUTH2", *KEEPER, "KEYS", *keys)
    return bool(keys)


async def _known(node: RedisServer) -> list[dict[str, Any]]:
    return list((await node.command("CLUSTER NODES")).values())


async def _itself(node: RedisServer) -> dict[str, Any]:
    return next(known for known in await _known(node) if "myself" in known["flags"])


async def _id(node: RedisServer) -> str:
    return str((await _itself(node))["node_id"])


async def _is_master(node: RedisServer) -> bool:
    return "master" in (await _itself(node))["flags"]


async def _is_up(node: RedisServer) -> bool:
    """Whether it finds the cluster in order and, as a replica, is connected to its master."""
    cluster = await node.command("CLUSTER INFO")
    replication = await node.command("INFO", "replication")
    return (cluster["cluster_state"], replication.get("master_link_status", "up")) == ("ok", "up")


async def _view(node: RedisServer) -> frozenset[tuple[int, ...]]:
    """What the node takes for true: the first and last slot of each range, the master's port, the replicas'."""
    ranges = await node.command("CLUSTER SLOTS")
    return frozenset(
        (first, last, master[1], *sorted(replica[1] for replica in replicas))
        for first, last, master, *replicas in ranges
    )


def _covers(ranges: list[list[str]], slot: int) -> bool:
    return any(int(ends[0]) <= slot <= int(ends[-1]) for ends in ranges)
