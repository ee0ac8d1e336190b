"""A server that has started leaves none of what it consists of to a later collection.

Rule: each process tells, when it ends, how many objects its collector passes over for good.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.commands import Command

TELLS = """
import atexit, gc, os

def tell():
    with open(os.path.join({folder!r}, f"{{os.getpid()}}.told"), "w") as file:
        file.write(f"{{gc.get_freeze_count()}} {{len(gc.get_objects())}}")

atexit.register(tell)
"""


def told_in(folder: Path) -> list[tuple[int, ...]]:
    """What each process told."""
    return [tuple(map(int, file.read_text().split())) for file in folder.glob("*.told")]


@pytest.mark.parametrize(
    ("arguments", "processes"),
    [(("serve", "--feed", "off"), 1), (("serve", "--feed", "off", "--workers", "2"), 3), (("demo",), 1)],
)
async def test_the_collector_never_looks_again_at_what_was_there_from_the_start(
    command: Callable[..., Awaitable[Command]], tmp_path: Path, arguments: tuple[str, ...], processes: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(TELLS.format(folder=str(tmp_path)))
    store = str(Path(__file__).parent / "support" / "shared_store")
    path = os.pathsep.join(filter(None, [str(tmp_path), store, os.environ.get("PYTHONPATH")]))
    server = await command(*arguments, "--port", "0", "--store", "shared:", PYTHONPATH=path)
    assert await server.stop() == 0

    told = told_in(tmp_path)
    assert len(told) == processes
    for passed_over, left in told:
        assert passed_over > 10_000
        assert left < passed_over / 10
