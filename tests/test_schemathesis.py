"""Schemathesis asks a running server whatever its description allows, and what it does not: all checks, no exclusions.

`SCORES_TEST_SCHEMATHESIS=1000 pytest tests/test_schemathesis.py` asks so often of each operation, in all phases.
"""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.described import operations
from support.stores import store_of

from scores.web.openapi.operations import EVENTS

LONG = "SCORES_TEST_SCHEMATHESIS" in os.environ
EXAMPLES = os.environ.get("SCORES_TEST_SCHEMATHESIS", "4")
PHASES = {"dict": "coverage,fuzzing,stateful", "redis": "fuzzing,stateful"}
ALL = ["dict", "sharded", "sqlite", "redis", "cluster"]
"""The stores of the long form: what a server says does not depend on its store, so the short one has two."""

# A stream does not end; it has tests of its own.
STREAMS = [
    one["operationId"]
    for _, _, one in operations()
    if EVENTS in one["responses"].get("200", {}).get("content", {})
]

COMMAND = [
    sys.executable,
    "-m",
    "schemathesis.cli",
    "run",
    "--checks=all",
    "--seed=1",
    "--no-color",
    "--workers=1",
]


@pytest.mark.timeout(7200 if LONG else 300)
@pytest.mark.parametrize("kind", ALL if LONG else PHASES)
async def test_the_server_does_what_its_description_says(
    kind: str, serve: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    async with store_of(kind) as store:
        await ask(await serve(store=store), kind, tmp_path)


async def ask(address: str, kind: str, tmp_path: Path) -> None:
    phases = "examples,coverage,fuzzing,stateful" if LONG else PHASES[kind]
    tests = str(Path(__file__).parent)
    process = await asyncio.create_subprocess_exec(
        *COMMAND, f"--phases={phases}", f"--max-examples={EXAMPLES}", f"{address}/openapi.json",
        *(f"--exclude-operation-id={name}" for name in STREAMS),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])]),
            "SCHEMATHESIS_HOOKS": "support.schemathesis_hooks",
        },
    )  # fmt: skip
    output, _ = await process.communicate()
    said = output.decode()
    assert process.returncode == 0, said
    # All but `/openapi.json`, where it has them from.
    count = len([*operations()]) - 1 - len(STREAMS)
    assert re.search(rf"Operations: +{count} selected / ", said), said
    assert re.search(rf"Tested: +{count}\n", said), said
    assert "errored" not in said, said
