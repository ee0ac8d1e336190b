"""`/openapi.json`, `/docs` and its files, and `/`: how they are served, and what the browser is told of them."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

import scores.web
from scores.web.documentation import FILES
from scores.web.routes import ROUTES

ASSETS = Path(scores.web.__file__).parent / "assets"
PATHS = ["/openapi.json", "/docs", "/docs/", *(f"/docs/{name}" for name in FILES)]
PLAIN = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "br, gzip;q=0.5"}


@pytest.mark.parametrize("path", PATHS)
async def test_it_comes_whole_once_and_then_not_at_all(api: Any, path: str) -> None:
    first = await api.get(path, headers=PLAIN)
    assert (first.status, first.headers["Cache-Control"]) == (200, "no-cache")
    assert int(first.headers["Content-Length"]) == len(first.body)
    for known in (
        first.headers["ETag"],
        f'"other", {first.headers["ETag"]}',
        "W/" + first.headers["ETag"],
        "*",
    ):
        again = await api.get(path, headers={**PLAIN, "If-None-Match": known})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    assert (await api.get(path, headers={**PLAIN, "If-None-Match": '"other"'})).body == first.body


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"])
async def test_it_is_compressed_for_those_who_take_that(api: Any, path: str) -> None:
    plain = await api.get(path, headers=PLAIN)
    assert "Content-Encoding" not in plain.headers
    zipped = await api.get(path, headers=GZIP)
    assert (zipped.headers["Content-Encoding"], zipped.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert zipped.body == plain.body  # the client has inflated it
    assert zipped.headers["ETag"] != plain.headers["ETag"]
    assert (await api.get(path, headers={**GZIP, "If-None-Match": plain.headers["ETag"]})).status == 200
    assert (await api.get(path, headers={**GZIP, "If-None-Match": zipped.headers["ETag"]})).status == 304


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [("gzip", True), ("*", True), ("deflate, gzip;q=1.0", True), ("GZIP ; q=0.1", True), ("", False), ("br", False),
     ("gzip;q=0", False), ("gzip; q=0.000", False), ("*;q=0", False), ("identity", False)],
)  # fmt: skip
async def test_who_takes_gzip_says_so(api: Any, accepted: str, zipped: bool) -> None:
    answer = await api.get("/openapi.json", headers={"Accept-Encoding": accepted})
    assert ("Content-Encoding" in answer.headers) is zipped


async def test_the_bytes_are_those_of_the_files(api: Any) -> None:
    for name, path in FILES.items():
        assert (await api.get(f"/docs/{name}")).body == (ASSETS / path).read_bytes()
    raw = await api.raw(
        b"GET /docs/swagger-ui.css HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    )
    assert (
        gzip.decompress(raw.partition(b"\r\n\r\n")[2]) == (ASSETS / "swagger-ui/swagger-ui.css").read_bytes()
    )


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/docs", "text/html; charset=utf-8"), ("/docs/docs.css", "text/css; charset=utf-8"),
     ("/docs/docs.js", "text/javascript; charset=utf-8"), ("/openapi.json", "application/json")],
)  # fmt: skip
async def test_each_has_its_media_type(api: Any, path: str, kind: str) -> None:
    answer = await api.get(path)
    assert (answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == (kind, "nosniff")


@pytest.mark.parametrize(
    "name", ["nothing.js", "..%2F..%2Fapp.py", "README.md", "LICENSE", "%2Fetc%2Fpasswd"]
)
async def test_nothing_but_the_files_of_the_page_is_served(api: Any, name: str) -> None:
    assert (await api.get(f"/docs/{name}")).status == 404


async def test_the_policy_lets_nothing_in_but_the_pages_own_files(api: Any) -> None:
    policy = (await api.get("/docs")).headers["Content-Security-Policy"]
    directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    assert directives == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
        "connect-src": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip


async def test_no_script_stands_in_the_page_and_nothing_comes_from_elsewhere(api: Any) -> None:
    page = (await api.get("/docs")).body.decode()
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == ["", ""]
    assert not re.search(r"<style|\son\w+=|\sstyle=|https?:|src=\"//", page)
    assert {*re.findall(r'(?:src|href)="/docs/([^"]*)"', page)} == {*FILES}


async def test_the_resources_are_listed_with_their_links(api: Any) -> None:
    answer = await api.get("/", headers={"Accept": "application/json"})
    links = answer.json
    assert {*links.values()} == {route.path for route in ROUTES if "{" not in route.path} - {"/"}
    assert (links["students"], links["openapi"], links["docs"]) == ("/students", "/openapi.json", "/docs")
    for path in links.values():
        assert (await api("HEAD", path)).status in (200, 405)
    assert answer.headers["Link"] == '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"'
