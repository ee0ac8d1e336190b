"""A signal that comes while the command is still being imported: the right status, no traceback, and none is lost.

Rule: the import that is waited for is one that never ends, so that the moment is certain.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

AS_PROCESS_1 = ("unshare", "--fork", "--pid", "--kill-child")

NEVER = "import time\nprint('importing', flush=True)\nwhile True:\n    time.sleep(600)\n"
"""In the place of a package that the command imports late."""


@contextmanager
def importing(
    folder: Path, *arguments: str, before: tuple[str, ...] = ()
) -> Iterator["subprocess.Popen[str]"]:
    """The command with these arguments, in the middle of its imports."""
    (folder / "aiohttp.py").write_text(NEVER)
    path = os.pathsep.join([str(folder), *sys.path])
    line = [*before, sys.executable, "-m", "scores", *arguments]
    with subprocess.Popen(
        line, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "importing\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["serve", "demo", "feed"])
def test_a_server_ends_with_zero(tmp_path: Path, command: str, number: signal.Signals) -> None:
    with importing(tmp_path, command) as process:
        process.send_signal(number)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_any_other_command_ends_as_it_would_later(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    with importing(tmp_path, "students") as process:
        process.send_signal(number)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == status


@cache
def before_process_1() -> tuple[str, ...]:
    """What makes a command process 1 of a namespace of its own; nothing, where that may not be done."""
    try:
        done = subprocess.run([*AS_PROCESS_1, "true"], capture_output=True, check=False, timeout=20)
    except FileNotFoundError:
        return ()
    return AS_PROCESS_1 if done.returncode == 0 else ()


def test_a_server_that_is_process_1_does_not_miss_it(tmp_path: Path) -> None:
    before = before_process_1()
    with importing(tmp_path, "serve", before=before) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pid = int(children.read_text()) if before else process.pid
        os.kill(pid, signal.SIGTERM)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0
