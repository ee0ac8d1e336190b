"""Changes the modules that are named (all without a name), and says which changes no test has noticed: `make mutants`.

Rule: what is imported is changed, not what is on the disk. Each mutant has a process of its own, forked from one in
which every library that the tests need is loaded already, but nothing of ours; it may take a few times as long as the
tests take without a change. The tests that noticed the changes before it are run first, then the quick ones.
"""

import argparse
import ast
import importlib
import importlib.abc
import importlib.util
import math
import os
import random
import resource
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
from mutation.mutate import Mutant, mutants
from mutation.seen import Seen
from mutation.targets import TARGETS

TESTS = Path(__file__).parent.parent
PATIENCE = 5
"""How many times as much of the processor as without a change; and two seconds. Ten times that by the clock."""
EXAMPLES = 25
"""Of a property, where the test does not say how many: a mutant that lives is met by many tests, each time."""
_ALSO: list[str] = []
_QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # of what is loaded before pytest begins


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a module that is made of this tree, in place of the one on the disk."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name = name
        self._path = path
        self._tree = tree

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)  # noqa: S102  # that is what it is for


def main(arguments: Sequence[str]) -> int:
    """Runs it; 1 if any mutant lives."""
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(TARGETS), metavar="module")
    parser.add_argument("--most", type=int, help="at most so many mutants of a module, chosen by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lines", help="only mutants of these lines: 12,40-52")
    parser.add_argument(
        "--also", action="append", default=[], metavar="tests", help="further tests, such as a long suite"
    )
    options = parser.parse_args(arguments)
    hypothesis.settings.register_profile(
        "mutants",
        database=None,
        derandomize=True,
        deadline=None,
        max_examples=EXAMPLES,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # which example fails is not asked
    )
    hypothesis.settings.load_profile("mutants")
    _ALSO.extend(options.also)
    lived = 0
    for name in options.modules:
        lived += _module(name, options)
    return min(lived, 1)


def _module(name: str, options: argparse.Namespace) -> int:
    path = TESTS.parent / f"{name.replace('.', '/')}.py"
    found = list(mutants(path.read_text(encoding="utf-8")))
    every = len(found)
    if options.lines:
        found = [one for one in found if _wanted(one.line, options.lines)]
    if options.most is not None and len(found) > options.most:
        found = sorted(random.Random(options.seed).sample(found, options.most), key=lambda one: one.line)
    seen = Seen()
    if (status := _run(name, path, None, seen, 600)) != 0:
        raise SystemExit(f"{name}: its tests do not pass without a change: {status}")
    _load(seen.modules)
    spent = _spent()
    if (status := _run(name, path, None, seen, 600)) != 0:
        raise SystemExit(f"{name}: its tests pass only sometimes: {status}")
    patience = math.ceil((_spent() - spent) * PATIENCE) + 2
    print(f"{name}: {len(found)} of {every} mutants, {patience} s each at most", flush=True)  # noqa: T201
    lines, lived = path.read_text(encoding="utf-8").splitlines(), 0
    for one in found:
        if _run(name, path, one, seen, patience) == 0:
            lived += 1
            print(f"  lives {name}:{one.line}: {one.change}   | {lines[one.line - 1].strip()}", flush=True)  # noqa: T201
    print(f"{name}: {len(found) - lived} of {len(found)} killed", flush=True)  # noqa: T201
    return lived


def _wanted(line: int, wanted: str) -> bool:
    for part in wanted.split(","):
        first, _, last = part.partition("-")
        if int(first) <= line <= int(last or first):
            return True
    return False


def _spent() -> float:
    """Seconds of the processor that the tests have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _load(modules: Sequence[str]) -> None:
    """What the tests have imported and is not ours is imported once, for all."""
    for module in modules:
        with suppress(Exception):
            importlib.import_module(module)


def _run(name: str, path: Path, mutant: Mutant | None, seen: Seen, patience: int) -> int:
    """What the tests come to: 0 when all pass."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (patience, patience))
        _test(name, path, mutant, seen, seen.told(send))
    os.close(send)
    try:
        return _ended(child, receive, seen, time.monotonic() + 10 * patience)
    finally:
        os.close(receive)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def _ended(child: int, receive: int, seen: Seen, deadline: float) -> int:
    """What the child ended with; what it says in the meantime is taken down."""
    while time.monotonic() < deadline:
        if select.select([receive], [], [], 0.01)[0] and (said := os.read(receive, 1 << 20)):
            seen.take(said)
            continue
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            seen.end()
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def _test(name: str, path: Path, mutant: Mutant | None, seen: Seen, told: object) -> None:
    """Runs the module's tests in this process, which ends with it."""
    status = 1
    try:
        if mutant is not None:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            sys.meta_path.insert(0, _Changed(name, path, mutant.tree))
        tests = [str(TESTS / test) for test in (*TARGETS[name], *_ALSO)]
        status = pytest.main(
            [
                "-x",
                "-q",
                "--tb=line",
                "--no-header",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
                "-o",
                f"timeout={seen.enough}",
                *_QUIET,
                *tests,
            ],
            plugins=[told],
        )
    finally:
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    os.chdir(TESTS.parent)
    sys.path.insert(0, str(TESTS.parent))
    sys.exit(main(sys.argv[1:]))
