"""One load on one server, with what it took of the processor on both sides.

The rule: the client and the server have a core each, and whoever fills its own sets the pace. A rate
that the client set says nothing about the server, so it is told apart.
"""

import resource
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter
from typing import Final

from benchmarks.awake import awake_seconds
from benchmarks.cores import cores, on_core
from benchmarks.load.answers import Answers
from benchmarks.load.own import load_by_own
from benchmarks.load.wrk import load_by_wrk
from benchmarks.results import Row
from benchmarks.usage import cpu_seconds, machine_seconds

__all__ = ["BOTTLENECK", "CLIENTS", "Load", "bottleneck", "default_client", "figures", "load"]

CLIENTS: Final = ("wrk", "own")
BOTTLENECK: Final = (
    "client_cpu, server_cpu, others_cpu: the shares of a core that the two, and all else on the machine,"
    " took; bottleneck: whose core was full, and so set the pace: generator (95 % of its core and the server"
    " less than 90 % of its own: the rate is a lower bound of the server's), server (90 %), or neither (each"
    " waits for the other, or others have the core)"
)

_FULL_CLIENT: Final = 0.95
_FULL_SERVER: Final = 0.90
_TIMES: Final = ("p50_us", "p90_us", "p99_us", "p99_9_us", "max_us")


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it, and the shares of a core that it took."""

    answers: Answers
    client_cpu: float
    server_cpu: float | None
    """None where it cannot be known."""
    others_cpu: float | None
    """Of everything else on the machine; None likewise."""

    @property
    def requests_per_s(self) -> float:
        """The rate."""
        return self.answers.requests / self.answers.seconds


def default_client() -> str:
    """wrk, unless it is not installed."""
    return "wrk" if shutil.which("wrk") else "own"


def load(
    client: str,
    address: str,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: int,
    pid: int | None = None,
) -> Load:
    """Loads the server at the address, whose process has this id, with one of the `CLIENTS`."""
    send = load_by_wrk if client == "wrk" else load_by_own
    with on_core(cores().client):
        start, before = perf_counter(), _Spent.now(pid)
        answers = send(address, requests, connections=connections, seconds=seconds)
        wall, after = perf_counter() - start, _Spent.now(pid)
    return Load(answers, *after.shares(before, wall))


@dataclass(frozen=True, slots=True)
class _Spent:
    """CPU time so far, in seconds."""

    client: float
    server: float | None
    machine: float | None

    @classmethod
    def now(cls, pid: int | None) -> "_Spent":
        # The client: this process, or those that it has waited for.
        taken = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        client = sum(one.ru_utime + one.ru_stime for one in taken)
        machine = machine_seconds()
        return cls(
            client,
            None if pid is None else cpu_seconds(pid),
            None if machine is None else machine - awake_seconds(),
        )

    def shares(self, before: "_Spent", wall: float) -> tuple[float, float | None, float | None]:
        """The shares of a core that client, server and others have taken since then."""
        client = (self.client - before.client) / wall
        if self.server is None or before.server is None:
            return client, None, None
        server = (self.server - before.server) / wall
        if self.machine is None or before.machine is None:
            return client, server, None
        # The clocks differ in their ticks.
        return client, server, max((self.machine - before.machine) / wall - client - server, 0.0)


def bottleneck(client_cpu: float, server_cpu: float | None) -> str:
    """Who sets the pace: `generator`, `server`, `neither`, or `unknown` where the server's share is."""
    if server_cpu is None:
        return "unknown"
    if server_cpu >= _FULL_SERVER:
        return "server"
    return "generator" if client_cpu >= _FULL_CLIENT else "neither"


def figures(loads: Sequence[Load]) -> Row:
    """The medians of several rounds, and how far the rates spread."""
    rates, answers = [round(one.requests_per_s) for one in loads], [asdict(one.answers) for one in loads]
    client = round(median(one.client_cpu for one in loads), 2)
    server = _share([one.server_cpu for one in loads])
    errors = sum(one.answers.errors for one in loads)
    return {
        "requests_per_s": round(median(rates)),
        "low": min(rates),
        "high": max(rates),
        **{name: median(one[name] for one in answers) for name in _TIMES},
        "errors": errors,
        "client_cpu": client,
        "server_cpu": server,
        "others_cpu": _share([one.others_cpu for one in loads]),
        "bottleneck": bottleneck(client, server),
        "passed": errors == 0 and min(rates) > 0,
        "rounds": rates,
    }


def _share(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return round(median(known), 2) if known else None
