"""A file is backed up while its server is written to, as docs/howto/operate.md says, and is restored from that."""

import asyncio
import re
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from support.audit import posting, stored

from scores.errors import ConfigError

PAGE = (Path(__file__).parent.parent / "docs/howto/operate.md").read_text(encoding="utf-8")
(BACKUP,) = re.findall(r"^\$ (python -c .*)$", PAGE, re.MULTILINE)

Serve = Callable[..., Awaitable[str]]


async def backed_up(
    serve: Serve, home: Path, *words: str
) -> tuple[Counter[str], Counter[str], dict[str, int]]:
    """Posts, runs the command meanwhile; what was acknowledged before it, in the end, and what the copy has."""
    address = await serve(store=f"sqlite:{home}/scores.db")
    async with posting(address) as audit:
        await audit.more(200)
        before = Counter(audit.acked)
        command = [word.replace("/data/", f"{home}/") for word in words]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        _, said = await process.communicate()
        assert process.returncode == 0, said
        await audit.more(200)
    copy = await serve(store=f"sqlite:{home}/backup.db")
    return before, audit.acked + audit.unknown, await stored(copy)


async def test_a_backup_has_what_was_acknowledged_before_it(serve: Serve, tmp_path: Path) -> None:
    program, *arguments = shlex.split(BACKUP)
    assert program == "python"
    before, after, has = await backed_up(serve, tmp_path, sys.executable, *arguments)
    assert before <= Counter(has) <= after


async def test_control_a_copy_of_the_file_lacks_what_is_in_the_log(serve: Serve, tmp_path: Path) -> None:
    before, _, has = await backed_up(serve, tmp_path, "cp", "/data/scores.db", "/data/backup.db")
    assert not before <= Counter(has)


async def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    _, *arguments = shlex.split(BACKUP.replace("/data/", f"{tmp_path}/"))
    files = tmp_path / "scores.db", tmp_path / "backup.db"
    for file in files:
        file.write_bytes(b"")
    files[1].write_text("another")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert b"already exists" in said or b"not a database" in said
    assert files[1].read_text() == "another"


async def restored(
    serve: Serve, home: Path, *, left: tuple[str, ...]
) -> tuple[dict[str, int], dict[str, int]]:
    """What the backup has, and what a server on the restored file has, with these of the old files left beside it."""
    _, *arguments = shlex.split(BACKUP)
    _, _, has = await backed_up(serve, home, sys.executable, *arguments)
    place = home / "restored"
    place.mkdir()
    shutil.copy(home / "backup.db", place / "scores.db")
    for suffix in left:
        shutil.copy(home / f"scores.db{suffix}", place / f"scores.db{suffix}")
    try:
        return has, await stored(await serve(store=f"sqlite:{place}/scores.db"))
    except ConfigError:
        return has, {}


async def test_a_restored_file_is_the_backup(serve: Serve, tmp_path: Path) -> None:
    has, found = await restored(serve, tmp_path, left=())
    assert found == has


async def test_control_the_old_log_is_taken_for_the_restored_files(serve: Serve, tmp_path: Path) -> None:
    has, found = await restored(serve, tmp_path, left=("-wal", "-shm"))
    assert found != has
