"""What a row of each table means, and how it is read and written, many rows in one statement.

Each row ends in a seal, a CRC-32 over what it says: SQLite has none for its pages, and what a disk or a
memory has changed must not be taken for a score. Rule: a double never passes through SQLite's text, which is
not correctly rounded: its bits do, as an integer; a total, which is longer than 64 bits, is a text of ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Any, Final, Generic, NamedTuple, TypeVar
from zlib import crc32

from scores import exact
from scores.stores.sqlite.driver import Failed, Value

__all__ = [
    "AT_ONCE", "EXAMS", "FEEDS", "INSPECTORS", "MARKS", "MAX_PACKED", "ONE", "RESULTS", "STATE", "STUDENTS",
    "Feed", "Kept", "State", "Table", "Total", "bits_of", "checked", "double_of", "inspector_text", "padded",
    "removing", "result_text", "selecting", "shown", "total_of", "total_text", "writing",
]  # fmt: skip

AT_ONCE: Final = 256
"""Most rows that one statement reads or writes."""

ONE: Final = 1 << 33
"""An inspector's count is in units of this; the sum is at most 5 · count, and below it while count < 2^30."""
MAX_PACKED: Final = 2**63 - 1

_COUNT_BITS: Final = 64
_DOUBLE: Final = Struct("<d")
_BITS: Final = Struct("<q")

K = TypeVar("K")
V = TypeVar("V")

Total = tuple[int, int]
"""The two parts of a total: see `scores.exact`."""


class State(NamedTuple):
    """What is known of the whole store."""

    students: int = 0
    exams: int = 0
    inspectors: int = 0
    marks: int = 0
    clock: int = 0
    """Milliseconds for which a server has been running on it, as of the last mark."""


class Kept(NamedTuple):
    """A mark that is remembered."""

    over: int
    """When it may be forgotten, by the store's clock."""
    body: bytes
    packed: int


class Feed(NamedTuple):
    """How far a feed has been read, and the token of who read it last."""

    token: int
    position: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table(Generic[K, V]):
    """One table: its columns, and what they mean. All but `seal` are the key's or the value's."""

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    key: Callable[[K], tuple[Value, ...]]
    """The key's columns."""
    value: Callable[[V], tuple[Value, ...]]
    """The value's columns."""
    text: Callable[[K, V], str]
    """What the seal is made of."""
    parse: Callable[[str], V]
    """The value from the text of its columns, between spaces, blobs in hexadecimal."""
    pages: int = 1
    """Where a row is: in the table, and in an index if there is one."""

    def row(self, key: K, value: V) -> tuple[Value, ...]:
        """All columns."""
        return (*self.key(key), *self.value(value), crc32(self.text(key, value).encode()))

    def parsed(self, key: K, text: str | None) -> V | None:
        """The value that was read with `selecting`; raises `Failed` for a row that is damaged."""
        if text is None:
            return None
        seal, _, rest = text.partition(" ")
        try:
            value = self.parse(rest)
            if int(seal) == crc32(self.text(key, value).encode()):
                return value
        except ValueError:
            pass
        raise Failed(f"the file is damaged: a row of the table {self.name} is not as it was written")


def checked(text: str, seal: int) -> None:
    """Raises `Failed` where the seal is not that of the text."""
    if crc32(text.encode()) != seal:
        raise Failed("the file is damaged: a row is not as it was written")


def shown(table: Table[Any, Any]) -> str:
    """What `parsed` reads, of a row."""
    return " || ' ' || ".join(f"hex({one})" if one == "body" else one for one in ("seal", *table.values))


@lru_cache(maxsize=256)
def selecting(table: Table[Any, Any], rows: int) -> str:
    """A statement that gives one row, with a text, or None, for each of so many keys."""
    where = " AND ".join(f"{column}=?" for column in table.keys)
    one = f"(SELECT {shown(table)} FROM {table.name} WHERE {where})"  # noqa: S608  # names of ours
    return f"SELECT {','.join([one] * rows)}"


@lru_cache(maxsize=256)
def writing(table: Table[Any, Any], rows: int) -> str:
    """A statement that writes so many rows over what is there under their keys."""
    columns = (*table.keys, *table.values, "seal")
    places = f"({','.join('?' * len(columns))})"
    sets = ",".join(f"{column}=excluded.{column}" for column in (*table.values, "seal"))
    return (
        f"INSERT INTO {table.name} ({','.join(columns)}) VALUES {','.join([places] * rows)}"  # noqa: S608  # likewise
        f" ON CONFLICT ({','.join(table.keys)}) DO UPDATE SET {sets}"
    )


