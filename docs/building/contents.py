"""The tree of pages, from the lists of links in index.md: a `##` heading is a part, its links are the pages.

Rule: what the sidebar says is what the first page says; there is no second list to keep.
"""

import re

from sphinx.application import Sphinx

__all__ = ["parts", "setup"]

_PART = re.compile(r"^## (.+)$", re.MULTILINE)
_PAGE = re.compile(r"\]\(([\w/-]+)\.md\)")


def parts(text: str) -> list[tuple[str, list[str]]]:
    """Of each part of index.md its heading and its pages, as names of documents, in order and once."""
    _, *found = _PART.split(text)
    pairs = zip(found[::2], found[1::2], strict=True)
    return [(heading, [*dict.fromkeys(_PAGE.findall(body))]) for heading, body in pairs]


def _add_trees(_app: Sphinx, document: str, source: list[str]) -> None:
    if document == "index":
        source[0] += "".join(
            f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n" + "\n".join(pages) + "\n```\n"
            for heading, pages in parts(source[0])
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _add_trees)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
