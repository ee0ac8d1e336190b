"""`/` and the files at `/page`: who gets the page, who the index, and what the browser is told of them."""

import re
from pathlib import Path
from typing import Any

import pytest

import scores.web
from scores.web.accept import accepts, weight
from scores.web.home import FILES

ASSETS = Path(scores.web.__file__).parent / "assets"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
MODULES = {name for name in FILES if name.endswith(".js") and name != "uPlot.iife.min.js"}


@pytest.mark.parametrize(
    ("accept", "page"),
    [(BROWSER, True), ("text/html", True), ("text/*", True), ("text/html;q=0.5, */*;q=0.1", True), ("TEXT/HTML ; q=1", True),
     (None, False), ("*/*", False), ("", False), ("application/json", False), ("application/json, text/html", False),
     ("text/html;q=0.9, application/json", False), ("text/html;q=0", False), ("image/png", False)],
)  # fmt: skip
async def test_who_prefers_a_page_gets_it(api: Any, accept: str | None, page: bool) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = await api.get("/", headers=headers)
    kind = "text/html; charset=utf-8" if page else "application/json"
    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.headers["Link"] == '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"'
    head = await api("HEAD", "/", headers=headers)
    assert {**head.headers, "Date": ""} == {**answer.headers, "Date": ""}


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
async def test_neither_comes_again_while_it_is_known(api: Any, accept: str) -> None:
    first = await api.get("/", headers={"Accept": accept})
    again = await api.get("/", headers={"Accept": accept, "If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body, again.headers["Vary"]) == (304, b"", "Accept, Accept-Encoding")
    assert "Link" not in again.headers
    other = await api.get("/", headers={"Accept": "*/*", "If-None-Match": first.headers["ETag"]})
    assert other.status == (200 if accept == BROWSER else 304)


async def test_other_origins_are_told_apart_too(api_for: Any) -> None:
    api = await api_for(cors_origins=("https://one.example",))
    answer = await api.get("/", headers={"Accept": BROWSER})
    assert answer.headers["Vary"] == "Accept, Accept-Encoding, Origin"


@pytest.mark.parametrize(
    ("fields", "html", "json"),
    [(["text/html;q=0.3"], 0.3, 0), (["text/*;q=0.2, text/html"], 1, 0), (["*/*;q=0.1"], 0.1, 0.1), (["text/html;q=x"], 1, 0),
     (["text/html", "application/json;q=0.4"], 1, 0.4), (['text/html;a="b,c";q=0.7'], 0.7, 0), (["text/html;q=1.0000"], 1, 0)],
)  # fmt: skip
def test_weights(fields: list[str], html: float, json: float) -> None:
    assert (weight(fields, "text/html"), weight(fields, "application/json")) == (html, json)
    assert accepts(fields, "application/json") is (json > 0)


async def test_the_policy_lets_nothing_in_and_makes_no_text_a_script(api: Any) -> None:
    answer = await api.get("/", headers={"Accept": BROWSER})
    policy = answer.headers["Content-Security-Policy"]
    assert dict(one.strip().split(" ", 1) for one in policy.split(";")) == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
        "connect-src": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'none'",
        "require-trusted-types-for": "'script'", "trusted-types": "'none'",
    }  # fmt: skip
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", FILES)
async def test_a_file_comes_as_it_is_with_its_type(api: Any, name: str) -> None:
    answer = await api.get(f"/page/{name}")
    assert answer.body == (ASSETS / FILES[name]).read_bytes()
    kinds = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
    assert answer.headers["Content-Type"] == kinds[name.rpartition(".")[2]]
    assert (await api.get(f"/page/{name}", headers={"If-None-Match": answer.headers["ETag"]})).status == 304


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2Fdocs%2Fdocs.js", "README.md", "LICENSE"])
async def test_nothing_else_is_served(api: Any, name: str) -> None:
    assert (await api.get(f"/page/{name}")).status == 404


def test_every_file_of_the_page_is_served() -> None:
    files = {path.name for path in (ASSETS / "page").iterdir()} - {"index.html"}
    assert files == {name for name in FILES if not name.startswith("uPlot")}


async def test_no_script_stands_in_the_page_and_its_modules_are_asked_for_at_once(api: Any) -> None:
    page = (await api.get("/", headers={"Accept": BROWSER})).body.decode()
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == ["", ""]
    assert not re.search(r"<style|\son\w+=|\sstyle=|https?:|src=\"//", page)
    assert {*re.findall(r'rel="modulepreload" href="/page/([^"]*)"', page)} == MODULES - {"main.js"}
    assert {*re.findall(r'(?:src|href)="/page/([^"]*)"', page)} == {*FILES}


def test_no_module_makes_markup_of_text_or_code() -> None:
    made = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setHTML|https?://(?!www\.w3\.org/2000/svg)"
    )
    for name in MODULES:
        assert not made.search((ASSETS / FILES[name]).read_text(encoding="utf-8")), name


async def test_the_store_is_said_without_its_address(api_for: Any) -> None:
    api = await api_for(store="sharded:?shards=16")
    ready = (await api.get("/readyz?verbose")).json
    assert (ready["store"], ready["version"]) == ("sharded", scores.__version__)
    assert (await api.get("/readyz")).json == {"status": "ok"}
