"""nginx, with the lines of docs/howto/run-behind-nginx.md, in front of a server: each line that matters, and what is without it."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from support.api import Api
from support.live import listening_to
from support.redis_servers import hold_port, until
from support.scrapes import Scrape
from support.sockets import connection
from support.tcp_proxy import tcp_proxy
from support.uploads import FIVE, NDJSON, upload

from scores.config import Config
from scores.stores.redis.options import parse_options

PAGE = (Path(__file__).parent.parent / "docs/howto/run-behind-nginx.md").read_text(encoding="utf-8")
(LINES,) = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)

TEMPORARY = "client_body", "proxy", "fastcgi", "uwsgi", "scgi"
"""What nginx keeps files of; where that is built in belongs to root."""

Serve = Callable[..., Awaitable[str]]
Front = Callable[..., Awaitable[str]]


def directive(name: str) -> list[str]:
    """The values that the page gives it, in order."""
    return re.findall(rf"^\s*{name} ([^;]+);", LINES, re.MULTILINE)


def bytes_of(text: str) -> int:
    return int(text[:-1]) * {"k": 1024, "m": 1024 * 1024}[text[-1]] if text[-1] in "km" else int(text)


def seconds_of(text: str) -> float:
    return float(text.removesuffix("s"))


@asynccontextmanager
async def nginx(home: Path, lines: str) -> AsyncIterator[str]:
    """An nginx of its own with these lines, and its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert program, "the tests need an nginx: make nginx"
    with hold_port() as held:
        port = held.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        paths = "".join(f"{name}_temp_path {home}/{name};\n" for name in TEMPORARY)
        served = lines.replace("listen 80;", f"listen 127.0.0.1:{port};")
        assert served != lines
        (home / "nginx.conf").write_text(
            # One process: there is no other that could be left behind.
            f"daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{paths}{served}}}\n"
        )
        process = await asyncio.create_subprocess_exec(
            program, "-p", str(home), "-c", str(home / "nginx.conf"), stderr=asyncio.subprocess.PIPE
        )
        try:

            async def listens() -> bool:
                assert process.returncode is None, await process.communicate()
                with suppress(OSError):
                    async with connection(address):
                        return True
                return False

            await until(listens)
            yield address
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


@pytest.fixture
async def front(tmp_path: Path, no_leaks: None) -> AsyncIterator[Front]:
    """Starts an nginx before servers at these addresses, without the lines that begin so, with others changed."""
    async with AsyncExitStack() as stack:

        async def start(
            *addresses: str, without: tuple[str, ...] = (), rate: str = "100r/s", **changed: str
        ) -> str:
            servers = "".join(f"server {address.removeprefix('http://')};" for address in addresses)
            lines = LINES.replace("server 127.0.0.1:8000;", servers)
            assert lines != LINES
            assert "rate=100r/s" in lines
            lines = lines.replace("rate=100r/s", f"rate={rate}")
            for name in without:
                lines, taken = re.subn(rf"^\s*{name}\b[^;]*;", "", lines, flags=re.MULTILINE)
                assert taken
            for name, value in changed.items():
                lines = lines.replace("gzip off;", f"gzip off; {name} {value};")
            return await stack.enter_async_context(nginx(tmp_path, lines))

        yield start


def test_its_limits_are_ours_or_lower() -> None:
    ours = Config()
    general, of_scores = map(bytes_of, directive("client_max_body_size"))
    assert general <= ours.max_body
    assert of_scores == 0, "0 is no limit: a bulk has none"
    (header,) = directive("large_client_header_buffers")
    # Its line has its end within, ours has not.
    assert bytes_of(header.split()[1]) - len("\r\n") <= ours.max_header
    assert seconds_of(*directive("client_header_timeout")) <= ours.head_timeout
    assert seconds_of(*directive("client_body_timeout")) <= ours.body_timeout
    assert seconds_of(*directive("send_timeout")) <= ours.send_timeout


def test_its_waits_fit_ours() -> None:
    ours = Config()
    assert seconds_of(*directive("keepalive_timeout")) < ours.keepalive_timeout
    waits = seconds_of(*directive("proxy_read_timeout"))
    assert waits > ours.live_heartbeat
    assert waits > parse_options("redis://localhost").timeout


async def test_what_the_server_says_comes_as_it_was_said(
    serve: Serve, front: Front, http: aiohttp.ClientSession
) -> None:
    address = await serve()
    straight, through = Api(address, http), Api(await front(address), http)
    assert (await through.post("a1/b1 ☃", 5)).json == {"UUID": "a1/b1 ☃", "mean": 5.0}
    assert (await through.put(3, "foo/bar", 0.5)).status == 201
    for path in (
        "/inspectors/a1%2Fb1%20%E2%98%83", "/exams/3", "/students/foo%2Fbar", "/exams?limit=x", "/nothing", "/readyz?verbose", "/openapi.json",
    ):  # fmt: skip
        one, other = await straight.get(path), await through.get(path)
        assert (other.status, other.body) == (one.status, one.body)
        for field in ("Content-Type", "ETag", "Content-Security-Policy", "Cache-Control"):
            assert other.headers.get(field) == one.headers.get(field)
    tag = (await through.get("/exams/3")).headers["ETag"]
    assert (await through.get("/exams/3", headers={"If-None-Match": tag})).status == 304
    # nginx passes on no compression of its own: the tag stays a strong one.
    assert not tag.startswith("W/")


