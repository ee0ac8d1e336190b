"""Whole servers under load: on Redis against on a dictionary, and on Redis that keeps a file.

The rule: all run side by side from beginning to end, and one at a time is loaded.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchmarks.bulk import measure_bulk
from benchmarks.lines import ANSWERS
from benchmarks.load.load import Load, figures, load
from benchmarks.load.messages import posts
from benchmarks.redis.process import AOF, fsync_ns, redis_server
from benchmarks.results import Row
from benchmarks.server import Server, serving
from benchmarks.turns import ratio, turns

__all__ = ["measure_aof", "measure_http", "measure_streams"]


def measure_http(
    program: str, client: str, *, connections: Sequence[int], seconds: int, rounds: int
) -> list[Row]:
    """The figures of a server on `dict` and of one on Redis, for each number of connections."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(program))
        servers = {name: stack.enter_context(serving(url)) for name, url in _stores(redis.url).items()}
        rows = [_compare("http", servers, client, number, seconds, rounds) for number in connections]
    return [row for both in rows for row in both]


def measure_aof(
    program: str, client: str, *, connections: Sequence[int], seconds: int, rounds: int
) -> list[Row]:
    """The figures of a server on each kind of append-only file, for each number of connections."""
    sync = {"fsync_us": round(fsync_ns() / 1000)}
    with ExitStack() as stack:
        redis = {f"redis, {aof}": stack.enter_context(redis_server(program, aof=aof)) for aof in AOF}
        servers = {name: stack.enter_context(serving(server.url)) for name, server in redis.items()}
        rows = [_compare("aof", servers, client, number, seconds, rounds) for number in connections]
    return [{**row, **sync} for all_three in rows for row in all_three]


def measure_streams(program: str, *, lines: int, rounds: int) -> list[Row]:
    """The figures of `bulk` for a server on `dict` and for one on Redis."""
    with redis_server(program) as redis:
        names = {url: name for name, url in _stores(redis.url).items()}
        rows = measure_bulk(list(names), answers=list(ANSWERS), lines=lines, rounds=rounds)
    return [{"part": "bulk", **row, "store": names[str(row["store"])]} for row in rows]


def _stores(url: str) -> dict[str, str]:
    return {"dict": "dict", "redis": url}


def _compare(
    part: str, servers: Mapping[str, Server], client: str, connections: int, seconds: int, rounds: int
) -> list[Row]:
    """A row for each server; ratios are to the first one."""

    def turn(server: Server, seconds: int) -> Load:
        requests = posts(server.address)
        return load(
            client, server.address, requests, connections=connections, seconds=seconds, pid=server.pid
        )

    taken: dict[str, list[Load]] = {name: [] for name in servers}
    for server in servers.values():
        turn(server, 1)
    for name in turns(list(servers), rounds):
        taken[name].append(turn(servers[name], seconds))
    first = [one.requests_per_s for one in next(iter(taken.values()))]
    about = {"part": part, "client": client, "connections": connections}
    return [{**about, "store": name, **_figures(loads, first)} for name, loads in taken.items()]


def _figures(loads: Sequence[Load], first: Sequence[float]) -> Row:
    return {"ratio": ratio([one.requests_per_s for one in loads], first), **figures(loads)}
