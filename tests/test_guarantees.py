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
    """A line of a table that ends with the number under which the tests stand that show what it says."""

    number: int
    cells: list[str]
    shown_by: str
    """What stands under its number behind the table; nothing if there is no such number."""

    @property
    def tests(self) -> list[tuple[str, str, str]]:
        """Of each test that it names the file, the function, and where the link leads."""
        return LINK.findall(self.shown_by)


def lines(text: str) -> Iterator[Line]:
    """The lines of the tables that promise something."""
    for table, behind in tables(text):
        shown = items(behind)
        for number, cells in table:
            yield Line(number, cells, shown.pop(cells[-1], ""))
        # What nobody points to shows nothing.
        assert not shown


def tables(text: str) -> Iterator[tuple[list[tuple[int, list[str]]], list[str]]]:
    """The lines of each such table, and what follows it up to the next heading or table."""
    table: list[tuple[int, list[str]]] = []
    behind: list[str] = []
    promising = False
    for number, line in enumerate([*text.splitlines(), "#"], 1):
        if promising and table and (line.startswith("#") or (line.startswith("|") and behind)):
            yield table, behind
            table, behind, promising = [], [], False
        if not line.startswith("|"):
            behind.append(line)
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if SHOWN_BY in cells[-1]:
            table, behind, promising = [], [], True
        elif promising and not set(line) <= set("|-"):
            table.append((number, cells))


def items(behind: list[str]) -> dict[str, str]:
    """What stands under each number of the list."""
    found: dict[str, str] = {}
    number = ""
    for line in behind:
        if match := re.match(r"(\d+)\. ", line):
            number = match[1]
            assert number not in found, number
            found[number] = ""
        elif not line.startswith("   "):
            number = ""
        if number:
            found[number] += line
    return found


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
    if line.shown_by.count("](") != len(line.tests):
        found.append("a link that names no test")
    return found


TABLE = f"| store | promised | {SHOWN_BY} |\n|---|---|---|\n| dict | all | 1 |\n"

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
    ("shown", "found"),
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
def test_a_line_that_is_wrong_is_found_out(shown: str, found: str) -> None:
    (line,) = lines(f"{TABLE}\n1. {shown}\n")
    assert any(found in one for one in wrong(line))


def test_a_line_whose_number_is_not_there_is_found_out() -> None:
    (line,) = lines(TABLE)
    assert wrong(line) == ["no test is named"]
    first, second = lines(TABLE + "| sharded | all | 2 |\n\n1. one\n2. two,\n   and more\n")
    assert (first.shown_by, second.shown_by) == ("1. one", "2. two,   and more")


def test_tests_that_no_line_points_to_are_found_out() -> None:
    with pytest.raises(AssertionError):
        list(lines(f"{TABLE}\n1. one\n2. two\n"))