async def test_of_one_score_the_server_says_itself_that_it_is_too_large(
    serve: Serve, front: Front, http: aiohttp.ClientSession
) -> None:
    # So small that it is all there when it is refused.
    through = Api(await front(await serve(max_body=100)), http)
    headers = {"Content-Type": "application/json"}
    answer = await through("POST", "/scores", data=b" " * 101, headers=headers)
    assert (answer.status, answer.json["type"].rpartition(":")[2]) == (413, "payload-too-large")
    body = BytesIO(b" " * (Config().max_body + 1))
    elsewhere = await through("PUT", "/exams/3/results/foo", data=body, headers=headers)
    assert (elsewhere.status, elsewhere.headers["Content-Type"]) == (413, "text/html")


async def test_an_event_comes_when_it_happens(serve: Serve, front: Front) -> None:
    address = await serve()
    async with listening_to(await front(address)) as reader, aiohttp.ClientSession() as http:
        await Api(address, http).put(3, "foo", 0.5)
        await reader.count(1)


async def test_a_line_of_a_bulk_is_answered_while_the_rest_is_to_come(serve: Serve, front: Front) -> None:
    address = await front(await serve())
    async with upload(address) as bulk:
        await bulk.send(FIVE)
        assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
        await bulk.send(FIVE)
        assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
        await bulk.end()
        assert await bulk.line() is None


async def test_control_collected_a_bulk_is_answered_when_it_is_whole(serve: Serve, front: Front) -> None:
    address = await front(await serve(), without=("proxy_request_buffering",))
    async with upload(address) as bulk:
        await bulk.send(FIVE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await bulk.line()


async def test_a_bulk_of_more_than_any_body_is_taken(
    serve: Serve, front: Front, http: aiohttp.ClientSession
) -> None:
    through = Api(await front(await serve()), http)
    lines = 2 * Config().max_body // len(FIVE)
    headers = {**NDJSON, "Prefer": "return=minimal"}
    answer = await through("POST", "/scores", data=BytesIO(FIVE * lines), headers=headers)
    assert answer.json == {"accepted": lines, "rejected": 0, "errors": []}


async def connections_for(front: Front, address: str, *, without: tuple[str, ...] = ()) -> int:
    """How many connections nginx makes for thirty requests, one after the other."""
    async with aiohttp.ClientSession() as http:
        straight, through = Api(address, http), Api(await front(address, without=without), http)

        async def accepted() -> int:
            scrape = Scrape((await straight.get("/metrics")).body.decode())
            return int(scrape.get("scores_http_connections_accepted_total"))

        before = await accepted()
        for _ in range(30):
            assert (await through.get("/livez")).status == 200
        return await accepted() - before


async def test_connections_are_kept_open(serve: Serve, front: Front) -> None:
    assert await connections_for(front, await serve()) == 1


async def test_control_without_the_empty_field_each_request_has_its_own(serve: Serve, front: Front) -> None:
    assert await connections_for(front, await serve(), without=("proxy_set_header Connection",)) == 30


async def post_whose_answer_is_lost(serve: Serve, front: Front, **changed: str) -> tuple[int, int]:
    """The status that comes through two ways to one server of which one loses its answer, and the count."""
    address = await serve()
    port = int(address.rpartition(":")[2])
    async with (
        tcp_proxy("127.0.0.1", port) as one,
        tcp_proxy("127.0.0.1", port) as other,
        aiohttp.ClientSession() as http,
    ):
        one.cut_before_reply(matching=b"POST")
        ways = [f"http://127.0.0.1:{proxy.port}" for proxy in (one, other)]
        through = Api(await front(*ways, **changed), http)
        answer = await through.post("a1-b1", 5)
        assert one.replies_cut == 1
        count = (await Api(address, http).get("/inspectors/a1-b1")).json["count"]
        # Read it through the proxy too: a read is asked of the other server.
        one.cut_before_reply(matching=b"GET")
        assert (await through.get("/inspectors/a1-b1")).json["count"] == count
        return answer.status, count


async def test_a_post_whose_answer_is_lost_is_not_repeated(serve: Serve, front: Front) -> None:
    assert await post_whose_answer_is_lost(serve, front) == (502, 1)


async def test_control_nginx_that_repeats_a_post_counts_twice(serve: Serve, front: Front) -> None:
    changed = {"proxy_next_upstream": "error timeout non_idempotent"}
    assert await post_whose_answer_is_lost(serve, front, **changed) == (200, 2)


async def test_one_client_alone_is_held_back(serve: Serve, front: Front, http: aiohttp.ClientSession) -> None:
    # So few that a slow machine is no slower.
    through = Api(await front(await serve(), rate="1r/m"), http)
    (burst,) = re.findall(r"burst=(\d+)", LINES)
    answers = await asyncio.gather(*(through.get("/livez") for _ in range(2 * int(burst))))
    assert {answer.status for answer in answers} == {200, 429}


async def test_an_address_that_a_client_claims_changes_nothing(
    serve: Serve, http: aiohttp.ClientSession
) -> None:
    api = Api(await serve(), http)
    await api.put(3, "foo", 0.5)
    claims = {
        "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https",
        "Forwarded": "for=192.0.2.1;host=evil.example",
    }  # fmt: skip
    for path in ("/", "/exams?limit=1", "/exams/3", "/openapi.json"):
        plain, claimed = await api.get(path), await api.get(path, headers=claims)
        assert (claimed.status, claimed.body) == (plain.status, plain.body)
        assert claimed.headers.get("Link") == plain.headers.get("Link")
