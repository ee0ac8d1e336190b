"""What somebody meets who is new here: a word that is wrong, a port that is taken, a store that loses data."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.redis_servers import redis_server

from scores.cli import main
from scores.cli.output import counted
from scores.config import Config, settings
from scores.errors import ConfigError, InUse, WorkerRefused
from scores.stores.redis.options import parse_options
from scores.web.app import create_app
from scores.web.server import running

# The contract suite, in somebody else's tests.

TWO = """
import pytest
from scores.testing import StoreContract

class TestOne(StoreContract):
    @pytest.fixture
    def store_url(self) -> str:
        return "dict"

class TestAnother(StoreContract):
    @pytest.fixture
    def store_url(self) -> str:
        return "sharded"
"""


def test_a_file_may_hold_two_stores_to_the_contract(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(TWO, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "every_average"],
        # Plugins take longer to be found than these tests take.
        cwd=tmp_path, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


# What is wrong for now, and what is wrong.


async def end_of(command: Callable[..., Any], *arguments: str, **variables: str) -> tuple[int, str]:
    """The status and the errors of a command that ends by itself."""
    started = await command(*arguments, listening=False, **variables)
    async with asyncio.timeout(60):
        _, err = await started.process.communicate()
    return started.process.returncode, err.decode()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_file_that_another_server_has_may_be_tried_again(
    command: Callable[..., Any], tmp_path: Path, workers: str
) -> None:
    store = f"sqlite:{tmp_path / 'scores.db'}"
    async with running(Config(store=store, feed=None, port=0)):
        status, err = await end_of(
            command, "serve", "--feed", "off", "--port", "0", "--store", store, "--workers", workers
        )
    assert status == 1
    (line,) = err.splitlines()
    assert f"it is open already in process {os.getpid()}:" in line


async def test_a_demo_whose_port_is_taken_says_how_to_take_another(command: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, err = await end_of(command, "demo", "--port", str(taken.getsockname()[1]))
    assert status == 1
    (line,) = err.splitlines()
    assert "choose another with --host and --port" in line
    assert line.endswith(", as in `scores demo --port 8080` or `PORT=8080 make run`")


def test_an_error_says_whether_it_may_pass() -> None:
    assert not ConfigError("x").passing
    assert InUse("x").passing
    assert [WorkerRefused("x", passing=passing).passing for passing in (True, False)] == [True, False]


# A setting is named as it was stated.


@pytest.mark.parametrize(
    ("stated", "other"),
    [
        ({"feed_backoff_min": "9", "feed_backoff_max": "5"}, {}),
        ({"feed_backoff_min": "9"}, {"feed_backoff_max": "5"}),
        ({"max_pending": "1048576"}, {"max_body": "2097152"}),
        ({"cors_origins": "*,https://example.org"}, {}),
    ],
)
def test_a_setting_is_named_as_it_was_stated(stated: dict[str, str], other: dict[str, str]) -> None:
    known = {setting.name: setting for setting in settings()}

    def refusal(flags: dict[str, str], variables: dict[str, str]) -> str:
        with pytest.raises(ConfigError) as caught:
            Config.read({known[name].variable: text for name, text in variables.items()}, flags)
        return str(caught.value)

    by_flags, by_variables = refusal(stated, other), refusal({}, stated | other)
    for name in stated:
        assert known[name].flag in by_flags
        assert known[name].variable not in by_flags
    for name in other:
        assert known[name].variable in by_flags
    assert "--" not in by_variables


@asynccontextmanager
async def started(config: Config) -> AsyncIterator[None]:
    """The application with these settings, once it has started."""
    app = create_app(config)
    runner = web.AppRunner(app)
    try:
        await runner.setup()
        yield
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("by_flag", [True, False])
async def test_what_a_redis_lacks_is_named_as_it_was_asked_for(no_leaks: None, by_flag: bool) -> None:
    async with redis_server(appendonly="everysec") as server:
        asked = {"redis_require_aof": "always"} if by_flag else {}
        environ = {"SCORES_FEED": "off", "SCORES_STORE": server.url}
        if not by_flag:
            environ["SCORES_REDIS_REQUIRE_AOF"] = "always"
        with pytest.raises(ConfigError) as caught:
            async with started(Config.read(environ, asked)):
                pass
    name = "--redis-require-aof" if by_flag else "SCORES_REDIS_REQUIRE_AOF"
    assert str(caught.value).startswith(f"{name}=always is not met: ")


async def test_a_worker_names_a_flag_of_the_command_that_started_it(command: Callable[..., Any]) -> None:
    async with redis_server(appendonly="no") as server:
        status, err = await end_of(
            command, "serve", "--feed", "off", "--port", "0", "--workers", "2", "--redis-require-aof", "always",
            SCORES_STORE=server.url,
        )  # fmt: skip
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith("scores: --redis-require-aof=always is not met: ")


async def test_a_setting_for_another_store_is_named_as_it_was_stated(no_leaks: None) -> None:
    with pytest.raises(
        ConfigError, match=r"^--redis-require-aof=always is not allowed with the store 'dict'"
    ):
        async with started(Config.read({"SCORES_FEED": "off"}, {"redis_require_aof": "always"})):
            pass


# The command line.


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which the command line is refused, without its beginning."""
    status: object
    try:
        status = main(arguments)
    except SystemExit as exc:
        status = exc.code
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert (status, out) == (2, "")
    assert line.startswith("scores: ")
    return line.removeprefix("scores: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["post", "a1", "six"], "'six' is not allowed: it must be an integer from 0 to 5; see scores post --help"),
        (["post", "a1", "5_0"], "'5_0' is not allowed: it must be an integer"),
        (["post", "a1", "9" * 5000], "it must be an integer from 0 to 5"),
        (["exam", "abc"], "'abc' is not allowed: it must be an integer from 0 to 9223372036854775807"),
        (["student", "foo", "--exam", "3.5"], "'3.5' is not allowed: it must be an integer from 0 to"),
        (["feed", "--rate", "x"], "'x' is not allowed: it must be a number from 0 to 1000000"),
        (["feed", "--rate", "nan"], "'nan' is not allowed: it must be a number"),
        (["feed", "--rate", "1e999"], "'1e999' is not allowed: it must be a number"),
        (["feed", "--students", "many"], "'many' is not allowed: it must be an integer from 25 to 1000000"),
        (["import", "-", "--parallel", "x"], "'x' is not allowed: it must be an integer from 1 to 256"),
        (["import", "-", "--key-ttl", "day"], "'day' is not allowed: it must be a number of seconds"),
        (["serve", "--port"], "argument --port: expected one argument; see scores serve --help"),
        (["serve", "--write-token", "x"], "set SCORES_WRITE_TOKEN instead"),
        ([], "the following arguments are required: COMMAND; see scores --help"),
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_one_line_that_says_what_is_allowed(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    line = refused(capsys, *arguments)
    assert sentence in line
    assert "usage:" not in line
    assert "invalid" not in line


def test_a_command_that_is_none_is_told_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "bogus")
    assert "'bogus'" in line
    assert "serve" in line
    assert "worker" not in line


def test_the_help_says_whose_feed_is_listened_to(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert (
        "the feed of SCORES_FEED, which is a public one unless you name another: --feed off listens to none"
        in words
    )
    assert "worker" not in words


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis://", "it must name a host, as in redis://localhost:6379/0"),
        ("redis:", "it must name a host, as in redis://localhost:6379/0"),
        ("redis", "it must name a host, as in redis://localhost:6379/0"),
        ("redis:///0", "it must name a host, as in redis://localhost:6379/0"),
        ("rediss:", "it must name a host, as in rediss://localhost:6379/0"),
        ("unix:", "it must name a socket's absolute path, as in unix:///run/redis.sock"),
        ("redis+cluster:", "it must name some nodes, as in redis+cluster://localhost:6379"),
        ("redis+sentinel://", "as in redis+sentinel://localhost:26379/mymaster"),
    ],
)
def test_a_redis_that_is_not_named_is_asked_for(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_options(url)
    assert str(caught.value).endswith(sentence)
    # What is shown can be taken as it is.
    parse_options(sentence.rpartition(" ")[2])


def test_one_is_one_and_two_are_several() -> None:
    assert [counted(count, "result") for count in (0, 1, 2)] == ["0 results", "1 result", "2 results"]
