"""One store's results and inspectors, put into another, exactly.

Results go by exam, inspectors whole where the other store takes them so, and else as scores that make the
same count and sum. Rule: what came out is counted on both sides before it is called done, and a copy that
broke off is begun anew, from nothing.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from scores.errors import ConfigError, StoreError
from scores.models import Inspector, InspectorKey, Page, Repeats, Score, StudentKey
from scores.stores import Store
from scores.stores.restoring import Restoring

__all__ = ["Copying", "copy_store"]

PAGE: Final = 1000
"""Results and inspectors that are under way at once."""

T = TypeVar("T")


@dataclass(slots=True)
class Copying:
    """A copy under way; `changed` is called after each step."""

    results: int = 0
    inspectors: int = 0
    removed: int = 0
    """Students and inspectors that were there before."""
    exams_read: int = 0
    exams: int = 0
    """As many as there were at the beginning, as `all_inspectors`."""
    all_inspectors: int = 0
    changed: Callable[[], None] = lambda: None


async def copy_store(source: Store, target: Store, copying: Copying, *, replace: bool = False) -> None:
    """Copies all that is in the source; with `replace`, in the place of all that is in the target.

    Raises `ConfigError` for a target that is not empty and not to be replaced, and for a source that is empty
    or is the target; `StoreError` where one of them fails, or where they are not alike in the end, as when
    somebody writes to one of them meanwhile.
    """
    if await _size(source) == (0, 0, 0):
        # A name that was mistyped must not empty the other store.
        raise ConfigError("the store to copy from is empty")
    if await _size(target) != (0, 0, 0):
        if not replace:
            raise ConfigError("the store to copy to is not empty: --replace removes what is there first")
        await _tell_apart(source, target)
        await _clear(target, copying)
    copying.exams, copying.all_inspectors = (await _size(source))[1:]
    await _copy_results(source, target, copying)
    await _copy_inspectors(source, target, copying)
    before, after = await _size(source), await _size(target)
    if before != after or copying.results != await _results(target):
        raise StoreError(
            f"the copy is not like what it was made of: {_shown(after)} where there are {_shown(before)};"
            " does anybody write to one of the stores?"
        )


async def _tell_apart(source: Store, target: Store) -> None:
    """Raises `ConfigError` for two ways to one store, where to clear the one would be to lose the other."""
    probe = Score(f"copying {secrets.token_hex(16)}", 0)
    try:
        for answer in await target.add([probe]):
            if isinstance(answer, StoreError):
                raise answer
        if await source.inspector(probe.uuid) is not None:
            raise ConfigError("both are the same store")
    finally:
        await target.remove(InspectorKey(probe.uuid))


async def _size(store: Store) -> tuple[int, int, int]:
    return (
        (await store.students(limit=1)).total,
        (await store.exams(limit=1)).total,
        (await store.inspectors(limit=1)).total,
    )


async def _results(store: Store) -> int:
    return sum([sum(exam.count for exam in page) async for page in _pages(store.exams)])


async def _clear(store: Store, copying: Copying) -> None:
    # Always the first page: the others move up.
    while students := (await store.students(limit=PAGE)).items:
        for student in students:
            await store.remove(StudentKey(student.student_id))
            copying.removed += 1
            copying.changed()
    while inspectors := (await store.inspectors(limit=PAGE)).items:
        for inspector in inspectors:
            await store.remove(InspectorKey(inspector.uuid))
            copying.removed += 1
            copying.changed()


async def _copy_results(source: Store, target: Store, copying: Copying) -> None:
    async for exams in _pages(source.exams):
        for exam in exams:
            after: str | None = None
            while (report := await source.exam(exam.exam, after=after, limit=PAGE)) is not None:
                await target.record(report.results.items, repeats=Repeats.LAST)
                copying.results += len(report.results.items)
                copying.changed()
                after = report.results.next
                if after is None:
                    break
            copying.exams_read += 1


async def _copy_inspectors(source: Store, target: Store, copying: Copying) -> None:
    async for inspectors in _pages(source.inspectors):
        if isinstance(target, Restoring):
            await target.restore(inspectors)
        else:
            for inspector in inspectors:
                await _add_up(target, inspector)
        copying.inspectors += len(inspectors)
        copying.changed()


async def _add_up(store: Store, inspector: Inspector) -> None:
    """Adds scores that make this inspector's count and sum."""
    least, more = divmod(inspector.total, inspector.count)
    for at in range(0, inspector.count, PAGE):
        numbers = range(at, min(at + PAGE, inspector.count))
        for answer in await store.add([Score(inspector.uuid, least + (one < more)) for one in numbers]):
            if isinstance(answer, StoreError):
                raise answer


async def _pages(listing: Callable[..., Awaitable[Page[T]]]) -> AsyncIterator[Sequence[T]]:
    position: dict[str, Any] = {}
    while True:
        page = await listing(limit=PAGE, **position)
        yield page.items
        if page.next is None:
            return
        position = {"after": page.next}


def _shown(size: tuple[int, int, int]) -> str:
    return f"{size[0]} students, {size[1]} exams and {size[2]} inspectors"
