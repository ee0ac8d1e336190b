"""The command `scores` as a process of its own."""

import asyncio
import re
import signal
from dataclasses import dataclass

__all__ = ["PATIENCE", "Command"]

PATIENCE = 120.0
"""Seconds after which a process counts as one that never will: far more than a start takes where a dozen other
things are done at once."""


@dataclass
class Command:
    """`scores …` as a process of its own."""

    process: asyncio.subprocess.Process
    address: str = ""

    async def until(self, pattern: str) -> re.Match[str]:
        """The first match in what it logs from here on."""
        assert self.process.stderr is not None
        lines = list[str]()
        try:
            async with asyncio.timeout(PATIENCE):
                while line := await self.process.stderr.readline():
                    lines.append(line.decode())
                    if match := re.search(pattern, lines[-1]):
                        return match
        except TimeoutError:
            lines.append(f"(and nothing else for up to {PATIENCE:g} s)")
        raise AssertionError(f"no line like {pattern!r} in: {''.join(lines)}")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status after the signal."""
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode
