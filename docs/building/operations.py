"""What the API's description says of each operation, where a page says `<!-- operations -->`.

Rule: nothing is told here that is not in the OpenAPI document that a server gives at `/openapi.json`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from sphinx.application import Sphinx

from scores.web.openapi.document import printed
from scores.web.routes import ROUTES

__all__ = ["pages_text", "setup"]

_MARK: Final = "<!-- operations -->"
_CODE: Final = re.compile(r"^- `([\w-]+)`:", re.MULTILINE)
"""How the description of an error begins, by the end of its `type`."""

_LONGEST: Final = 2000
"""Characters of an example that is shown; the document has the others."""

Described = dict[str, Any]


def pages_text() -> str:
    """All operations, by their tag, as Markdown."""
    document = json.loads(printed(ROUTES))
    return "\n".join(_lines(document))


def _lines(document: Described) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"## {tag['name'].capitalize()}\n\n{tag['description']}\n"
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if isinstance(operation, dict) and tag["name"] in operation.get("tags", ()):
                    yield f"### `{method.upper()} {path}`\n\n{operation['summary']}.\n"
                    yield from _parameters(document, operation.get("parameters", []))
                    yield from _body(operation.get("requestBody", {}))
                    yield from _answers(document, operation["responses"])


def _parameters(document: Described, parameters: list[Described]) -> Iterator[str]:
    if parameters:
        yield "| parameter | in | what |\n|---|---|---|"
        for parameter in (_resolved(document, one) for one in parameters):
            yield f"| `{parameter['name']}` | {parameter['in']} | {_cell(parameter.get('description', ''))} |"
        yield ""


def _body(body: Described) -> Iterator[str]:
    for kind, content in body.get("content", {}).items():
        yield f"Body, as `{kind}`:\n"
        yield from _example(kind, content)


def _answers(document: Described, responses: Described) -> Iterator[str]:
    resolved = {status: _resolved(document, one)["description"] for status, one in responses.items()}
    errors = {status: _CODE.findall(text) for status, text in resolved.items()}
    yield "| status | what |\n|---|---|"
    yield from (f"| {status} | {_cell(text)} |" for status, text in resolved.items() if not errors[status])
    told = " · ".join(
        f"{status} " + ", ".join(f"`{code}`" for code in codes) for status, codes in errors.items() if codes
    )
    yield f"\n[Errors](http.md#errors): {told}\n" if told else ""
    for status, answer in responses.items():
        if status.startswith("2"):
            for kind, content in _resolved(document, answer).get("content", {}).items():
                yield f"{status}, as `{kind}`:\n"
                yield from _example(kind, content)


def _example(kind: str, content: Described) -> Iterator[str]:
    """The first example of a body, as long as it is short."""
    for example in [*content.get("examples", {}).values()][:1]:
        value = example["value"]
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        if len(text) <= _LONGEST:
            yield f"```{'json' if kind.endswith('json') else 'text'}\n{text.rstrip()}\n```\n"


def _resolved(document: Described, one: Described) -> Described:
    """What a reference within the document stands for."""
    for name in one.get("$ref", "#").split("/")[1:]:
        document = document[name]
    return document if "$ref" in one else one


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _add_operations(_app: Sphinx, _document: str, source: list[str]) -> None:
    if _MARK in source[0]:
        source[0] = source[0].replace(_MARK, pages_text())


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _add_operations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
