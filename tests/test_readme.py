"""The README's examples, run as they stand: what it shows is what comes."""

import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from support.feeds import eventually
from yarl import URL

from scores.config import Config
from scores.feed.simulator import SimulatorOptions, create_simulator
from scores.web.app import create_app
from scores.web.keys import FEED

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\$ (curl .*)\n(.+)\n```$", README, re.MULTILINE)


@pytest.fixture
async def demo(no_leaks: None) -> AsyncIterator[URL]:
    """What `make run` starts, ten seconds later: two hundred events of the bundled feed."""
    simulator = TestServer(create_simulator(SimulatorOptions(rate=0, count=200)))
    async with simulator:
        app = create_app(Config(feed=str(simulator.make_url("/scores"))))
        async with TestServer(app) as server:
            await eventually(lambda: app[FEED].recorded == 200)
            yield server.make_url("/")


def test_there_are_four_examples() -> None:
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
async def test_an_example_answers_what_is_shown(
    demo: URL, http: aiohttp.ClientSession, command: str, shown: str
) -> None:
    words = shlex.split(command)
    data = words[words.index("-d") + 1] if "-d" in words else None
    headers = dict([words[words.index("-H") + 1].split(": ", 1)]) if "-H" in words else {}
    url = demo.join(URL(URL(words[1]).raw_path_qs, encoded=True))
    async with http.request("POST" if data else "GET", url, data=data, headers=headers) as response:
        assert await response.text() == shown


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.name
)
def test_every_link_to_a_file_leads_to_one(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (path.parent / target).exists()]
    assert not missing


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make ([a-z-]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
