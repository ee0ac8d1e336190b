"""Links to files that are no pages: on a forge to the file itself, on the site to a page that shows it.

Rule: every file that a page names by a link is part of the site, be it a test, a source, a result or a page
of Markdown; a link whose text ends in `::name` leads to the line that defines it.
"""

import re
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from docutils import nodes
from docutils.nodes import make_id
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

__all__ = ["Outside", "setup"]

_LOGGER = logging.getLogger(__name__)

_AT = "files/"
"""Below it are the pages of files, each with the path that the file has in the repository."""

_LARGEST = 100_000
"""Bytes of a file that is shown; of a larger one its beginning."""

_COLOURED = 16_000
"""Bytes of the largest file that is shown in colours, which takes time."""


class Outside(SphinxTransform):
    """Turns what MyST makes of a link to a file or folder into a link to the page that shows the file."""

    default_priority = 5  # before anybody collects downloads and references

    def apply(self, **_kwargs: Any) -> None:
        root = Path(self.app.srcdir).parent
        here = Path(self.env.doc2path(self.env.docname)).parent
        for node in [
            *self.document.findall(addnodes.download_reference),
            *self.document.findall(addnodes.pending_xref),
        ]:
            target = _file_of(node, here, Path(self.app.srcdir))
            if target is None or not target.is_relative_to(root) or not target.exists():
                continue
            if target.suffix == ".md" and target.is_relative_to(self.app.srcdir):
                continue  # a page
            name = target.relative_to(root).as_posix()
            _shown(self.app).add(name)
            uri = self.app.builder.get_relative_uri(self.env.docname, _AT + name)
            link = nodes.reference(
                "", "", *node.children, refuri=uri + _line_of(target, node.astext()), internal=True
            )
            node.replace_self(link)


def _file_of(node: nodes.Element, here: Path, source: Path) -> Path | None:
    """The file that it leads to, if it leads to one by its path."""
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") == "doc":
        return Path(normpath(source / f"{target}.md"))
    if isinstance(node, addnodes.download_reference) or target.startswith("../"):
        return Path(normpath(here / target.partition("#")[0]))
    return None


def _line_of(path: Path, text: str) -> str:
    """The fragment for the line that defines what the link's text names, if it names something."""
    named = re.search(r"::(\w+)$", text)
    if named is None:
        return ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if re.match(rf"\s*(?:async )?def {named[1]}\b", line):
            return f"#line-{number}"
    _LOGGER.warning("there is no %s in %s", named[1], path)
    return ""


def _shown(app: Sphinx) -> set[str]:
    """The files that pages lead to, by their path in the repository."""
    shown: set[str] = app.env.__dict__.setdefault("scores_files", set())
    return shown


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each of these files, and for those that they lead to in turn."""
    root = Path(app.srcdir).parent
    coloured = _COLOURED if app.config.files_coloured else 0
    waiting, known = sorted(_shown(app)), set(_shown(app))
    while waiting:
        name = waiting.pop()
        leads: list[str] = []
        body = _body(root, name, leads, coloured)
        further = {lead for lead in leads if lead not in known}
        known |= further
        waiting += sorted(further)
        yield _AT + name, {"title": name, "body": body}, "page.html"


def _body(root: Path, name: str, leads: list[str], coloured: int) -> str:
    """The page's HTML, in colours if it is no longer than that; adds to `leads` which files it leads to."""
    path = root / name
    if path.is_dir():
        files = [file.name for file in sorted(path.iterdir()) if file.is_file() and file.suffix != ".pyc"]
        leads += [f"{name}/{file}" for file in files]
        links = "".join(
            f'<li><a href="{PurePosixPath(name).name}/{escape(file)}.html">{escape(file)}</a></li>'
            for file in files
        )
        return f"<h1>{escape(name)}</h1><ul>{links}</ul>"
    text = path.read_bytes()[:_LARGEST].decode("utf-8", "replace")
    if path.suffix == ".md":
        return _markdown(root, name, text, leads)
    try:
        lexer = get_lexer_for_filename(name) if len(text) <= coloured else TextLexer()
    except ClassNotFound:
        lexer = TextLexer()
    code = highlight(text, lexer, HtmlFormatter(lineanchors="line", wrapcode=True))
    return f'<h1>{escape(name)}</h1><div class="highlight-source notranslate">{code}</div>'


def _markdown(root: Path, name: str, text: str, leads: list[str]) -> str:
    """A page of Markdown, whose links lead to pages of the site."""
    reader = MarkdownIt("commonmark", {"highlight": _coloured}).enable("table")
    tokens = reader.parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrs["id"] = make_id(inline.content)
    for token in (child for block in tokens for child in [block, *(block.children or [])]):
        for attribute in {"href", "src"} & token.attrs.keys():
            target, mark, fragment = str(token.attrs[attribute]).partition("#")
            path = Path(normpath((root / name).parent / target))
            if target and "://" not in target and path.is_relative_to(root) and path.exists():
                token.attrs[attribute] = (
                    _leads_to(path.relative_to(root).as_posix(), name, leads) + mark + fragment
                )
    return str(reader.renderer.render(tokens, reader.options, {}))


def _coloured(text: str, language: str, _attributes: str) -> str:
    """A block of code; what no lexer is known for stays as it is."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    return f'<pre class="highlight">{highlight(text, lexer, HtmlFormatter(nowrap=True))}</pre>'


def _leads_to(target: str, name: str, leads: list[str]) -> str:
    """The address of a file on the site, seen from another file's page."""
    if target.startswith("docs/images/"):
        page = "_images/" + PurePosixPath(target).name
    elif target in ("docs", "docs/README.md"):
        page = "index.html"
    elif target.startswith("docs/") and target.endswith(".md"):
        page = target.removeprefix("docs/").removesuffix(".md") + ".html"
    else:
        leads.append(target)
        page = f"{_AT}{target}.html"
    return relpath(page, PurePosixPath(_AT + name).parent.as_posix())


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_config_value("files_coloured", default=True, rebuild="html", types=bool)
    app.add_transform(Outside)
    app.connect("html-collect-pages", _pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
