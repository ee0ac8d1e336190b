"""Whether the links to other sites still lead somewhere: `make links`, which needs the internet.

Rule: every address in a Markdown page of the repository and in the sources is asked for once, unless it is
an example's or a machine's own; what is answered with an error is named with the files that have it.
"""

import asyncio
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import aiohttp

__all__ = ["found", "main"]

ROOT = Path(__file__).parents[2]

_ADDRESS = re.compile(r"https?://[\w.-]+\.[a-z]{2,}(?::\d+)?(?:/[\w./~%+#?=&-]*)?")
_NOBODY = re.compile(
    r"//(?:[\w.-]+\.)?(?:example\.(?:org|com|net)|\w+\.invalid|127\.\d+\.\d+\.\d+)(?=[:/]|$)"
    r"|//www\.w3\.org/2000/|//live-test-scores\.herokuapp\.com/"
)
"""Examples, the name of a format, and a setting's value, which is no link: nobody is asked."""


def found(root: Path) -> dict[str, list[str]]:
    """The addresses in the pages and sources below this directory, each with the files that have it."""
    addresses: dict[str, list[str]] = {}
    for path in _read(root):
        for address in _ADDRESS.findall(path.read_text(encoding="utf-8")):
            if not _NOBODY.search(address):
                addresses.setdefault(address.rstrip(".,;:"), []).append(str(path.relative_to(root)))
    return addresses


def _read(root: Path) -> Iterable[Path]:
    yield from root.glob("*.md")
    for folder, kinds in {"docs": "*.md", "scores": "*.py", "benchmarks": "*.py", ".github": "*"}.items():
        yield from (path for path in sorted((root / folder).rglob(kinds)) if path.is_file())


async def _dead(addresses: Mapping[str, list[str]]) -> dict[str, str]:
    """Why an address does not lead anywhere, for those that do not."""
    timeout = aiohttp.ClientTimeout(total=30)
    headers = {"User-Agent": "Mozilla/5.0 (links of the documentation of scores)"}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as http:

        async def asked(address: str) -> str:
            try:
                async with http.get(address) as answer:
                    return "" if answer.ok else str(answer.status)
            except (aiohttp.ClientError, TimeoutError) as exc:
                return f"{type(exc).__name__}: {exc}"

        said = await asyncio.gather(*map(asked, addresses))
    return {address: why for address, why in zip(addresses, said, strict=True) if why}


def main() -> int:
    """Names the dead ones; 1 if there are any."""
    addresses = found(ROOT)
    dead = asyncio.run(_dead(addresses))
    for address, why in dead.items():
        sys.stdout.write(f"{address} ({why}): {', '.join(sorted({*addresses[address]}))}\n")
    sys.stdout.write(f"{len(addresses)} links to other sites, {len(dead)} dead\n")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
