"""The limit of open files that a server begins with: raised as far as it goes, and told of where it is too low."""

import errno
import resource
from pathlib import Path

import pytest

from scores.cli.descriptors import raise_descriptors
from scores.config import Config
from scores.errors import Overloaded
from scores.web import files


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """The limits of a process that is not this one."""
    of = {"now": (1024, 524_288)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: of["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: of.update(now=limits))
    return of


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1024, 524_288), (10_100, 524_288)),
        ((1024, resource.RLIM_INFINITY), (10_100, resource.RLIM_INFINITY)),
        ((10_100, 10_100), (10_100, 10_100)),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)),
    ],
)
def test_it_is_raised_to_what_the_settings_need(
    limits: dict[str, tuple[int, int]],
    before: tuple[int, int],
    after: tuple[int, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits["now"] = before
    raise_descriptors(Config())
    assert limits["now"] == after
    assert not caplog.records


def test_what_is_too_few_is_told(
    limits: dict[str, tuple[int, int]], caplog: pytest.LogCaptureFixture
) -> None:
    limits["now"] = (256, 4096)
    raise_descriptors(Config())
    assert limits["now"] == (4096, 4096)
    assert "4096 files may be open, too few for SCORES_MAX_CONNECTIONS=10000" in caplog.text


def test_a_system_that_allows_less_than_it_says_is_no_error(
    limits: dict[str, tuple[int, int]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "setrlimit", refuse)
    raise_descriptors(Config())
    assert "1024 files may be open" in caplog.text


@pytest.mark.parametrize(
    ("number", "error"), [(errno.EMFILE, Overloaded), (errno.ENFILE, Overloaded), (errno.EIO, OSError)]
)
async def test_a_file_that_cannot_be_opened_for_now_is_a_refusal(
    number: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> bytes:
        raise OSError(number, "no")

    files._read.cache_clear()
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(error):
        await files.packaged("docs/index.html")
