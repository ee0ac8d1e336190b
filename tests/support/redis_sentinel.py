"""A master, its replica, and three sentinels that watch them: a real failover within seconds."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Unpack

from support.redis_config import HOST, KEEPER, Options, configured
from support.redis_servers import RedisServer, redis_server, until

__all__ = ["SERVICE", "SentinelSetup", "sentinel_setup"]

SERVICE = "scores"
SENTINELS = 3
QUORUM = 2
# In milliseconds, and mostly shorter than usual: the sentinels find each other, and notice what happens, sooner.
# The news of a replica counts for 5 ping periods, and comes once a second when its master is down.
PERIODS = {
    "info-period": 500,
    "ping-period": 400,
    "ask-period": 100,
    "publish-period": 200,
    "min-link-reconnect-period": 1000,
    "tilt-period": 1000,
}


@dataclass(frozen=True, slots=True)
class SentinelSetup:
    """The master and the replica are named after the roles they start with."""

    master: RedisServer
    replica: RedisServer
    sentinels: tuple[RedisServer, ...]

    @property
    def url(self) -> str:
        addresses = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{addresses}/{SERVICE}"

    async def master_port(self) -> int:
        """That of the master, as the first sentinel that is awake knows it now."""
        sentinel = next(sentinel for sentinel in self.sentinels if sentinel.awake)
        _, port = await sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port)


@asynccontextmanager
async def sentinel_setup(**options: Unpack[Options]) -> AsyncIterator[SentinelSetup]:
    """A setup whose sentinels agree and whose replica has all; the options are for the master and the replica."""
    async with AsyncExitStack() as stack:

        async def started(**settings: Unpack[Options]) -> RedisServer:
            return await stack.enter_async_context(redis_server(**settings))

        master = await started(**options)
        replica = await started(**configured(options, {"replicaof": f"{HOST} {master.port}"}))
        # A sentinel asks the master for its replicas only now and then: it is there before the first time.
        await until(partial(_has_replica, master))
        sentinels = [await started(sentinel=True, config=_watch(master)) for _ in range(SENTINELS)]
        for sentinel in sentinels:
            await sentinel.command("SENTINEL", "DEBUG", *(word for item in PERIODS.items() for word in item))
        for sentinel in sentinels:
            await until(partial(_is_informed, sentinel))
        yield SentinelSetup(master, replica, tuple(sentinels))


def _watch(master: RedisServer) -> Mapping[str, object]:
    username, password = KEEPER
    return {
        f"sentinel monitor {SERVICE}": f"{HOST} {master.port} {QUORUM}",
        f"sentinel auth-user {SERVICE}": username,
        f"sentinel auth-pass {SERVICE}": password,
        f"sentinel down-after-milliseconds {SERVICE}": 500,
        f"sentinel failover-timeout {SERVICE}": 2000,
    }


async def _has_replica(master: RedisServer) -> bool:
    replication = await master.command("INFO", "replication")
    return "slave0" in replication and replication["slave0"]["state"] == "online"


async def _is_informed(sentinel: RedisServer) -> bool:
    watched = await sentinel.command("SENTINEL MASTER", SERVICE)
    known = (watched["num-slaves"], watched["num-other-sentinels"], watched["flags"])
    return known == (1, SENTINELS - 1, "master")
