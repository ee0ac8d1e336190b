"""The sockets that a server listens on, apart from whoever accepts on them.

Rule: a client that the kernel has let in is answered: whoever stops accepting first takes in all that
still wait, since a socket that closes resets them.
"""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from scores.errors import ConfigError, InUse

__all__ = ["accepting", "address_of", "bind", "is_loopback", "location", "refusal_to_listen"]

_BACKLOG: Final = 1024
"""Connections that the kernel holds until they are accepted."""


async def bind(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address that the host has; whoever asks for them closes them.

    Raises `ConfigError` when nothing can listen there: `InUse` while another does.
    """
    loop, sockets = asyncio.get_running_loop(), list[socket.socket]()
    try:
        # The loop knows how to bind to all of a name's addresses; its server is not what is wanted.
        server = await loop.create_server(
            asyncio.Protocol, host, port, reuse_address=os.name == "posix", start_serving=False
        )
        try:
            sockets += [socket.socket(fileno=os.dup(bound.fileno())) for bound in server.sockets]
        finally:
            server.close()
        for listening in sockets:
            listening.setblocking(False)
            listening.listen(_BACKLOG)
    except (OSError, ValueError) as exc:
        # ValueError: a name that no resolver would be asked for.
        for listening in sockets:
            listening.close()
        raise refusal_to_listen(host, port, exc) from exc
    return sockets


@asynccontextmanager
async def accepting(
    factory: Callable[[], asyncio.Protocol], sockets: Sequence[socket.socket]
) -> AsyncIterator[None]:
    """Has the factory make a protocol for each client within `async with`; leaving closes the sockets."""
    loop, servers = asyncio.get_running_loop(), list[asyncio.Server]()
    try:
        for listening in sockets:
            servers.append(await loop.create_server(factory, sock=listening.dup(), backlog=_BACKLOG))
        yield
    finally:
        for server in servers:
            server.close()
        last = [client for listening in sockets for client in _close(listening)]
        # One that has already left is no error.
        await asyncio.gather(
            *(loop.connect_accepted_socket(factory, client) for client in last), return_exceptions=True
        )


def location(sockets: Sequence[socket.socket]) -> str:
    """The address of the first of these sockets, `http://host:port`."""
    return address_of(*sockets[0].getsockname()[:2])


def address_of(host: str, port: int) -> str:
    """The address of a server that listens there, `http://host:port`."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches a server at that address, `http://host:port`."""
    return ip_address(urlsplit(address).hostname or "").is_loopback


def refusal_to_listen(host: str, port: int, exc: Exception) -> ConfigError:
    """What is said when nothing can listen there."""
    reason = getattr(exc, "strerror", None) or exc
    sentence = f"cannot listen on {host!a} port {port}: {reason}; choose another with --host and --port"
    if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
        return InUse(sentence, port=port)
    return ConfigError(sentence)


def _close(listening: socket.socket) -> list[socket.socket]:
    """Closes the socket, and gives the clients that still waited there."""
    with listening:
        return list(_waiting(listening))


def _waiting(listening: socket.socket) -> Iterator[socket.socket]:
    while True:
        try:
            yield listening.accept()[0]
        except OSError:
            # Nobody is left, or nobody more can be taken in.
            return
