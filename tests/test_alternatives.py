"""What the README says of the alternatives and of the stores, as far as it can be computed: sums and ratios."""

import json
import math
import random
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from support.redis_servers import redis_server

from scores import exact

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

# One command for each score, as if they had come one by one; the total in the end.
ADDED = "local t; for i = 2, #ARGV do t = redis.call('HINCRBYFLOAT', KEYS[1], ARGV[1], ARGV[i]) end; return t"


def sets(count: int) -> Iterator[tuple[list[float], float]]:
    """Sets of 10 to 200 doubles from 0 to 1, each with the double nearest to its mean."""
    numbers = random.Random(1)
    for _ in range(count):
        drawn = [numbers.random() for _ in range(numbers.randint(10, 200))]
        yield drawn, float(sum(map(Fraction, drawn)) / len(drawn))


def cell(row: str, column: int) -> str:
    """What a table of the README has there; the row is the beginning of its first cell."""
    (line,) = re.findall(rf"^\| {re.escape(row)}.*$", README, re.MULTILINE)
    return str(line.split("|")[column + 1].strip())


def rates(name: str, key: str) -> dict[Any, float]:
    """Requests a second on 32 connections of a committed result."""
    figures = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())["figures"]
    return {one[key]: one["requests_per_s"] for one in reversed(figures) if one["connections"] == 32}


def test_a_sum_by_hand_is_wrong_in_three_sets_of_four_and_ours_in_none() -> None:
    by_hand = ours = 0
    for drawn, mean in sets(400):
        by_hand += sum(drawn) / len(drawn) != mean
        ours += exact.mean(sum(map(exact.term, drawn))) != mean
    assert "in 3 sets of 4" in cell("an average", 1)
    assert math.isclose(by_hand / 400, 3 / 4, abs_tol=0.05)
    assert ours == 0


async def test_redis_alone_is_wrong_in_one_set_of_four() -> None:
    wrong = 0
    async with redis_server() as server, Redis.from_url(server.url) as redis:
        add = redis.register_script(ADDED)
        for number, (drawn, mean) in enumerate(sets(400)):
            total = await add(["totals"], [number, *map(repr, drawn)])
            wrong += float(total) / len(drawn) != mean
    assert "in 1 of 4" in cell("an average", 2)
    assert math.isclose(wrong / 400, 1 / 4, abs_tol=0.05)


def test_the_ratios_to_others_are_those_of_the_committed_result() -> None:
    rate = rates("peers", "peer")
    ours = rate["scores"]
    frameworks = rate.keys() - {"scores", "scores-express-off", "by-hand", "nginx"}
    said = f"FastAPI {rate['fastapi'] / ours:.2f}, Flask {rate['flask'] / ours:.2f}"
    assert cell("POSTs a second", 1) == said
    assert f"{ours / max(rate[name] for name in frameworks):.1f} times the requests" in README
    assert f"and {ours / rate['nginx']:.2f} of what nginx" in README


@pytest.mark.parametrize("store", ["sharded", "sqlite"])
def test_the_ratios_of_the_stores_are_those_of_the_committed_results(store: str) -> None:
    if store == "sharded":
        rate = rates("keys", "store")  # the first of each store, with the fewest keys
        ratio = rate["sharded"] / rate["dict"]
    else:
        text = (ROOT / "benchmarks" / "results" / "durable.json").read_text()
        (ratio,) = (one["ratio"] for one in json.loads(text)["figures"] if one["part"] == "post")
    assert cell(f"`{store}", 3).startswith(f"{ratio:.2f};")
