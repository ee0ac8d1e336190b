"""The public names of a package, with their docstrings, where a page says `<!-- names of PACKAGE -->`.

Rule: on the site a name is documented where it is imported from, so `scores.models.Exam` in a signature
leads to `scores.Exam`.
"""

import re

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

__all__ = ["setup"]

_MARK = re.compile(r"^<!-- names of ([\w.]+) -->$", re.MULTILINE)
_DIRECTIVE = "```{{eval-rst}}\n.. automodule:: {0}\n   :members:\n   :imported-members:\n```"


def _add_names(_app: Sphinx, _document: str, source: list[str]) -> None:
    source[0] = _MARK.sub(lambda mark: _DIRECTIVE.format(mark[1]), source[0])


def _drop_the_module(
    _app: Sphinx, what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """The page has said what the package is for; its docstring is Markdown more than anything."""
    if what == "module":
        lines.clear()


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Node
) -> nodes.Node | None:
    """The same name in the package that makes it public."""
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or not target.startswith("scores."):
        return None
    name = target.rpartition(".")[2]
    objects = {
        where: entry
        for where, entry in env.domains.python_domain.objects.items()
        if where.rpartition(".")[2] == name
    }
    if len(objects) != 1:
        return None
    ((where, entry),) = objects.items()
    uri = app.builder.get_relative_uri(node["refdoc"], entry.docname)
    return nodes.reference("", "", content, refuri=f"{uri}#{entry.node_id}", internal=True, reftitle=where)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _add_names)
    app.connect("autodoc-process-docstring", _drop_the_module)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
