"""The one place that knows redis-py: commands out, replies or `Failure`s back.

Rule: no error of the driver leaves this file, nothing is ever sent twice here (the driver's own retries
are off), and of each command that failed it is known whether it may have been carried out.
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hiredis import pack_command
from redis import exceptions as errors
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from scores.stores.redis.options import Options

__all__ = ["Away", "Command", "Failure", "Link", "NoScript", "Unmet", "open_link"]

Command = tuple[str | bytes | int, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A command that was not answered, or was refused."""

    reason: str
    """A clause for people, without passwords."""
    lost: bool = False
    """Whether it may have been carried out all the same."""
    passing: bool = True
    """Whether it may succeed soon, with nobody doing anything."""


class NoScript(Failure):
    """The server has not got the script (any more): it was not run."""


class Away(Failure):
    """No answer, or from a server that is not what it was: it must be looked at again."""


class Unmet(Failure):
    """The connection is a new one: the server must be looked at first. Nothing was sent."""


class Link(Protocol):
    """A way to one Redis, or to all nodes of a cluster."""

    connections: int
    """Made so far: a new one may lead to a server that was started anew, or to another."""

    async def refresh(self) -> Failure | None:
        """Finds out where everything is; None when it could."""
        ...

    def route(self, key: str) -> str:
        """A name for the node that has the key: commands for one node can go together."""
        ...

    def masters(self) -> list[str]:
        """The routes of all nodes that take writes."""
        ...

    async def exchange(self, route: str, commands: Sequence[Command], *, met: int | None = None) -> list[Any]:
        """The reply to each command, or its `Failure`; all go to one node, in order, on one connection.

        They are `Unmet` if more connections were made than the `met` that led to servers known by now.
        """
        ...

    async def close(self) -> None:
        """Closes all connections."""
        ...


def open_link(options: Options) -> Link:
    """The link that the options ask for; nothing is connected yet."""
    if options.scheme == "redis+cluster":
        return _ClusterLink(options)
    return _ServerLink(options)


class _ServerLink:
    def __init__(self, options: Options) -> None:
        self.connections = 0
        self._clients = _clients(options, self._connected)
        self._pool = self._clients[0].connection_pool

    async def _connected(self, connection: AbstractConnection) -> None:
        await connection.on_connect()
        self.connections += 1

    async def refresh(self) -> Failure | None:
        return None

    def route(self, key: str) -> str:  # noqa: ARG002  # there is only one
        return ""

    def masters(self) -> list[str]:
        return [""]

    async def exchange(
        self,
        route: str,  # noqa: ARG002  # likewise
        commands: Sequence[Command],
        *,
        met: int | None = None,
    ) -> list[Any]:
        try:
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]  # it has no types
        except _DRIVER_ERRORS as exc:
            return [_failure(exc, sent=False)] * len(commands)
        if met not in (None, self.connections):
            await self._pool.release(connection)
            return [Unmet("the connection is a new one")] * len(commands)
        replies: list[Any] = []
        try:
            await connection.send_packed_command(_packed(commands), check_health=False)
            while len(replies) < len(commands):
                try:
                    replies.append(await connection.read_response())
                except errors.ResponseError as exc:
                    replies.append(_failure(exc, sent=True))
        except _DRIVER_ERRORS as exc:
            await connection.disconnect()
            replies += [_failure(exc, sent=True)] * (len(commands) - len(replies))
        finally:
            await self._pool.release(connection)
        return replies

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


class _ClusterLink:
    # A connection that was lost is found out by a command that fails on it: there is nothing to count.
    connections = 0

    def __init__(self, options: Options) -> None:
        self._options = options
        self._cluster = _cluster(options)

    async def refresh(self) -> Failure | None:
        try:
            await self._cluster.initialize()
            await self._cluster.nodes_manager.initialize()
        except _DRIVER_ERRORS:
            # It asks the nodes that it knows by now: they may all be gone, and others be where the URL says.
            return await self._begin_anew()
        return None

    async def _begin_anew(self) -> Failure | None:
        cluster = _cluster(self._options)
        try:
            await cluster.initialize()
        except _DRIVER_ERRORS as exc:
            await cluster.aclose()
            return _failure(exc, sent=False)
        old, self._cluster = self._cluster, cluster
        with suppress(*_DRIVER_ERRORS):
            await old.aclose()
        return None

    def route(self, key: str) -> str:
        try:
            node = self._cluster.get_node_from_key(key)
        except errors.SlotNotCoveredError:
            return ""
        return "" if node is None else str(node.name)

    def masters(self) -> list[str]:
        return [str(node.name) for node in self._cluster.get_primaries()]

    async def exchange(
        self,
        route: str,
        commands: Sequence[Command],
        *,
        met: int | None = None,  # noqa: ARG002  # nothing is counted
    ) -> list[Any]:
        cluster = self._cluster
        node = cluster.get_node(node_name=route) if route else None
        if node is None:
            return [Away("no node of the cluster has that part of the keys")] * len(commands)
        pipeline = cluster.pipeline()
        for command in commands:
            pipeline.execute_command(*command, target_nodes=node)
        try:
            replies = await pipeline.execute(raise_on_error=False, allow_redirections=False)
        except _DRIVER_ERRORS as exc:
            return [_failure(exc, sent=not _is_refusal(exc))] * len(commands)
        for reply in replies:
            if isinstance(reply, errors.MovedError):
                await cluster.nodes_manager.move_slot(reply)
        return [_failure(reply, sent=True) if isinstance(reply, Exception) else reply for reply in replies]

    async def close(self) -> None:
        with suppress(*_DRIVER_ERRORS):
            # What cannot be closed in good order is gone anyway.
            await self._cluster.aclose()


