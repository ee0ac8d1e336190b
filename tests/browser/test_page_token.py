"""The page at `/`: what is entered as a token and can be none is said at the form, and never sent."""

import pytest
from playwright.async_api import Browser, expect
from support.browser import visiting
from support.page import expected

from scores.config import Config
from scores.web.server import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITE = "write-token-0123456"
NONE = "A token has letters, digits and -._~+/ only, and perhaps = at its end: this is none."


async def test_what_no_header_can_carry_is_said_at_the_form(browser: Browser) -> None:
    config = Config(feed=None, port=0, write_token=(WRITE,), read_token=("read-token-0123456",))
    async with running(config) as address, visiting(browser, address) as visit:
        page = visit.page
        await page.goto(f"{address}/")
        dialog = page.get_by_role("dialog", name="A token, please")
        entry, alert = dialog.get_by_label("Token"), dialog.get_by_role("alert")
        await expect(dialog).to_be_visible()
        await expect(alert).to_have_text("")
        sent = list[str]()
        page.on("request", lambda request: sent.append(request.url))
        for text in ("tökén-0123456789abc", "“write-token-0123456”", "write token 0123456", "🎓" * 16, "   "):
            await entry.fill(text)
            await page.keyboard.press("Enter")
            await expect(alert).to_have_text(NONE)
            await expect(entry).to_have_attribute("aria-invalid", "true")
            await expect(entry).to_be_focused()
        assert sent == []
        # Who pastes it with a line end or a space means the token.
        await entry.fill(f" {WRITE} ")
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#live")).to_have_text("Live")
        await page.get_by_role("button", name="Token").click()
        await expect(alert).to_have_text("")
        await page.keyboard.press("Escape")
        # What an earlier page may have kept is not sent either: it is asked for anew.
        await page.evaluate("sessionStorage.setItem('scores-token', 'tökén')")
        await page.reload()
        await expect(dialog).to_be_visible()
        expected(visit, "status of 401")
        visit.check()
