"""What is asked of a Redis before it is used: its version, its mode, its layout, and what its word is worth.

Rule: what only an operator can mend is a `ConfigError`; a Redis that cannot answer now is a `StoreError`.
"""

import logging
import re
from contextlib import suppress
from typing import Any, Final

from scores.errors import ConfigError, StoreError
from scores.stores.redis.driver import Command, Failure, Link
from scores.stores.redis.layout import MAX_SHARDS, VERSION, Layout
from scores.stores.redis.options import Options

__all__ = ["Greeting"]

log = logging.getLogger(__name__)

_OLDEST: Final = (7, 0)
_DEFAULT_SHARDS: Final = 64

_WORTH: Final = {
    "always": "on Redis' disk (appendfsync always)",
    "everysec": "in Redis' memory, and on its disk within a second or two (appendfsync everysec)",
    "off": "in Redis' memory only, and lost when it stops, but for a snapshot (no append-only file)",
    "unknown": "as safe as Redis' configuration makes it, which we may not read (CONFIG GET)",
}
"""By durability, the weakest last: where a score is once it is acknowledged."""

_PAIR: Final = 2
"""A name and its value: what CONFIG GET answers."""

_RANKS: Final = {"unknown": 0, "off": 0, "everysec": 1, "always": 2}


class Greeting:
    """Looks at a Redis, or at the masters of a cluster, and remembers what was found."""

    def __init__(self, link: Link, options: Options) -> None:
        self._link = link
        self._options = options
        self._durability = ""
        self._agreed = False
        self.runs: dict[str, str] = {}
        """By route, a name that the server there has had since it was started."""
        self.layout = Layout(options.prefix, options.shards or _DEFAULT_SHARDS)

    async def meet(self) -> set[str]:
        """The routes to the masters that answered; the others are visited when they are needed.

        Raises `StoreError` when it cannot be done now, `ConfigError` when Redis cannot be used as it is.
        """
        await self._refresh()
        visited = set()
        for route in self._link.masters():
            with suppress(StoreError):
                await self._look_at(route)
                visited.add(route)
        await self._agree()
        return visited

    async def visit(self, route: str) -> None:
        """Looks again at one master that was away; raises as `meet` does."""
        await self._refresh()
        await self._look_at(route)
        if route == self._link.route(self.layout.meta):
            await self._agree()

    async def _refresh(self) -> None:
        failure = await self._link.refresh()
        if failure is not None:
            raise _error(failure)

    async def _look_at(self, route: str) -> None:
        info, *config = await self._link.exchange(
            route, [("INFO",), ("CONFIG", "GET", "appendonly"), ("CONFIG", "GET", "appendfsync")]
        )
        if isinstance(info, Failure):
            raise _error(info)
        if not isinstance(info, bytes):
            raise ConfigError("what answers there is no Redis")
        facts = dict(re.findall(r"^(\w+):(.*?)\r?$", info.decode("utf-8", "replace"), re.MULTILINE))
        self._check_server(facts)
        self.runs[route] = facts.get("run_id", "")
        durability = _durability(config)
        if _RANKS[durability] < _RANKS[self._options.require_aof]:
            raise ConfigError(
                f"{self._options.required_by}={self._options.require_aof} is not met:"
                f" an acknowledged score is {_WORTH[durability]};"
                f" Redis needs `appendonly yes` and `appendfsync {self._options.require_aof}`"
            )
        if facts.get("maxmemory", "0") != "0" and facts.get("maxmemory_policy") != "noeviction":
            log.warning(
                "store: Redis may throw away what it keeps (maxmemory-policy %s): set noeviction",
                facts.get("maxmemory_policy"),
            )
        if durability != self._durability:
            level = logging.WARNING if durability == "off" else logging.INFO
            log.log(level, "store: an acknowledged score is %s", _WORTH[durability])
            self._durability = durability

    def _check_server(self, facts: dict[str, str]) -> None:
        version = facts.get("redis_version", "")
        numbers = tuple(int(number) for number in re.findall("[0-9]+", version)[:2])
        if numbers < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            raise ConfigError(
                f"Redis {version or 'of an unknown version'} is too old: it must be {oldest} or later"
            )
        clustered = facts.get("cluster_enabled") == "1"
        if clustered != (self._options.scheme == "redis+cluster"):
            what, scheme = ("a node of a cluster", "redis+cluster") if clustered else ("no cluster", "redis")
            raise ConfigError(f"this Redis is {what}: the store must be written as {scheme}://…")

    async def _agree(self) -> None:
        """Writes down how the layout is made, or takes over what is written there."""
        name = self.layout.meta
        commands: list[Command] = [
            ("HSETNX", name, "version", VERSION),
            ("HSETNX", name, "shards", self.layout.shards),
            ("HMGET", name, "version", "shards"),
        ]
        replies = await self._link.exchange(self._link.route(name), commands)
        for reply in replies:
            if isinstance(reply, Failure):
                raise _error(reply)
        version, shards = (int(text) if text.isdigit() else 0 for text in replies[-1])
        if not (version and 0 < shards <= MAX_SHARDS):
            raise ConfigError(
                f"{name} in Redis is damaged: it must have a version, and shards up to {MAX_SHARDS}"
            )
        if version != VERSION:
            raise ConfigError(f"{name} in Redis has layout {version}: this version of scores knows {VERSION}")
        wanted = self.layout.shards if self._agreed else self._options.shards or shards
        if shards != wanted:
            raise ConfigError(f"shards={wanted} is not allowed: the data in Redis is cut in {shards}")
        if not self._agreed:
            self.layout = Layout(self._options.prefix, shards)
            self._agreed = True


def _durability(config: list[Any]) -> str:
    if any(not isinstance(reply, list) or len(reply) != _PAIR for reply in config):
        return "unknown"
    appendonly, appendfsync = (str(reply[1], "utf-8", "replace") for reply in config)
    return appendfsync if appendonly == "yes" and appendfsync in _RANKS else "off"


def _error(failure: Failure) -> ConfigError | StoreError:
    return StoreError(failure.reason) if failure.passing else ConfigError(failure.reason)
