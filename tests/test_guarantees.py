"""What is promised is shown: each line of docs/explanation/guarantees.md names tests, and each of them is there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/explanation/guarantees.md"

LINK = re.compile(r"\[`([\w/]+\.py)::(\w+)`\]\(([^)]+)\)")
SHOWN_BY = "shown by"


class Line(NamedTuple):
    """A line of a table that ends with the tests that show what it says."""

    number: int
    cells: list[str]

    @property
    def tests(self) -> list[tuple[str, str, str]]:
        """Of each test that it names the file, the function, and where the link leads."""
        return LINK.findall(self.cells[-1])


def lines(text: str) -> Iterator[Line]:
    """The lines of the tables that promise something."""
    promising = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            promising = False
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if SHOWN_BY in cells[-1]:
            promising = True
        elif promising and not set(line) <= set("|-"):
            yield Line(number, cells)


@cache
def functions_of(path: Path) -> set[str]:
    """The tests that pytest finds in a file."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def wrong(line: Line) -> list[str]:
    """What is wrong with the tests that a line names."""
    found = [] if line.tests else ["no test is named"]
    for file, function, target in line.tests:
        path = ROOT / file
        if not path.is_file():
            found.append(f"there is no {file}")
        elif function not in functions_of(path):
            found.append(f"there is no {function} in {file}")
        if (PAGE.parent / target).resolve() != path:
            found.append(f"the link {target} does not lead to {file}")
    if line.cells[-1].count("](") != len(line.tests):
        found.append("a link that names no test")
    return found


LINES = list(lines(PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line.number))
def test_a_line_names_tests_that_are_there(line: Line) -> None:
    assert not wrong(line)


def test_no_table_of_the_page_promises_without_tests() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|") and not set(line) <= set("|-")]
    headers = [line for line in rows if f"| {SHOWN_BY} |" in line]
    assert len(headers) >= 8
    assert len(rows) == len(LINES) + len(headers)
    widths = {len(line.cells) for line in LINES}
    assert widths == {len(headers[0].strip("| ").split(" | "))}


@pytest.mark.parametrize(
    "store", ["`dict`", "`sharded`", "`sqlite`", "`everysec`", "`always`", "Sentinel", "cluster", "somebody"]
)
def test_every_store_has_its_lines(store: str) -> None:
    assert any(store in line.cells[0] for line in LINES)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("nothing", "no test is named"),
        (
            "[`tests/test_nothing.py::test_a`](../../tests/test_nothing.py)",
            "there is no tests/test_nothing.py",
        ),
        ("[`tests/test_guarantees.py::test_a`](../../tests/test_guarantees.py)", "there is no test_a in"),
        (
            "[`tests/test_guarantees.py::test_every_store_has_its_lines`](../../tests/test_cli.py)",
            "does not lead to",
        ),
        ("[a word](http.md)", "no test is named"),
        (
            "[`tests/test_guarantees.py::test_every_store_has_its_lines`](../../tests/test_guarantees.py) [x](y)",
            "a link that names no test",
        ),
    ],
)
def test_a_line_that_is_wrong_is_found_out(cell: str, found: str) -> None:
    (line,) = lines(f"| store | promised | {SHOWN_BY} |\n|---|---|---|\n| dict | all | {cell} |\n")
    assert any(found in one for one in wrong(line))
