"""Pages in a real Chromium, without any network but the server that is tested.

The rule: a visit is told of everything that must not happen (a request to anybody else, an error in the console,
a script that fails, something that the page's policy forbids) and `Visit.check` fails for each.
"""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, ConsoleMessage, Page, Request, Route, async_playwright

__all__ = ["Visit", "launched", "visiting"]

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name leads anywhere: whoever is not asked by his address is not there.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
)

# The console tells of most violations; this, of all, with the directive.
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error("policy: " + event.effectiveDirective + " forbids " + (event.blockedURI || "inline")));
"""


@dataclass
class Visit:
    """A page of a browser, and what came of opening it."""

    page: Page
    origin: str
    asked: list[str] = field(default_factory=list)
    """`GET http://…` for each request, in order."""
    foreign: list[str] = field(default_factory=list)
    """The addresses of requests to others, which were not let out."""
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and exceptions that no script caught."""

    def check(self) -> None:
        """Fails if anything happened that must not."""
        assert self.foreign == []
        assert self.complaints == []

    def _asks(self, request: Request) -> None:
        self.asked.append(f"{request.method} {request.url}")

    async def _keep_in(self, route: Route) -> None:
        self.foreign.append(route.request.url)
        await route.abort()

    def _hears(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A Chromium with a fresh profile, Debian's: nothing is downloaded."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise RuntimeError("the tests need a Chromium on the PATH: `make chromium` installs one")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*_FLAGS])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visiting(browser: Browser, origin: str) -> AsyncIterator[Visit]:
    """A page without cookies or cache that can reach nobody but this origin, `http://host:port`."""
    context = await browser.new_context()
    try:
        await context.add_init_script(_TELL_VIOLATIONS)
        page = await context.new_page()
        page.set_default_timeout(20_000)
        visit = Visit(page, origin)
        # What goes to the server needs no word from here: a page has many files.
        await context.route(re.compile(f"^(?!{re.escape(origin)}/)"), visit._keep_in)
        page.on("request", visit._asks)
        page.on("console", visit._hears)
        page.on("pageerror", lambda error: visit.complaints.append(f"exception: {error}"))
        yield visit
    finally:
        await context.close()
