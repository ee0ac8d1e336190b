"""All that a server lists of one kind, page by page."""

from typing import Any

import aiohttp

__all__ = ["listing", "member"]


async def listing(address: str, name: str) -> list[dict[str, Any]]:
    """All students, exams or inspectors."""
    found: list[dict[str, Any]] = []
    target: str | None = f"/{name}?limit=1000"
    async with aiohttp.ClientSession() as http:
        while target is not None:
            async with http.get(address + target) as answer:
                assert answer.status == 200, await answer.text()
                page = await answer.json()
            found += page[name]
            target = page["next"] and f"/{name}?limit=1000&after={page['next']}"
    return found


async def member(address: str, target: str, name: str) -> Any:
    """One member of a document."""
    async with aiohttp.ClientSession() as http, http.get(address + target) as answer:
        return (await answer.json()).get(name)
