"""A batch waits for those who will ask again at once, never for who asks alone, and not again and again in vain."""

import asyncio
import threading
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scores.stores.sqlite.gathering import Gathering
from scores.stores.sqlite.lane import Job, Lane


class Disk:
    """A worker that takes its time: it goes on when it is told to."""

    def __init__(self) -> None:
        self.batches = list[int]()
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def work(self, jobs: Sequence[Job]) -> bool:
        self.batches.append(len(jobs))
        self.begun.release()
        assert self.go_on.acquire(timeout=30)
        return True

    def rest(self) -> None:
        """Nothing is to be done."""

    def end(self) -> None:
        """Nothing is left."""


class Patient(Gathering):
    """Waits for everybody whom it knows of, for as long as it takes."""

    def pause(self) -> tuple[int, float]:
        wanted, seconds = super().pause()
        return wanted, 30.0 if seconds else 0.0


async def asked_in_turns(gathering: Gathering | None) -> list[int]:
    """The batches of two groups: the second asks while the first is answered, who then ask again."""
    disk = Disk()
    lane = Lane("disk", disk, limit=100, most=100, gathering=gathering)
    first = [lane.ask(None) for _ in range(2)]
    assert await asyncio.to_thread(disk.begun.acquire, timeout=30)
    second = [lane.ask(None) for _ in range(3)]
    disk.go_on.release()
    await asyncio.gather(*first)
    if gathering is None:
        # It does not wait for them.
        assert await asyncio.to_thread(disk.begun.acquire, timeout=30)
    again = [lane.ask(None) for _ in range(2)]
    for _ in range(9):
        disk.go_on.release()
    await asyncio.gather(*second, *again)
    assert await lane.close()
    return disk.batches


async def test_two_groups_become_one() -> None:
    assert await asked_in_turns(Patient()) == [2, 5]


async def test_without_it_they_take_turns() -> None:
    assert await asked_in_turns(None) == [2, 3, 2]


async def test_nobody_waits_for_ever_for_who_does_not_come() -> None:
    disk = Disk()
    lane = Lane("disk", disk, limit=100, most=100, gathering=Gathering())
    first = [lane.ask(None) for _ in range(2)]
    assert await asyncio.to_thread(disk.begun.acquire, timeout=30)
    late = lane.ask(None)
    for _ in range(9):
        disk.go_on.release()
    await asyncio.gather(*first, late)
    assert await lane.close()
    assert disk.batches == [2, 1]


async def test_closing_ends_a_pause() -> None:
    disk = Disk()
    lane = Lane("disk", disk, limit=100, most=100, gathering=Patient())
    first = [lane.ask(None) for _ in range(2)]
    disk.go_on.release()
    await asyncio.gather(*first)
    async with asyncio.timeout(10):
        assert await lane.close()


def test_who_asks_alone_waits_for_nobody() -> None:
    one = Gathering()
    assert one.pause() == (1, 0.0)
    one.answered(1, 0, 0.002)
    assert one.pause() == (1, 0.0)


def test_two_are_waited_for() -> None:
    one = Gathering()
    one.answered(1, 1, 0.002)
    assert one.pause() == (2, 0.001)
    one.answered(16, 16, 60.0)
    assert one.pause() == (32, 0.01)


def test_pauses_in_vain_become_rare_and_one_of_use_makes_them_usual() -> None:
    one = Gathering()
    paused = list[int]()
    for number in range(1000):
        one.answered(4, 4, 0.002)
        if one.pause()[1]:
            paused.append(number)
            # One of the four: less than half.
            one.ended(5)
    assert [later - before for before, later in pairwise(paused)][:8] == [2, 3, 5, 9, 17, 33, 65, 65]
    while not one.pause()[1]:
        """Until it is tried again."""
    one.ended(6)
    one.answered(4, 4, 0.002)
    assert one.pause() == (8, 0.001)


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.integers(0, 99), st.floats(0, 9), st.integers(0, 200)), max_size=50
    )
)
def test_no_pause_is_longer_than_what_it_can_spare(batches: list[tuple[int, int, float, int]]) -> None:
    one = Gathering()
    for jobs, waiting, seconds, come in batches:
        one.answered(jobs, waiting, seconds)
        wanted, pause = one.pause()
        assert 0 <= pause <= min(seconds / 2, 0.01)
        assert pause == 0 or wanted == jobs + waiting > 1
        if pause:
            one.ended(come)
