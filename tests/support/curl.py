"""What `curl` would print, as far as the pages use it: the machine of a test need not have one.

Rule: an option that no page has is refused.
"""

from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from yarl import URL

__all__ = ["Request", "ask", "parsed"]


@dataclass
class Request:
    """A command line of curl, read."""

    url: str = ""
    method: str = ""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    head: bool = False
    """Whether the head of the answer is printed too."""

    @property
    def lasts(self) -> bool:
        """Whether the answer is a stream that does not end."""
        return not self.body and not self.method and URL(self.url).path == "/scores"


def parsed(words: list[str], home: Path, stdin: bytes) -> Request:
    """The command line without `curl`; files are in this directory."""
    words, request = [*words], Request()
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            request.headers[name] = value
        elif word == "-d":
            request.body = words.pop(0).encode()
        elif word == "--data-binary":
            source = words.pop(0).removeprefix("@")
            request.body = stdin if source == "-" else (home / source).read_bytes()
        elif word == "-X":
            request.method = words.pop(0)
        elif word == "-i":
            request.head = True
        else:
            assert word.startswith("http"), f"curl {word} is not known here"
            request.url = word
    return request


async def ask(request: Request) -> str:
    """What is printed."""
    method = request.method or ("POST" if request.body else "GET")
    async with (
        aiohttp.ClientSession() as http,
        http.request(
            method, URL(request.url, encoded=True), data=request.body, headers=request.headers
        ) as answer,
    ):
        printed = await answer.text()
        if request.head:
            fields = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
            printed = f"HTTP/1.1 {answer.status} {answer.reason}\n{fields}\n{printed}"
    return printed
