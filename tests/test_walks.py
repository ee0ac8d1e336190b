"""A walk through the pages of a server while sixteen clients write: what is there throughout comes once.

Rule: the walk follows `next` as any client does, and nobody waits for anybody.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from support.api import Api
from support.stores import store_of

Serve = Callable[..., Awaitable[str]]

CLIENTS = 16
STAY = 200
WALKS = {
    "/students?limit=7": ("students", "studentId"),
    "/exams/3?limit=7": ("results", "studentId"),
    "/exams?limit=7": ("exams", "exam"),
    "/inspectors?limit=7": ("inspectors", "UUID"),
}


async def write(api: Api, client: int, walked: asyncio.Event) -> int:
    """Inserts and deletes until the walks are over; gives the number of writes."""
    rng, writes = random.Random(client), 0
    while not walked.is_set():
        name, exam = f"go{rng.randrange(100)}", 1000 + rng.randrange(100)
        answers = [
            await api.put(3, name, 0.5),
            await api.put(exam, name, 0.5),
            await api.post(name, 5),
            await api("DELETE", f"/students/{name}"),
            await api("DELETE", f"/inspectors/{name}"),
        ]
        assert {answer.status for answer in answers} <= {200, 201, 204, 404}
        writes += len(answers)
    return writes


async def walk(api: Api, path: str | None, items: str, key: str) -> list[object]:
    seen = []
    while path is not None:
        page = (await api.get(path)).json
        seen += [item[key] for item in page[items]]
        path = page["next"]
    return seen


@pytest.mark.parametrize("kind", ["dict", "sharded", "sqlite", "redis", "cluster"])
async def test_what_is_there_throughout_comes_exactly_once(
    serve: Serve, http: aiohttp.ClientSession, kind: str
) -> None:
    async with store_of(kind) as store:
        api = Api(await serve(store=store), http)
        for number in range(STAY):
            await api.put(3, f"stay{number}", 0.5)
            await api.put(2000 + number, f"stay{number}", 0.5)
            await api.post(f"stay{number}", 5)
        stay = {
            "studentId": [f"stay{number}" for number in range(STAY)],
            "UUID": [f"stay{number}" for number in range(STAY)],
            "exam": [3, *range(2000, 2000 + STAY)],
        }
        walked = asyncio.Event()
        writing = [asyncio.create_task(write(api, client, walked)) for client in range(CLIENTS)]
        for path, (items, key) in WALKS.items():
            seen = await walk(api, path, items, key)
            assert Counter(one for one in seen if one in stay[key]) == Counter(stay[key])
        walked.set()
        assert min(await asyncio.gather(*writing)) > 0
