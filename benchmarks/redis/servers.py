"""Whole servers under load: on Redis against on a dictionary, and on Redis that keeps a file.

The rule: all run side by side from beginning to end, and one at a time is loaded.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median

from benchmarks.redis.load import Load, load
from benchmarks.redis.process import AOF, fsync_ns, redis_server
from benchmarks.redis.turns import ratio, turns
from benchmarks.results import Row
from benchmarks.server import serving

__all__ = ["measure_aof", "measure_http"]


def measure_http(
    program: str, client: str, *, connections: Sequence[int], seconds: int, rounds: int
) -> list[Row]:
    """The figures of a server on `dict` and of one on Redis, for each number of connections."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(program))
        addresses = {name: stack.enter_context(serving(url)) for name, url in _stores(redis.url).items()}
        rows = [_compare("http", addresses, client, number, seconds, rounds) for number in connections]
    return [row for both in rows for row in both]


def measure_aof(
    program: str, client: str, *, connections: Sequence[int], seconds: int, rounds: int
) -> list[Row]:
    """The figures of a server on each kind of append-only file, for each number of connections."""
    sync = {"fsync_us": round(fsync_ns() / 1000)}
    with ExitStack() as stack:
        redis = {f"redis, {aof}": stack.enter_context(redis_server(program, aof=aof)) for aof in AOF}
        addresses = {name: stack.enter_context(serving(server.url)) for name, server in redis.items()}
        rows = [_compare("aof", addresses, client, number, seconds, rounds) for number in connections]
    return [{**row, **sync} for all_three in rows for row in all_three]


def _stores(url: str) -> dict[str, str]:
    return {"dict": "dict", "redis": url}


def _compare(
    part: str, addresses: Mapping[str, str], client: str, connections: int, seconds: int, rounds: int
) -> list[Row]:
    """A row for each server; ratios are to the first one."""
    taken: dict[str, list[Load]] = {name: [] for name in addresses}
    for address in addresses.values():
        load(client, address, connections=connections, seconds=1)
    for name in turns(list(addresses), rounds):
        taken[name].append(load(client, addresses[name], connections=connections, seconds=seconds))
    first = next(iter(taken.values()))
    about = {"part": part, "client": client, "connections": connections}
    return [{**about, "store": name, **_figures(loads, first)} for name, loads in taken.items()]


def _figures(loads: Sequence[Load], first: Sequence[Load]) -> Row:
    rates, errors = [round(one.requests_per_s) for one in loads], sum(one.errors for one in loads)
    return {
        "requests_per_s": round(median(rates)),
        "ratio": ratio(rates, [one.requests_per_s for one in first]),
        "p50_us": median(one.p50_us for one in loads),
        "p99_us": median(one.p99_us for one in loads),
        "errors": errors,
        "passed": errors == 0,
        "rounds": rates,
    }
