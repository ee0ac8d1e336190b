"""`python -m benchmarks redis`: its parts, and what they are measured with."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from redis.exceptions import RedisError

from benchmarks.command import Command, add_client, add_rounds, positive
from benchmarks.errors import BenchmarkError
from benchmarks.load.load import BOTTLENECK
from benchmarks.redis.adding import measure_adding
from benchmarks.redis.memory import EXAMS, measure_memory
from benchmarks.redis.process import find_program, redis_server
from benchmarks.redis.servers import measure_aof, measure_http, measure_streams
from benchmarks.results import Row

__all__ = ["COMMAND", "Plan", "measure_redis"]

_METHOD: Final = (
    "Every part starts its own redis-server on the loopback, without snapshots, and but for aof without"
    " an append-only file. Contenders take turns, round by round; a figure is the median of the rounds,"
    " and a ratio is one of two medians of the same run. add: so many callers in one process on one"
    " event loop, each awaiting Store.add before it calls again, against each awaiting HINCRBY of a"
    " redis.asyncio.Redis with a connection for every caller; 1,000 UUIDs; cpu_us: CPU time of that"
    " process a call; exact: Redis has every score that was acknowledged, once. http: POST /scores to"
    " `scores serve` on dict and on Redis, by wrk with one thread, or the benchmark's own client, on the"
    " same machine; a connection sends its next request when the last is answered; errors: statuses from"
    " 400 on, and what was never answered. aof: the same on Redis without an append-only file, with"
    " appendfsync everysec, and with always; fsync_us: the median time of fdatasync after a small write"
    " in the same directory. bulk: as `python -m benchmarks bulk`, on dict and on Redis. memory: growth"
    " of used_memory (INFO) by the inspectors or results, which have ids of 36 characters; a student has"
    f" results in {EXAMS} exams. " + BOTTLENECK + "."
)

_PARTS: Final = ("add", "http", "aof", "bulk", "memory")
_CALLERS: Final = (1, 32, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, how long, and with what."""

    parts: Sequence[str]
    callers: Sequence[int]
    """At once: tasks in the part add, connections in http and aof."""
    seconds: int
    """That each turn takes."""
    rounds: int
    keys: int
    """In the part memory."""
    lines: int
    """In the part bulk."""
    program: str
    """redis-server."""
    client: str
    """Of the parts http and aof."""


def measure_redis(plan: Plan) -> list[Row]:
    """The figures of each part, after a row of versions."""
    program = find_program(plan.program)
    try:
        return [_versions(program), *(row for part in plan.parts for row in _measure(part, program, plan))]
    except RedisError as exc:
        raise BenchmarkError(f"Redis failed: {exc}") from exc


def _measure(part: str, program: str, plan: Plan) -> list[Row]:
    if part == "memory":
        return measure_memory(program, keys=plan.keys)
    if part == "bulk":
        return measure_streams(program, lines=plan.lines, rounds=plan.rounds)
    if part == "add":
        return measure_adding(program, callers=plan.callers, seconds=plan.seconds, rounds=plan.rounds)
    measure = measure_http if part == "http" else measure_aof
    return measure(program, plan.client, connections=plan.callers, seconds=plan.seconds, rounds=plan.rounds)


def _versions(program: str) -> Row:
    with redis_server(program) as server:
        return {
            "part": "versions",
            "redis-server": server.version,
            "redis": version("redis"),
            "hiredis": version("hiredis"),
        }


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--part", action="append", choices=_PARTS, help="part, may be repeated (all of them)")
    default = ", ".join(map(str, _CALLERS))
    add("--callers", action="append", type=positive, help=f"calls at once, may be repeated ({default})")
    add_rounds(command, seconds=5, rounds=5)
    add("--keys", type=positive, default=1_000_000, help="inspectors, and results, in memory (%(default)s)")
    add("--lines", type=positive, default=300_000, help="scores of each stream in bulk (%(default)s)")
    add_client(command)
    add("--redis-server", metavar="PATH", default="redis-server", help="the program (%(default)s)")


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_redis(
        Plan(
            parts=arguments.part or _PARTS,
            callers=arguments.callers or _CALLERS,
            seconds=arguments.seconds,
            rounds=arguments.rounds,
            keys=arguments.keys,
            lines=arguments.lines,
            program=arguments.redis_server,
            client=arguments.client,
        )
    )


COMMAND: Final = Command(
    name="redis",
    about="the Redis store: rates, durability, memory",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("--seconds", "1", "--rounds", "1", "--callers", "4", "--keys", "500", "--lines", "2000"),
)