@lru_cache(maxsize=256)
def removing(table: Table[Any, Any], rows: int) -> str:
    """A statement that removes the rows with so many keys."""
    where = " AND ".join(f"{column}=?" for column in table.keys)
    return f"DELETE FROM {table.name} WHERE {' OR '.join([f'({where})'] * rows)}"  # noqa: S608  # likewise


def padded(items: Sequence[Any]) -> list[Any]:
    """The same, the last one repeated up to a power of two: few statements serve all numbers.

    To read, write or remove a row twice is to do so once.
    """
    size = 1 << (len(items) - 1).bit_length()
    return [*items, *[items[-1]] * (size - len(items))]


def bits_of(score: float) -> int:
    """The double's bits; those of 0.0 to 1.0 sort as these do."""
    bits: int = _BITS.unpack(_DOUBLE.pack(score))[0]
    return bits


def double_of(bits: int) -> float:
    """The double again."""
    score: float = _DOUBLE.unpack(_BITS.pack(bits))[0]
    return score


def total_text(total: Total) -> str:
    """A total as the tables have it."""
    short, rest = total
    text = f"{exact.count(short)} {short >> _COUNT_BITS:x}"
    return f"{text} {rest:x}" if rest else text


def total_of(text: str) -> Total:
    """The total again; raises `ValueError` for another text."""
    count, units, *rest = text.split(" ")
    return (int(units, 16) << _COUNT_BITS) + int(count), int(rest[0], 16) if rest else 0


def inspector_text(uuid: str, packed: int) -> str:
    """What an inspector's seal is made of."""
    return f"{uuid}\0{packed}"


def result_text(student: str, exam: int, bits: int) -> str:
    """What a result's seal is made of."""
    return f"{student}\0{exam}\0{bits}"


def _kept(text: str) -> Kept:
    over, body, packed = text.split(" ")
    return Kept(int(over), bytes.fromhex(body), int(packed))


def _feed(text: str) -> Feed:
    token, _, position = text.partition(" ")
    return Feed(int(token), position)


def _alone(key: Any) -> tuple[Any, ...]:
    return (key,)


def _itself(key: Any) -> Any:
    return key


INSPECTORS: Final[Table[str, int]] = Table(
    name="inspectors", keys=("uuid",), values=("packed",),
    key=_alone, value=_alone, text=inspector_text, parse=int,
)  # fmt: skip
STUDENTS: Final[Table[str, Total]] = Table(
    name="students", keys=("student",), values=("total",),
    key=_alone, value=lambda total: (total_text(total),),
    text=lambda student, total: f"{student}\0{total_text(total)}", parse=total_of,
)  # fmt: skip
EXAMS: Final[Table[int, Total]] = Table(
    name="exams", keys=("exam",), values=("total",),
    key=_alone, value=lambda total: (total_text(total),),
    text=lambda exam, total: f"{exam}\0{total_text(total)}", parse=total_of,
)  # fmt: skip
RESULTS: Final[Table[tuple[str, int], float]] = Table(
    name="results", keys=("student", "exam"), values=("bits",),
    key=_itself, value=lambda score: (bits_of(score),),
    text=lambda key, score: result_text(*key, bits_of(score)), parse=lambda text: double_of(int(text)),
    pages=2,
)  # fmt: skip
MARKS: Final[Table[bytes, Kept]] = Table(
    name="marks", keys=("digest",), values=("over", "body", "packed"),
    key=_alone, value=_itself,
    text=lambda digest, kept: f"{digest.hex()}\0{kept.over}\0{kept.body.hex()}\0{kept.packed}", parse=_kept,
    pages=2,
)  # fmt: skip
FEEDS: Final[Table[str, Feed]] = Table(
    name="feeds", keys=("feed",), values=("token", "position"),
    key=_alone, value=_itself,
    text=lambda feed, kept: f"{feed}\0{kept.token}\0{kept.position}", parse=_feed,
)  # fmt: skip
STATE: Final[Table[int, State]] = Table(
    name="state", keys=("one",), values=State._fields,
    key=_alone, value=_itself,
    text=lambda _, state: " ".join(map(str, state)),
    parse=lambda text: State(*map(int, text.split(" "))),
)  # fmt: skip
