"""`python -m benchmarks peers`: all contenders take turns under the same load."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from benchmarks.command import Command, add_connections, add_rounds
from benchmarks.errors import BenchmarkError
from benchmarks.load.load import BOTTLENECK, CLIENTS, Load, default_client, figures, load
from benchmarks.load.messages import posts
from benchmarks.peers.correct import check_job
from benchmarks.peers.installed import versions
from benchmarks.peers.process import running
from benchmarks.peers.table import PEERS, Peer
from benchmarks.progress import Progress
from benchmarks.results import Row
from benchmarks.server import Server
from benchmarks.turns import ratio, turns

__all__ = ["COMMAND", "Plan", "measure_peers"]

_METHOD: Final = (
    "POST /scores of JSON with a UUID and a score; both members are checked the framework's normal way, a"
    " count and a sum are kept in a dictionary, and the mean is answered as JSON. Every contender is one"
    " process with one worker and without an access log, on a core of its own; the client has another. All"
    " are started once and stay, idle but for their turns. Before anything is measured each has to answer"
    " the right means and to refuse invalid scores with 4xx, but for nginx, which answers a constant of the"
    " same size to everything: not the job, but what the machine and the client allow. In every round each"
    " takes a turn, each round begins with another, and every turn begins with a second that is not"
    " counted. Each connection sends its next request when the last is answered: the bodies of a thousand"
    " UUIDs in turn. Figures are medians of the rounds; low and high: the slowest and the fastest round;"
    " to_aiohttp, to_nginx: ratios of two medians of one run; errors: statuses from 400 on, and no answers."
    " wrk corrects its percentiles for what it would have sent while it waited, and counts no connection that"
    " ends without an answer; our own client does the opposite of both. " + BOTTLENECK + "."
)

_WARM_UP: Final = 1
_BASES: Final = ("aiohttp", "nginx")
_BOTH: Final = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, and for how long."""

    peers: Sequence[Peer]
    connections: Sequence[int]
    clients: Sequence[str]
    seconds: int
    """Of each turn."""
    rounds: int


@dataclass(frozen=True, slots=True)
class _Contender:
    server: Server
    versions: Mapping[str, str]


def measure_peers(plan: Plan) -> list[Row]:
    """A row for each contender and load, and one for each that could not be measured, which says why."""
    contenders: dict[str, _Contender] = {}
    with ExitStack() as stack:
        absent = [row for peer in plan.peers for row in _enter(peer, stack, contenders)]
        rows = list(_rows(plan, contenders)) if contenders else []
    return [*rows, *absent]


def _enter(peer: Peer, stack: ExitStack, contenders: dict[str, _Contender]) -> list[Row]:
    """Has the contender take part, or gives the row that says why it does not."""
    found = versions(peer)
    if found is None:
        return [{"peer": peer.name, "status": "not installed", "needs": ", ".join(peer.needs)}]
    with ExitStack() as own:
        try:
            server = own.enter_context(running(peer))
            if peer.does_the_job:
                check_job(peer.name, server.address)
        except BenchmarkError as exc:
            return [_failure(peer.name, exc, found)]
        stack.enter_context(own.pop_all())
    contenders[peer.name] = _Contender(server, found)
    return []


def _failure(name: str, exc: BenchmarkError, found: Mapping[str, str]) -> Row:
    return {"peer": name, "status": "failed", "why": str(exc), "versions": found, "passed": False}


def _rows(plan: Plan, contenders: Mapping[str, _Contender]) -> Iterator[Row]:
    failures: dict[str, Row] = {}
    for client in plan.clients:
        for connections in plan.connections:
            fit = {name: one for name, one in contenders.items() if name not in failures}
            taken = _take_turns(plan, fit, failures, client, connections)
            yield from _compare(taken, contenders, client, connections)
    yield from failures.values()


def _take_turns(
    plan: Plan,
    contenders: Mapping[str, _Contender],
    failures: dict[str, Row],
    client: str,
    connections: int,
) -> dict[str, list[Load]]:
    """What each did in all rounds; who fails in one is left out, and is among the failures."""
    taken: dict[str, list[Load]] = {name: [] for name in contenders}
    with Progress(f"peers, turns on {connections} by {client}", plan.rounds * len(contenders)) as progress:
        for done, name in enumerate(turns(list(contenders), plan.rounds)):
            progress.reached(done)
            if name in failures:
                continue
            try:
                taken[name].append(_turn(contenders[name].server, client, connections, plan.seconds))
            except BenchmarkError as exc:
                failures[name] = _failure(name, exc, contenders[name].versions)
    return {name: loads for name, loads in taken.items() if name not in failures}


def _turn(server: Server, client: str, connections: int, seconds: int) -> Load:
    address, pid = server
    requests = posts(address)
    load(client, address, requests, connections=connections, seconds=_WARM_UP)
    done = load(client, address, requests, connections=connections, seconds=seconds, pid=pid)
    if not done.answers.requests:
        raise BenchmarkError(f"{address} answered nothing in {seconds} s")
    return done


def _compare(
    taken: Mapping[str, Sequence[Load]],
    contenders: Mapping[str, _Contender],
    client: str,
    connections: int,
) -> Iterator[Row]:
    rates = {name: [one.requests_per_s for one in loads] for name, loads in taken.items()}
    for name, loads in taken.items():
        ratios = {f"to_{base}": ratio(rates[name], rates[base]) if base in rates else None for base in _BASES}
        about = {"peer": name, "client": client, "connections": connections, "status": "measured"}
        yield {**about, **ratios, **figures(loads), "versions": contenders[name].versions}


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--peer", action="append", choices=PEERS, help="contender, may be repeated (all of them)")
    add_connections(command, 1, 32)
    add_rounds(command, seconds=5, rounds=5)
    add(
        "--client",
        choices=(*CLIENTS, _BOTH),
        default=default_client(),
        help="what loads the servers (wrk where it is installed, else own); both: one after the other, to"
        " check them against each other",
    )


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_peers(
        Plan(
            peers=[PEERS[name] for name in arguments.peer or PEERS],
            connections=arguments.connections,
            clients=CLIENTS if arguments.client == _BOTH else (arguments.client,),
            seconds=arguments.seconds,
            rounds=arguments.rounds,
        )
    )


COMMAND: Final = Command(
    name="peers",
    about="the same job on other frameworks",
    method=_METHOD,
    options=_options,
    run=_run,
    awake=True,
    tiny=("--connections", "4", "--seconds", "1", "--rounds", "1"),
)
