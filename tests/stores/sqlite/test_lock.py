"""What keeps a store from its lock is what is said, and not something else; and a file that is only to be read is not made."""

import errno
import fcntl
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from scores.errors import ConfigError
from scores.models import Inspector, Score
from scores.testing import open_blocking


def refusal(url: str) -> str:
    with pytest.raises(ConfigError) as caught, open_blocking(url):
        pass
    return str(caught.value)


@pytest.fixture
def lock(file: Path) -> Path:
    return file.with_name(f"{file.name}-lock")


def elsewhere(lock: Path) -> None:
    lock.symlink_to(lock.with_name("elsewhere"))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, elsewhere], ids=["directory", "pipe", "link"])
def test_what_is_no_file_is_not_taken_for_the_lock(
    store_url: str, file: Path, lock: Path, make: Callable[[Path], None]
) -> None:
    make(lock)
    assert refusal(store_url).endswith(
        "scores.db-lock, which is the lock's name, is no regular file: move it away"
    )
    assert [one.name for one in file.parent.iterdir()] == [lock.name]


def test_a_name_that_is_too_long_for_a_lock(file: Path) -> None:
    url = f"sqlite:{file.with_name('x' * 252)}"
    assert "-lock, cannot be made (File name too long)" in refusal(url)


def test_no_descriptor_for_a_lock(store_url: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open(os.devnull) as last:  # noqa: PTH123  # for its number only
        free = last.fileno()
    inner = open_blocking(store_url)
    try:
        # The loop that it runs on needs some itself.
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 3, hard))
        with pytest.raises((ConfigError, OSError)) as caught, inner:
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "directory" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "there", "why"),
    [
        (errno.EACCES, True, "its lock, scores.db-lock, may not be written by this user: see its owner and its mode"),
        (errno.EACCES, False, "its directory cannot be written (Permission denied)"),
        (errno.EROFS, False, "its directory cannot be written (Read-only file system)"),
        (errno.ENOSPC, False, "its lock, scores.db-lock, cannot be made (No space left on device)"),
        (errno.EMFILE, False, "its lock, scores.db-lock, cannot be made (Too many open files)"),
    ],
)  # fmt: skip
def test_a_lock_that_cannot_be_opened(  # what it is given
    monkeypatch: pytest.MonkeyPatch, store_url: str, lock: Path, number: int, why: str, *, there: bool
) -> None:
    # As the system says it to whoever is not root.
    def refused(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    if there:
        lock.touch()
    monkeypatch.setattr(os, "open", refused)
    assert refusal(store_url).endswith(f"cannot be used: {why}")


def test_a_file_system_without_locks(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    said = refusal(store_url)
    assert "scores.db-lock cannot be locked (No locks available): its file system has to keep locks" in said


def test_a_disk_without_room_for_the_lock(
    store_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", refused)
    assert "its lock, scores.db-lock, cannot be written (No space left on device)" in refusal(store_url)
    assert list(file.parent.iterdir()) == []


def test_a_lock_that_cannot_be_removed_is_taken_over(
    store_url: str, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with open_blocking(store_url) as store:
        store.add_one(Score("a1-b1", 5))
        monkeypatch.setattr(Path, "unlink", refused)
    monkeypatch.undo()
    assert lock.exists()
    with open_blocking(store_url) as store:
        assert store.inspector("a1-b1") == Inspector("a1-b1", 1, 5)
    assert not lock.exists()


def test_a_file_that_is_not_to_be_made_is_not(store_url: str, file: Path) -> None:
    assert refusal(f"{store_url}?create=off").endswith("cannot be used: there is no such file")
    assert list(file.parent.iterdir()) == []
    with open_blocking(f"{store_url}?create=on") as store:
        store.add_one(Score("a1-b1", 5))
    with open_blocking(f"{store_url}?create=off") as store:
        assert store.inspector("a1-b1") == Inspector("a1-b1", 1, 5)
