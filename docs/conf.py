"""How `make docs` makes a site of these pages; they stay plain Markdown, which reads as well on a forge."""

import sys
from pathlib import Path

from scores import __version__

sys.path.insert(0, str(Path(__file__).parent))  # for `building`, and nothing else

project = "scores"
author = "the authors of scores"
release = __version__
html_title = f"scores {release}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "building.contents",
    "building.outside",
    "building.operations",
    "building.names",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["README.md"]  # sends whoever looks at the folder to index.md
myst_heading_anchors = 3
nitpicky = True
# What is not ours is documented elsewhere, and a build asks no other server where.
# Of ours, a type variable has no page, nor has what is only ever passed on.
nitpick_ignore_regex = [
    ("py:.*", r"(?!scores\b).*"),
    ("py:class", r"scores\.(models|client\.answers)\.T"),
    ("py:class", r"scores\.client\.bulk\.Tally"),
    ("py:class", r"scores\.feed\.status\.FeedState"),
]

default_role = "code"  # docstrings use `one` backtick
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80
toc_object_entries = False

html_theme = "furo"
html_static_path = ["building/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "default"
pygments_dark_style = "github-dark"
