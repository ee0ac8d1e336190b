"""Which files a store takes: its own, and those that are not there yet; of all others one sentence says why not."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scores.config import Config
from scores.errors import ConfigError
from scores.models import Inspector, Repeats, Result, Score
from scores.stores.sqlite import checking, schema
from scores.stores.sqlite.driver import Connection, Failed
from scores.stores.sqlite.lock import locked
from scores.testing import open_blocking
from scores.web.app import _check


def refusal(url: str) -> str:
    with pytest.raises(ConfigError) as caught, open_blocking(url):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


# URLs.


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("sqlite:", "it must name a file, as in sqlite:scores.db"),
        ("sqlite", "it must name a file"),
        ("sqlite:?check=full", "it must name a file"),
        ("sqlite::memory:", "a store that is gone with its process is `dict`"),
        ("sqlite:///tmp/x.db", "as in sqlite:/var/lib/scores.db"),
        ("sqlite:x#1.db", "a # must be written as %23"),
        ("sqlite:50%.db", "must be written as %25"),
        ("sqlite:a%00b", "it must name a file"),
        (
            "sqlite:x.db?",
            "its options are check, one of auto, quick, full, off, create, on or off, and queue, from 1 to 1000000",
        ),
        ("sqlite:x.db?mode=ro", "its options are"),
        ("sqlite:x.db?check=", "its options are"),
        ("sqlite:x.db?create=maybe", "its options are"),
        ("sqlite:x.db?queue=0", "its options are"),
        ("sqlite:x.db?queue=1000001", "its options are"),
        ("sqlite:x.db?queue=1&queue=2", "queue is there twice"),
    ],
)
def test_a_url_that_is_wrong_is_refused_with_what_is_allowed(url: str, rule: str) -> None:
    assert rule in refusal(url)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a b.db", "a b.db"),
        ("what?.db", "what%3F.db"),
        ("#1 50%.db", "%231 50%25.db"),
        ("é🎓.db", "é🎓.db"),
        ("x\udcff", "x%FF"),
    ],
)
def test_a_file_may_have_any_name(tmp_path: Path, name: str, written: str) -> None:
    with open_blocking(f"sqlite:{tmp_path}/{written}") as store:
        store.add_one(Score("a1-b1", 5))
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_blocking("sqlite:scores.db") as store:
        # Where a process goes later makes no difference.
        monkeypatch.chdir("/")
        store.add_one(Score("a1-b1", 5))
    assert (tmp_path / "scores.db").is_file()


# What is there.


def foreign(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("CREATE TABLE mine (x)")


def numbered(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA application_id=1")


def newer(file: Path) -> None:
    with open_blocking(f"sqlite:{file}"):
        pass
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA user_version=99")


def other_tables(file: Path) -> None:
    with open_blocking(f"sqlite:{file}"):
        pass
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("DROP INDEX results_by_exam")


FILES: list[tuple[Callable[[Path], object], str]] = [
    (Path.mkdir, "it is a directory: name a file"),
    (os.mkfifo, "it is no regular file: name a file"),
    (lambda file: file.write_bytes(b"no database" * 100), "is not a database of SQLite"),
    (foreign, "it is a database of another application"),
    (numbered, "it is a database of another application"),
    (newer, "its version is 99, and this version of scores reads 1 to 1"),
    (other_tables, "some of its tables are not as they were made"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "reason"), FILES)
def test_a_file_that_is_no_stores_is_refused_and_left_as_it_was(
    file: Path, make: Callable[[Path], object], reason: str
) -> None:
    make(file)
    before = file.read_bytes() if file.is_file() else b""
    assert reason in (said := refusal(f"sqlite:{file}"))
    assert repr(str(file)) in said
    assert (file.read_bytes() if file.is_file() else b"") == before
    assert [one for one in file.parent.iterdir() if not one.name.endswith("-shm")] == [file]


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert f"there is no directory '{tmp_path}/no': make it first" in refusal(
        f"sqlite:{tmp_path}/no/scores.db"
    )


def test_a_file_with_two_names_is_refused(store_url: str, file: Path) -> None:
    with open_blocking(store_url):
        pass
    other = file.with_name("other.db")
    other.hardlink_to(file)
    assert "it has several names (hard links)" in refusal(f"sqlite:{other}")
    other.unlink()
    with open_blocking(store_url):
        pass


def test_an_empty_file_is_a_new_store(store_url: str, file: Path) -> None:
    file.touch()
    with open_blocking(store_url) as store:
        store.add_one(Score("a1-b1", 5))


def test_what_cannot_be_written_is_refused(
    store_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_blocking(store_url):
        pass

    def run(connection: Connection, sql: str, values: object = ()) -> int:
        raise Failed("the file cannot be written: attempt to write a readonly database (SQLITE_READONLY)")

    monkeypatch.setattr(Connection, "run", run)
    assert "the file cannot be written" in refusal(store_url)
    monkeypatch.undo()
    monkeypatch.setattr("os.open", no_directory)
    assert "its directory cannot be written (Read-only file system)" in refusal(store_url)


def no_directory(*_: object) -> int:
    raise OSError(30, "Read-only file system")


def test_a_sqlite_that_is_too_old_is_refused(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "VERSION", (3, 37, 2))
    assert "Python's SQLite is 3.37.2: the sqlite: store needs 3.38 or later" in refusal(store_url)


# One at a time.


def test_a_second_process_is_told_who_has_it(store_url: str, file: Path) -> None:
    code = f"import sys; from scores.testing import open_blocking\nwith open_blocking({store_url!r}): print('open', flush=True); sys.stdin.read()"
    line = [sys.executable, "-c", code]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        linked = file.with_name("linked.db")
        linked.symlink_to(file)
        for url in (store_url, f"sqlite:{linked}", f"sqlite:{file.parent}/../{file.parent.name}/{file.name}"):
            assert f"it is open already in process {process.pid}:" in refusal(url)
        process.kill()
    # The kernel has let go of it.
    with open_blocking(f"sqlite:{linked}"):
        assert "it is open already" in refusal(store_url)


def test_a_lock_on_a_file_that_was_removed_is_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, opening = file.with_name(f"{file.name}-lock"), os.open
    removed = list[Path]()

    def slow(*arguments: Any) -> int:
        """Somebody lets go of the lock, and removes its file, just when it has been opened."""
        descriptor = opening(*arguments)
        if not removed:
            removed.append(beside)
            beside.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", slow)
    with locked(file):
        monkeypatch.undo()
        assert beside.exists()
        with pytest.raises(ConfigError, match="it is open already"), locked(file):
            pass
    assert not beside.exists()


def test_two_workers_are_refused(store_url: str) -> None:
    with open_blocking(store_url) as store, pytest.raises(ConfigError, match="lives in one process"):
        _check(Config(store=store_url, workers=2), store.store)


def test_the_default_is_still_dict() -> None:
    assert Config().store == "dict"


# Versions.


def test_an_older_file_becomes_a_newer_one_with_all_that_is_in_it(store_url: str, file: Path) -> None:
    with open_blocking(store_url) as store:
        store.record([Result("foo", 3, 0.1)], repeats=Repeats.LAST)
        store.add_one(Score("a1-b1", 5))

    def second(connection: Connection) -> None:
        connection.run("CREATE TABLE later (x INTEGER) STRICT")
        connection.run("INSERT INTO later SELECT count(*) FROM inspectors")

    def broken(connection: Connection) -> None:
        connection.run("CREATE TABLE too_late (x INTEGER) STRICT")
        raise Failed("killed in the middle")

    connection = Connection(file, create=False)
    with pytest.raises(Failed):
        schema.migrate(connection, [*schema.STEPS, second, broken])
    # Each step by itself: the one that failed has left nothing.
    assert schema.version_of(connection, [*schema.STEPS, second]) == 2
    assert connection.value("SELECT x FROM later") == 1
    assert schema.migrate(connection, [*schema.STEPS, second]) == 2
    assert schema.found_schema(connection) == schema.schema_of([*schema.STEPS, second])
    connection.close()
    assert "its version is 2" in refusal(store_url)


def test_a_new_file_is_made_by_the_steps_from_nothing(file: Path) -> None:
    connection = Connection(file, create=True)
    assert schema.migrate(connection) == 0
    assert connection.value("PRAGMA application_id") == schema.APPLICATION
    assert schema.found_schema(connection) == schema.schema_of()
    connection.close()


# For people.


def test_anybody_can_read_it_with_sqlite(store_url: str, file: Path) -> None:
    scores = [0.1, 1.0, 0.0, 1 / 3, 2**-60, 5e-300]
    with open_blocking(store_url) as store:
        store.record([Result("foo", exam, score) for exam, score in enumerate(scores)], repeats=Repeats.LAST)
        store.restore([Inspector("a1-b1", 4, 10)])
    other = sqlite3.connect(file)
    assert other.execute("SELECT * FROM scores ORDER BY exam").fetchall() == [
        ("foo", exam, score) for exam, score in enumerate(scores)
    ]
    assert other.execute("SELECT * FROM means").fetchall() == [("a1-b1", 4, 2.5)]
    other.close()
