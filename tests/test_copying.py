"""One store copied into another: both then say the same, to the bit; and what is refused, and why."""

import asyncio
import json
import random
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from support.stores import store_of

from scores.cli.copying import described
from scores.copying import Copying, copy_store
from scores.errors import ConfigError, StoreError
from scores.models import Inspector, Repeats, Result, Score
from scores.stores import Store, open_store
from scores.stores.embedded import EmbeddedStore
from scores.testing import add_one

LAST = Repeats.LAST


class Listing(EmbeddedStore):
    """A store of somebody else, which takes no inspector whole."""

    restore = None  # type: ignore[assignment]  # as if it had none


async def fill(store: Store) -> None:
    rng = random.Random(1)
    await store.record(
        [
            Result(
                f"s{rng.randrange(40)} é🎓",
                rng.choice([0, 3, 2**63 - 1, 2**53 + 1]),
                rng.random() * 2.0 ** -rng.randrange(1060) + 0.0,
            )
            for _ in range(300)
        ],
        repeats=LAST,
    )
    # An exam that takes more than a page.
    await store.record([Result(f"many {number}", 7, number / 2000) for number in range(1500)], repeats=LAST)
    for number in range(40):
        await store.add([Score(f"u{number}", rng.randrange(6)) for _ in range(rng.randrange(1, 40))])
    await store.add([Score("often", 4)] * 2500)


async def everything(store: Store) -> list[Any]:
    exams = (await store.exams(limit=1000)).items
    reports: list[Any] = []
    for one in exams:
        results, after = list[Result](), None
        while (report := await store.exam(one.exam, after=after, limit=1000)) is not None:
            results += report.results.items
            if (after := report.results.next) is None:
                break
        reports.append((one, sorted((result.student_id, result.score.hex()) for result in results)))
    page = await store.students(limit=1000)
    students = [*page.items]
    while page.next is not None:
        page = await store.students(after=page.next, limit=1000)
        students += page.items
    inspectors = (await store.inspectors(limit=1000)).items
    return [
        reports,
        sorted((one.student_id, one.average.hex(), one.count) for one in students),
        sorted((*one, one.mean.hex()) for one in inspectors),
    ]


@pytest.mark.parametrize(
    ("source", "target"),
    [("sqlite", "redis"), ("redis", "sqlite"), ("sqlite", "sqlite"), ("redis", "cluster")],
)
async def test_a_copy_says_the_same_to_the_bit(source: str, target: str) -> None:
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(store_of(kind)) for kind in (source, target)]
        first, second = [await stack.enter_async_context(open_store(url)) for url in urls]
        await fill(first)
        copying = Copying()
        await copy_store(first, second, copying)
        assert await everything(second) == await everything(first)
        assert (copying.inspectors, copying.exams_read) == (41, 5)
        # It is no dead copy.
        for store in (first, second):
            assert (await add_one(store, Score("often", 0))).count == 2501
            await store.record([Result("many 3", 7, 1.0), Result("new", 8, 0.1)], repeats=LAST)
        assert await everything(second) == await everything(first)


async def test_where_no_inspector_is_taken_whole_scores_make_it_up() -> None:
    first, second = EmbeddedStore(dict), Listing(dict)
    await fill(first)
    await copy_store(first, second, Copying())
    assert await everything(second) == await everything(first)


async def test_what_is_there_is_replaced_only_when_that_is_asked_for() -> None:
    first, second = EmbeddedStore(dict), EmbeddedStore(dict)
    await fill(first)
    await second.record([Result("old", 99, 0.5), Result("many 3", 7, 0.9)], repeats=LAST)
    await second.restore([Inspector("old", 7, 7), Inspector("often", 1, 1)])
    before = await everything(second)
    with pytest.raises(ConfigError, match="not empty: --replace removes what is there first"):
        await copy_store(first, second, Copying())
    assert await everything(second) == before
    copying = Copying()
    await copy_store(first, second, copying, replace=True)
    assert await everything(second) == await everything(first)
    assert copying.removed == 4


async def test_nothing_is_removed_for_a_source_that_has_nothing_or_is_the_target() -> None:
    store, empty = EmbeddedStore(dict), EmbeddedStore(dict)
    await fill(store)
    before = await everything(store)
    for source, why in ((empty, "the store to copy from is empty"), (store, "both are the same store")):
        with pytest.raises(ConfigError, match=why):
            await copy_store(source, store, Copying(), replace=True)
        assert await everything(store) == before


async def test_a_copy_that_broke_off_is_begun_anew() -> None:
    first, second = EmbeddedStore(dict), EmbeddedStore(dict)
    await fill(first)

    def stop() -> None:
        if copying.inspectors or copying.results > 1000:
            raise StoreError("the disk is full")

    copying = Copying(changed=stop)
    with pytest.raises(StoreError):
        await copy_store(first, second, copying)
    await copy_store(first, second, Copying(), replace=True)
    assert await everything(second) == await everything(first)


async def test_whoever_writes_meanwhile_is_found_out() -> None:
    first, second = EmbeddedStore(dict), EmbeddedStore(dict)
    await fill(first)

    def write() -> None:
        with pytest.raises(StopIteration):
            first.record([Result("late", 0, 0.5)], repeats=LAST).send(None)

    with pytest.raises(StoreError, match="the copy is not like what it was made of"):
        await copy_store(first, second, Copying(changed=write))


def scores(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "scores", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)


async def filled(file: Path) -> str:
    async with open_store(url := f"sqlite:{file}") as store:
        await store.record([Result("foo", 3, 0.5), Result("bar", 3, 0.25)], repeats=LAST)
        await store.add([Score("a1-b1", 5)])
    return url


async def test_the_command_copies_and_says_what_it_left_out(tmp_path: Path) -> None:
    source, target = await filled(tmp_path / "from.db"), f"sqlite:{tmp_path}/to.db"
    done = await asyncio.to_thread(scores, "copy", source, target)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "2 results and 1 inspector copied; not copied: idempotency keys, and how far a feed has been read\n"
    )
    again = await asyncio.to_thread(scores, "copy", source, target)
    assert (again.returncode, again.stdout) == (2, "")
    assert "--replace" in again.stderr
    replaced = await asyncio.to_thread(scores, "copy", source, target, "--replace", "--json")
    assert json.loads(replaced.stdout) == {"results": 2, "inspectors": 1, "removed": 3}
    async with open_store(source):
        busy = await asyncio.to_thread(scores, "copy", source, target, "--replace")
    assert busy.returncode == 1
    assert "it is open already in process" in busy.stderr


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("dict", "sqlite:x.db", "the store 'dict' cannot be copied: it lives in the memory of a server"),
        ("sqlite:x.db", "sharded:?shards=2", "the store 'sharded:?shards=2' cannot be copied"),
        ("sqlite:x.db", "sqlite:x.db", "FROM and TO are the same store"),
        ("sqlite:no/x.db", "sqlite:y.db", "there is no directory"),
        ("sqlite:typo.db", "sqlite:y.db", "typo.db' cannot be used: there is no such file"),
        ("sqlite:typo.db?check=off", "sqlite:y.db", "typo.db' cannot be used: there is no such file"),
    ],
)
def test_what_cannot_be_copied_is_said(tmp_path: Path, source: str, target: str, why: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scores", "copy", source, target],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_bar_says_how_far_it_is() -> None:
    copying = Copying(results=1200, inspectors=0, exams_read=1, exams=2, all_inspectors=2)
    assert described(copying, 2.0) == "[######..................]  25%  1,200 results  0 inspectors  600/s"
    assert described(Copying(removed=7), 0.0) == "7 students and inspectors removed"
