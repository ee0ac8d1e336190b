"""The access log: a line for each request that was answered, by whichever way.

Rule: it says what was asked for, and nothing that was said: no query, no field, no body, so that no token
can be in it.
"""

import logging
from typing import Final, NamedTuple

from scores.config import Config
from scores.tracing import Trace

__all__ = ["AccessLog", "Entry", "access_log", "remote"]

log: Final = logging.getLogger("scores.access")


class Entry(NamedTuple):
    """One request and its answer."""

    remote: str
    """The client's address, or the proxy's."""
    method: str
    path: str
    """As it was sent, percent-encoded, without the query."""
    version: str
    """`HTTP/1.1`."""
    route: str
    status: int
    bytes: int
    """Of the answer, with its head."""
    duration: float
    """Seconds."""
    trace: Trace


class AccessLog:
    """Writes the lines."""

    def write(self, entry: Entry) -> None:
        """Logs a request."""
        log.info(
            '%s "%s %s %s" %d %d %.6f',
            *entry[:4],
            entry.status,
            entry.bytes,
            entry.duration,
            extra={"entry": entry},
        )


def access_log(config: Config) -> AccessLog | None:
    """The access log, if the settings want one."""
    return AccessLog() if config.access_log and log.isEnabledFor(logging.INFO) else None


def remote(peername: object) -> str:
    """The address of a peer as its transport names it; `-` where it has none."""
    if isinstance(peername, (tuple, list)):
        return str(peername[0])
    return str(peername or "-")
