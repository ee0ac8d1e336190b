"""A server writes no file: it runs where none can be written, as in a container whose root is read-only."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from support.api import Api
from support.commands import Command

# Whatever is written to a file is refused (setrlimit(2), EFBIG).
NO_FILE = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
SERVE = (
    NO_FILE
    + "import runpy, sys; sys.argv = ['scores', 'serve']; runpy.run_module('scores', run_name='__main__')"
)


@asynccontextmanager
async def confined(home: Path, code: str) -> AsyncIterator[Command]:
    """A Python that runs this, with no home and nothing in its environment, in a directory that it may write to."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(home),
        "SCORES_PORT": "0",
        "SCORES_FEED": "off",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=home, env=environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def made_in(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


async def test_a_server_runs_where_no_file_can_be_written(home: Path, http: aiohttp.ClientSession) -> None:
    async with confined(home, SERVE) as server:
        api = Api((await server.until(r"listening: (http://\S+)"))[1], http)
        assert (await api.post("a1-b1", 5)).json == {"UUID": "a1-b1", "mean": 5.0}
        assert (await api.put(3, "foo", 0.5)).status == 201
        for path in ("/", "/docs", "/docs/swagger-ui-bundle.js", "/openapi.json", "/metrics", "/exams/3"):
            assert (await api.get(path)).status == 200
        # Nor is any made that stays empty.
        assert not made_in(home)
        assert await server.stop() == 0
    assert not made_in(home)


async def test_control_who_writes_a_file_there_fails(home: Path, no_leaks: None) -> None:
    async with confined(home, NO_FILE + "open('scores', 'wb', buffering=0).write(b'x')") as writer:
        _, said = await writer.process.communicate()
        assert b"File too large" in said
        # It was made before it could not be written.
        assert made_in(home) == ["scores"]
