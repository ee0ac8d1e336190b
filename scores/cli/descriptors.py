"""How many files and connections the process may have open (getrlimit(2), `ulimit -n`).

Rule: as many as the settings let in, where the system allows it: many shells start with 1024, a tenth of
the connections that there may be by default. What it does not allow is said at the start.
"""

import logging
from typing import Final

from scores.config import Config

try:
    import resource
except ImportError:  # not on this platform, which has no such limit
    resource = None  # type: ignore[assignment]  # a module or nothing

__all__ = ["raise_descriptors"]

_OTHER: Final = 100
"""Descriptors for all that is no client's connection: the store, the feed, files, the loop's own."""

log = logging.getLogger("scores")


def raise_descriptors(config: Config) -> None:
    """Raises the limit of this process, and so of those that it starts, to what the settings need."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = config.max_connections + _OTHER
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):
        # A system may allow less than it says.
        most = soft
    if most < needed:
        log.warning(
            "no more than %d files may be open, too few for %s=%d: see ulimit -n",
            most,
            config.source("max_connections"),
            config.max_connections,
        )
