"""docs/howto/write-a-store.md says all that a store has, and what it shows to be copied is one."""

import inspect
import re
from pathlib import Path
from typing import Any

from scores.marks import Mark
from scores.stores import Store, open_store
from scores.stores.base import lacking

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/howto/write-a-store.md").read_text(encoding="utf-8")


def skeleton() -> dict[str, Any]:
    """The names that the page's first block of Python makes."""
    block = PAGE.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec("\n".join(line.removeprefix("   ") for line in block.splitlines()), names)  # noqa: S102  # our own page
    return names


async def test_the_skeleton_has_all_that_a_store_has() -> None:
    names = skeleton()
    async with names["open_mine"]("mine:") as store:
        assert lacking(store) == []
        for name, method in inspect.getmembers(Store, inspect.isfunction):
            if not name.startswith("_"):
                assert inspect.signature(getattr(type(store), name)) == inspect.signature(method)


async def test_every_method_and_every_attribute_is_explained() -> None:
    first_cells = "".join(re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE))
    explained = {*re.findall(r"`(\w+)`", first_cells)}
    async with open_store("sharded") as store:
        assert hasattr(store, "restore")
    assert explained >= {name for name in vars(Store) if not name.startswith("_")} | {"journal", "restore"}
    assert explained >= {*Mark._fields}


def test_what_may_be_lost_is_said_in_each_cell() -> None:
    page = (ROOT / "docs/howto/choose-a-store.md").read_text(encoding="utf-8")
    rows = page.partition("| a replica takes over |\n")[2].partition("\n\n")[0].splitlines()[1:]
    assert len(rows) == 9
    for row in rows:
        store, *cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 5
        for cell in cells:
            assert re.match(
                "lost: |–|not known|the same|a replica takes over|its replica takes over", cell
            ), store