_DRIVER_ERRORS: Final = (errors.RedisError, errors.RedisClusterException, OSError, TimeoutError)

_WRAPPERS: Final = (errors.RedisClusterException, errors.ConnectionError)
"""What redis-py makes of an error that came up while it was connecting."""

_CHANGED: Final = (errors.BusyLoadingError, errors.ReadOnlyError, errors.ClusterDownError)
"""Not carried out, by a server that is loading, or has been failed over."""

_UNWELCOME: Final = (errors.AuthenticationError, errors.AuthorizationError, errors.NoPermissionError)

_MOVING: Final = (errors.TryAgainError, errors.AskError)
"""Not carried out, as its slot moves or has moved (MOVED is an AskError here)."""

_PASSING_CODES: Final = ("NOREPLICAS", "MISCONF", "BUSY", "MASTERDOWN", "UNBLOCKED", "FAILOVER", "STALE")


def _unchanged(reply: Any, **_options: Any) -> Any:
    return reply


def _packed(commands: Sequence[Command]) -> bytes:
    """The commands as they go over the wire (RESP); redis-py packs asynchronous ones in Python."""
    return b"".join(pack_command(command) for command in commands)  # type: ignore[arg-type]  # it takes any length


def _is_refusal(exc: BaseException | None) -> bool:
    """Whether nobody listens there, so that nothing can have been sent."""
    while exc is not None:
        if isinstance(exc, ConnectionRefusedError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _failure(exc: BaseException, *, sent: bool) -> Failure:  # noqa: PLR0911  # one line an outcome
    # A Sentinel's error goes on with a dump of its client.
    text = str(exc).partition(" : <")[0] or type(exc).__name__
    if isinstance(exc, _WRAPPERS) and isinstance(exc.__cause__, errors.RedisError):
        return _failure(exc.__cause__, sent=sent)
    if "Cluster mode is not enabled" in text:
        return Failure("this Redis is no cluster: the store must be written as redis://…", passing=False)
    if isinstance(exc, errors.NoScriptError):
        return NoScript(text)
    if isinstance(exc, _UNWELCOME):
        return Failure(f"Redis does not let us in: {text}", passing=False)
    if isinstance(exc, errors.OutOfMemoryError):
        return Failure("Redis has no memory left (maxmemory)", passing=False)
    if isinstance(exc, _CHANGED):
        return Away(f"Redis cannot do it now: {text}")
    if isinstance(exc, _MOVING) or text.startswith(_PASSING_CODES) or "non local key" in text:
        return Failure(f"Redis cannot do it now: {text}")
    if isinstance(exc, errors.ResponseError):
        return Failure(f"Redis refused: {text}", lost=sent, passing=False)
    return Away(f"Redis does not answer: {text}", lost=sent)


def _common(options: Options) -> dict[str, Any]:
    return {
        "username": options.username,
        "password": options.password,
        "socket_timeout": options.timeout / 2,
        "socket_connect_timeout": options.timeout / 2,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "client_name": "scores",
    }


def _tls(options: Options) -> dict[str, Any]:
    if not options.tls:
        return {}
    return {
        "ssl_ca_certs": options.tls_ca,
        "ssl_certfile": options.tls_cert,
        "ssl_keyfile": options.tls_key,
        "ssl_cert_reqs": ssl.CERT_REQUIRED if options.tls_verify else ssl.CERT_NONE,
        "ssl_check_hostname": options.tls_verify,
    }


def _cluster(options: Options) -> RedisCluster:
    cluster = RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in options.nodes],
        require_full_coverage=False,
        ssl=options.tls,
        **_common(options),
        **_tls(options),
    )
    # A reply is what the server sent, here as on one server.
    cluster.response_callbacks["INFO"] = _unchanged
    return cluster


def _clients(options: Options, connected: Callable[[AbstractConnection], Awaitable[None]]) -> list[Redis]:
    """The client that the commands go to, and after it those of the sentinels who know where that is."""
    common = {"db": options.db, "redis_connect_func": connected, **_common(options)}
    if options.path is not None:
        return [Redis(unix_socket_path=options.path, **common)]
    common |= {"ssl": options.tls, **_tls(options)}
    if options.scheme != "redis+sentinel":
        host, port = options.nodes[0]
        return [Redis(host=host, port=port, **common)]
    own = {
        "db": 0,
        "redis_connect_func": None,
        "username": options.sentinel_username,
        "password": options.sentinel_password,
    }
    sentinels = Sentinel(options.nodes, sentinel_kwargs=common | own)  # type: ignore[no-untyped-call]  # it has no types
    return [sentinels.master_for(options.service, **common), *sentinels.sentinels]
