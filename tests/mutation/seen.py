"""What the runs before have shown: which tests notice a change, how long each takes, and what they import.

Rule: a child says it through a pipe, a line at a time; the parent keeps it, and the next child is forked with it.
"""

import os
import sys
from typing import Any

import pytest

__all__ = ["Seen"]

_OURS = ("scores", "support", "mutation", "conftest", "tests", "__main__", "__mp_main__")


class Seen:
    """What is known when a child is forked."""

    def __init__(self) -> None:
        self.modules: list[str] = []
        self.noticed: dict[str, int] = {}
        self.took: dict[str, float] = {}
        self._pending = b""
        self._times = 0

    def told(self, send: int) -> "_Told":
        """A plugin for the child, which puts the tests into order and says what they come to."""
        return _Told(self, send)

    def take(self, said: bytes) -> None:
        """Takes down what a child has said."""
        *lines, self._pending = (self._pending + said).split(b"\n")
        for line in lines:
            kind, value, rest = line.decode().split("\t")
            if kind == "module":
                self.modules.append(value)
            elif kind == "failed":
                self._times += 1
                self.noticed[value] = self._times
            else:
                self.took[value] = float(rest)

    def end(self) -> None:
        """A child has ended, perhaps within a line."""
        self._pending = b""

    @property
    def enough(self) -> float:
        """Seconds by the clock after which a test that waits for ever is ended."""
        return 10 + 5 * max(self.took.values(), default=60)

    def order(self, test: str) -> tuple[int, float]:
        """The last to notice comes first; then the quickest."""
        return -self.noticed.get(test, 0), self.took.get(test, 0.0)


class _Told:
    """A plugin of pytest's."""

    def __init__(self, seen: Seen, send: int) -> None:
        self._seen = seen
        self._send = send

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._seen.order(item.nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._say("failed", report.nodeid)
        elif report.when == "call" and report.nodeid not in self._seen.took:
            self._say("took", report.nodeid, report.duration)

    def pytest_sessionfinish(self, exitstatus: Any) -> None:
        if not exitstatus and not self._seen.modules:
            for name, module in list(sys.modules.items()):
                if name.partition(".")[0] not in _OURS and "/tests/" not in (
                    getattr(module, "__file__", "") or ""
                ):
                    self._say("module", name)

    def _say(self, kind: str, value: str, rest: float = 0.0) -> None:
        os.write(self._send, f"{kind}\t{value}\t{rest}\n".encode())
