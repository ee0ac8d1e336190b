"""What is promised with the server's help, kept with a real one: keys that count once, streams that go on."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.tcp_proxy import TcpProxy, tcp_proxy

from scores.client import Client, MeanEvent
from scores.client.journal import journal_beside

Connect = Callable[..., Awaitable[Client]]
Serve = Callable[..., Awaitable[str]]

LINES = 600
"""Fewer than go together: until the import is done, all of them are in doubt."""


def before(url: str) -> Any:
    """A proxy in front of that server."""
    return tcp_proxy("127.0.0.1", urlsplit(url).port or 0)


async def away(proxy: TcpProxy) -> None:
    """Whoever is connected is cut, and comes back after `accept` only."""
    await proxy.refuse()
    await proxy.reset_all()


async def test_a_follower_has_all_results_and_each_mean_once_wherever_it_is_cut(
    connect: Connect, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scores.live.walk._ENOUGH", 20)
    url = await serve()
    async with before(url) as proxy, asyncio.timeout(5):
        writer, reader = await connect(url), await connect(f"http://127.0.0.1:{proxy.port}")
        stored = {(f"s{number}", number % 5): number / 300 for number in range(300)}
        for (student_id, exam), score in stored.items():
            await writer.put_result(exam, student_id, score)
        results: dict[tuple[str, int], float] = {}
        means, posted, told = list[int](), list[int](), 0
        async with aclosing(reader.follow()) as events:
            async for event in events:
                told += 1
                if isinstance(event, MeanEvent):
                    means.append(event.inspector.count)
                else:
                    results[event.result.student_id, event.result.exam] = event.result.score
                if told % 60 == 0 and len(posted) < 10:
                    await away(proxy)
                    # It is told of neither while it is connected, and no listing has the first.
                    posted += [len(posted) + 1, len(posted) + 2]
                    for _ in range(2):
                        await writer.post("a1-b1", 5)
                    stored["s0", 0] = told / 1000
                    await writer.put_result(0, "s0", told / 1000)
                    await proxy.accept()
                if len(posted) == 10 and (results, means) == (stored, posted):
                    break
    assert proxy.connections > 5
    # Where it is cut it goes on, and does not begin again.
    assert told < 2 * len(stored)


async def test_an_import_that_is_killed_goes_on_and_counts_each_line_once(
    connect: Connect, serve: Serve, command: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "scores.ndjson"
    path.write_text("".join(f'{{"UUID":"a1-b1","score":{number % 6}}}\n' for number in range(LINES)))
    url = await serve()
    client = await connect(url)
    await client.post("a1-b1", 0)
    async with before(url) as proxy:
        variables = {"SCORES_URL": f"http://127.0.0.1:{proxy.port}"}
        killed = await command("import", str(path), listening=False, **variables)
        counted = 1
        while counted < LINES // 5:
            await asyncio.sleep(0.01)
            counted = (await client.inspector("a1-b1")).count
        # What is counted from now on is not answered, as if it had been killed in this moment.
        proxy.black_hole = True
        assert await killed.stop(signal.SIGKILL) == -signal.SIGKILL
        proxy.black_hole = False
        assert (await client.inspector("a1-b1")).count < LINES
        assert journal_beside(path).exists()
        again = await command("import", str(path), listening=False, **variables)
        assert await again.process.wait() == 0
    found = await client.inspector("a1-b1")
    assert (found.count, found.total) == (1 + LINES, sum(number % 6 for number in range(LINES)))
    assert not journal_beside(path).exists()
