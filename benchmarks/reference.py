"""What the machine is worth at the moment: the peers' plain aiohttp handler, in turns with what is measured.

The rule: a rate by itself is the machine's as much as ours, and drifts with it; its ratio to what ran
beside it is what two machines can be compared by.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.load.load import default_client, load
from benchmarks.load.messages import posts
from benchmarks.peers.process import running
from benchmarks.peers.table import PEERS

__all__ = ["REFERENCE", "REFERENCE_METHOD", "reference"]

REFERENCE: Final = "aiohttp"
REFERENCE_METHOD: Final = (
    "In each round the peers' plain aiohttp handler on uvloop takes a turn as well: POST /scores on 32"
    " connections, two seconds; to_aiohttp is the ratio of the two medians."
)

_CONNECTIONS: Final = 32
_SECONDS: Final = 2


@contextmanager
def reference() -> Iterator[Callable[[], float]]:
    """Starts it, idle but for the calls of what is given: each is a turn, and gives the requests a second."""
    with running(PEERS[REFERENCE]) as server:
        requests = posts(server.address)

        def take_turn() -> float:
            return load(
                default_client(), server.address, requests, connections=_CONNECTIONS, seconds=_SECONDS
            ).requests_per_s

        yield take_turn
