"""The command `scores` as a process of its own."""

import asyncio
import re
import signal
from dataclasses import dataclass

__all__ = ["Command"]


@dataclass
class Command:
    """`scores …` as a process of its own."""

    process: asyncio.subprocess.Process
    address: str = ""

    async def until(self, pattern: str) -> re.Match[str]:
        """The first match in what it logs from here on."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while line := await self.process.stderr.readline():
                if match := re.search(pattern, line.decode()):
                    return match
        raise AssertionError(f"no line like {pattern!r}")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status after the signal."""
        self.process.send_signal(number)
        async with asyncio.timeout(20):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode
