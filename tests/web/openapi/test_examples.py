"""What the document shows is what a new server answers, word for word."""

from collections.abc import Mapping
from typing import Any

import orjson
from support.described import DOCUMENT, operations, resolve

from scores.web.openapi.examples import EXAMPLES, Example
from scores.web.openapi.headers import ON_ALL
from scores.web.openapi.operations import OPERATIONS


def body_of(example: Example) -> tuple[bytes | None, Mapping[str, str]]:
    if example.send is None:
        return None, example.fields
    body = example.send.encode() if isinstance(example.send, str) else orjson.dumps(example.send)
    return body, {**example.fields, "Content-Type": example.send_kind}


async def test_a_server_answers_what_the_examples_show(api: Any) -> None:
    for example in EXAMPLES:
        body, headers = body_of(example)
        answer = await api(example.method, example.target, data=body, headers=headers)
        assert (example.about, answer.status) == (example.about, example.status)
        if example.answer is None:
            assert answer.body == b""
            continue
        assert answer.headers["Content-Type"] == example.kind
        # Examples are of the store that there is unless another is chosen.
        text = answer.body.decode().replace('"store":"sharded"', '"store":"dict"')
        shown = text if isinstance(example.answer, str) else orjson.loads(text)
        assert shown == example.answer


def test_every_example_is_in_the_document() -> None:
    shown = [
        example["summary"]
        for _, _, operation in operations()
        for response in operation["responses"].values()
        for media in resolve(response).get("content", {}).values()
        for example in media.get("examples", {}).values()
    ]
    assert {*shown} == {example.about for example in EXAMPLES if example.answer is not None}


def test_every_kind_of_answer_that_is_no_error_has_an_example() -> None:
    pages = (
        "GET /openapi.json",
        "GET /docs",
        "GET /docs/{file}",
        "GET /",
        "GET /page/{asset}",
        "GET /metrics",
        "GET /scores",
    )
    for method, path, operation in operations():
        for status, response in operation["responses"].items():
            if status < "300" and "content" in response and f"{method} {path}" not in pages:
                assert all(media["examples"] for media in response["content"].values())


def test_every_body_that_is_taken_has_an_example() -> None:
    for _, _, operation in operations():
        for media in operation.get("requestBody", {"content": {}})["content"].values():
            assert media["examples"]


def test_examples_have_names_of_their_own() -> None:
    assert len({example.name for example in EXAMPLES}) == len(EXAMPLES)
    assert all(name.isascii() for name in [example.name for example in EXAMPLES])
    assert DOCUMENT["paths"]["/scores"]["post"]["requestBody"]["content"]["application/json"]["examples"][
        "a-score"
    ]


async def test_every_header_field_that_is_described_comes_and_every_get_answers_head(api: Any) -> None:
    came: dict[tuple[str, str, int], set[str]] = {}
    pages = [("GET", path, target) for path, target in PAGES.items()]
    for example in EXAMPLES:
        body, headers = body_of(example)
        answer = await api(example.method, example.target, data=body, headers=headers)
        came.setdefault((example.method, example.path, example.status), set()).update(answer.headers)
        if example.target == "/inspectors":
            for method, path, target in pages:
                answer = await api(method, target)
                came.setdefault((method, path, answer.status), set()).update(answer.headers)
                if path == "/":
                    page = await api(method, target, headers={"Accept": "text/html"})
                    came[method, path, page.status].update(page.headers)
                head = await api("HEAD", target)
                assert (head.status, head.body) == (answer.status, b"")
                assert {*head.headers} == {*answer.headers}
    for (method, path, status), names in came.items():
        if status < 300:
            # These come with what may be compressed, and is.
            described = {*OPERATIONS[method, path].answers[status].headers, *ON_ALL} - {
                "Vary",
                "Content-Encoding",
            }
            assert {name.lower() for name in described} <= {name.lower() for name in names}


PAGES = {
    "/": "/",
    "/students": "/students?limit=1",
    "/students/{id}": "/students/foo?limit=1",
    "/exams": "/exams?limit=1",
    "/exams/{number}": "/exams/3?limit=1",
    "/inspectors": "/inspectors?limit=1",
    "/inspectors/{uuid}": "/inspectors/foo",
    "/livez": "/livez",
    "/readyz": "/readyz",
    "/feed": "/feed",
    "/openapi.json": "/openapi.json",
    "/docs": "/docs",
    "/docs/{file}": "/docs/docs.css",
    "/page/{asset}": "/page/page.css",
}
"""A request to each resource that is read, for an answer with all its header fields."""
