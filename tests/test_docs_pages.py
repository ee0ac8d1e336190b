"""The pages of the documentation that are one walk from top to bottom, walked."""

from pathlib import Path

import pytest
from support.pages import carry_out

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize(
    ("page", "commands"),
    [
        ("tutorial.md", 16),
        ("howto/swap-the-store.md", 7),
        ("howto/feed-it.md", 6),
        ("howto/rehearse-a-bad-feed.md", 3),
        ("howto/load-test.md", 1),
        ("explanation/exact.md", 1),
        ("explanation/rest.md", 10),
    ],
)
async def test_every_command_prints_what_is_shown(
    no_leaks: None, tmp_path: Path, capfd: pytest.CaptureFixture[str], page: str, commands: int
) -> None:
    done = await carry_out((DOCS / page).read_text(encoding="utf-8"), tmp_path, capfd)
    assert len(done) == commands
