"""The site that `make docs` makes: built without a warning, with no link that leads nowhere, and nothing public left out."""

import asyncio
import re
import sys
from html import unescape
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from scores.web.routes import ROUTES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

PLAIN = "-D", "html_theme=basic", "-D", "files_coloured=0"
"""What looks well takes as long again: `make docs` makes it."""

_LINK = re.compile(r'<(?:a|img|link|script)\b[^<>]*?\s(?:href|src)="([^"]*)"')


def dead(site: Path) -> list[str]:
    """The links of a site's pages that lead to no file of it, or to no element of the page."""
    pages = {page.resolve(): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    known = {page: {"", *map(unescape, re.findall(r'\sid="([^"]*)"', text))} for page, text in pages.items()}
    found = []
    for page, text in pages.items():
        for link in map(unescape, _LINK.findall(text)):
            if re.match(r"[a-z]+:|//", link):
                continue
            path, fragment = urldefrag(link)
            target = (page.parent / unquote(path.partition("?")[0])).resolve() if path else page
            if not target.is_file() or (target in known and unquote(fragment) not in known[target]):
                found.append(f"{page.relative_to(site.resolve())}: {link}")
    return found


async def test_it_is_built_without_a_warning_and_no_link_is_dead(no_leaks: None, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", *PLAIN,
        "-d", tmp_path / "doctrees", DOCS, tmp_path / "site",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert (process.returncode, said.decode()) == (0, "")
    site = tmp_path / "site"
    assert dead(site) == []
    # What a page marks is there: names with their docstrings, operations, the file that a test is in.
    assert 'id="scores.Store.record"' in (site / "reference/python.html").read_text(encoding="utf-8")
    assert 'id="put-exams-number-results-id"' in (site / "reference/operations.html").read_text(
        encoding="utf-8"
    )
    assert "files/tests/test_cli.py.html#line-" in (site / "explanation/guarantees.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("link", "is_dead"),
    [("b.html", False), ("b.html#there", False), ("#here", False), ("https://example.org/x", False),
     ("c.html", True), ("b.html#nowhere", True), ("#nowhere", True), ("static/x.css", True)],
)  # fmt: skip
def test_a_dead_link_is_found(tmp_path: Path, link: str, is_dead: bool) -> None:
    (tmp_path / "a.html").write_text(f'<p id="here"><a href="{link}">x</a></p>', encoding="utf-8")
    (tmp_path / "b.html").write_text('<p id="there">x</p>', encoding="utf-8")
    assert dead(tmp_path) == ([f"a.html: {link}"] if is_dead else [])


@pytest.mark.parametrize("package", ["scores", "scores.exact", "scores.client", "scores.testing"])
def test_the_python_reference_names_all_that_is_public(package: str) -> None:
    page = (DOCS / "reference/python.md").read_text(encoding="utf-8")
    _, _, section = page.partition(f"\n## {package}\n")
    section = section.partition("\n## ")[0]
    assert f"<!-- names of {package} -->" in section
    assert {*re.findall(r"`(\w+)`", section)} == {*import_module(package).__all__}


def test_the_operations_are_those_of_the_routes() -> None:
    page = (DOCS / "reference/operations.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([A-Z]+) (/\S*)` \|", page, re.MULTILINE)
    assert {(method, anonymous(path)) for method, path in named} == {
        (route.method, anonymous(route.path)) for route in ROUTES
    }
    assert len(named) == len(ROUTES)


def anonymous(path: str) -> str:
    """A path without the names of what is variable in it."""
    return re.sub(r"\{\w+(:[^}]*)?\}", "{}", path)
