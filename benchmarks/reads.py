"""The rate of `GET` for one inspector, one student and one exam, on the express lane and off it.

The rule: all servers run side by side with the same content, and one at a time is loaded, in turns.
What a page of a long listing costs against a short one is measured by `pages`.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from benchmarks.command import EMBEDDED, Command, add_client, add_connections, add_rounds, add_store
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.load.load import BOTTLENECK, Load, figures, load
from benchmarks.load.messages import UUIDS, gets, posts, put
from benchmarks.load.own import send_all
from benchmarks.progress import Progress
from benchmarks.results import Row
from benchmarks.server import Server, serving
from benchmarks.turns import ratio, turns

__all__ = ["COMMAND", "Plan", "measure_reads"]

_STUDENTS: Final = 100
_EXAMS: Final = 10

_METHOD: Final = (
    f"Servers on each store, with SCORES_EXPRESS on and off, hold {len(UUIDS):,} inspectors, and"
    f" {_STUDENTS} students who have results in {_EXAMS} exams. GET /inspectors/(UUID), /students/(id) and"
    " /exams/(number) are sent for all of these in turn; the answers for a student and an exam hold their"
    " results. to_off: the ratio to the same without the express lane. Servers take turns, and every turn"
    " begins with a second that is not counted; figures are medians of the rounds. " + BOTTLENECK + "."
)

_TARGETS: Final[Mapping[str, Sequence[str]]] = {
    "/inspectors": [f"/inspectors/{uuid}" for uuid in UUIDS],
    "/students": [f"/students/student-{number}" for number in range(_STUDENTS)],
    "/exams": [f"/exams/{number}" for number in range(_EXAMS)],
}
_LANES: Final = ("on", "off")
_WARM_UP: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, how long, and with what."""

    stores: Sequence[str]
    client: str
    connections: Sequence[int]
    seconds: int
    rounds: int


def measure_reads(plan: Plan) -> list[Row]:
    """A row for each store, target, number of connections and lane."""
    return [row for store in plan.stores for row in _measure(store, plan)]


def _measure(store: str, plan: Plan) -> Iterator[Row]:
    with ExitStack() as stack:
        servers = {lane: stack.enter_context(serving(store, SCORES_EXPRESS=lane)) for lane in _LANES}
        for server in servers.values():
            _fill(server.address)
        for target in _TARGETS:
            for connections in plan.connections:
                about = {"store": store, "target": target, "connections": connections}
                yield from _compare(about, servers, plan, target, connections)


def _fill(address: str) -> None:
    results = [
        put(
            address, f"/exams/{exam}/results/student-{student}", f'{{"score":{(student + exam) % 100 / 100}}}'
        )
        for exam in range(_EXAMS)
        for student in range(_STUDENTS)
    ]
    requests = [*posts(address), *results]
    with on_core(cores().client), Progress("reads, filling", len(requests)) as progress:
        if send_all(address, requests, connections=1, progress=progress).errors:
            raise BenchmarkError(f"{address} refused what it was to be filled with")


def _compare(
    about: Row, servers: Mapping[str, Server], plan: Plan, target: str, connections: int
) -> Iterator[Row]:
    def turn(server: Server, seconds: int) -> Load:
        requests = gets(server.address, _TARGETS[target])
        return load(
            plan.client, server.address, requests, connections=connections, seconds=seconds, pid=server.pid
        )

    taken: dict[str, list[Load]] = {lane: [] for lane in servers}
    for lane in turns(list(servers), plan.rounds):
        turn(servers[lane], _WARM_UP)
        taken[lane].append(turn(servers[lane], plan.seconds))
    rates = {lane: [one.requests_per_s for one in loads] for lane, loads in taken.items()}
    for lane, loads in taken.items():
        to_off = ratio(rates[lane], rates["off"])
        yield {**about, "client": plan.client, "express": lane, "to_off": to_off, **figures(loads)}


def _options(command: argparse.ArgumentParser) -> None:
    add_store(command)
    add_client(command)
    add_connections(command, 1, 32)
    add_rounds(command, seconds=3, rounds=3)


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_reads(
        Plan(
            stores=arguments.store or EMBEDDED,
            client=arguments.client,
            connections=arguments.connections,
            seconds=arguments.seconds,
            rounds=arguments.rounds,
        )
    )


COMMAND: Final = Command(
    name="reads",
    about="GET: rate, on and off the express lane",
    method=_METHOD,
    options=_options,
    run=_run,
    awake=True,
    tiny=("--store", "dict", "--connections", "4", "--seconds", "1", "--rounds", "1"),
)
