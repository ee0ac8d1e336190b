"""Where everything is in Redis: key names, shards, and what a stored value means.

    scores:{17}:student:foo     sorted map  exam -> score      (a map may be cut in leaves, see sorted.lua)
    scores:{17}:students        sorted map  student -> total
    scores:{17}:exam:a3         sorted map  student -> score
    scores:{17}:exams           sorted map  exam -> total
    scores:{17}:inspectors:201  hash        UUID -> count * 2^33 + sum
    scores:{17}:events          stream      what is recorded, while anybody listens (journal.py)
    scores:{17}:counts          hash        students, exams, inspectors in this shard

Rule: names and values only, no I/O. An id's digest chooses its shard, so nothing in an id chooses a slot.
"""

from binascii import crc_hqx
from collections.abc import Sequence
from functools import cached_property, lru_cache
from hashlib import sha1
from struct import Struct
from typing import Final, NamedTuple, TypeVar

from scores import exact
from scores.errors import Fault, InvalidQuery
from scores.models import Exam, Inspector, Page, Student

__all__ = [
    "BUCKETS",
    "MAX_SHARDS",
    "ONE",
    "VERSION",
    "Layout",
    "Place",
    "decode_exam",
    "decode_inspector",
    "decode_inspectors",
    "decode_student",
    "encode_exam",
    "exam_number",
    "exam_position",
    "page_of",
    "text_bytes",
]

T = TypeVar("T")

_new = tuple.__new__

_place: Final = Struct(">II").unpack_from
"""The part of a digest that says where an id lives."""

VERSION: Final = 1
"""Of this layout; a store with another one is not opened."""

BUCKETS: Final = 1024
"""Hashes of inspectors in a shard."""

MAX_SHARDS: Final = 1024

_HOT: Final = 8192
"""Inspectors whose hash is known without a digest: about 3 MB, and 12 MB with the longest UUIDs."""

SLOTS: Final = 16384
"""Of a Redis Cluster (Redis Cluster Specification, "Key distribution model")."""

_SUM_BITS: Final = 33
_SUM: Final = (1 << _SUM_BITS) - 1

ONE: Final = 1 << _SUM_BITS
"""An inspector's count is in units of this; the sum is at most 5 · count, and below it while count < 2^30."""


class Place(NamedTuple):
    """Where an id lives."""

    shard: int
    bucket: int


class Layout:
    """The names of all keys that begin with a prefix, over a number of shards."""

    def __init__(self, prefix: str, shards: int) -> None:
        self.prefix = prefix
        self.shards = shards
        self.hash_of: Final = lru_cache(_HOT)(self._hash_of)
        """The shard of an inspector, and the name of the hash that it is in."""

    @cached_property
    def tags(self) -> Sequence[int]:
        """The hash tag of each shard: the smallest number whose slot is in that shard's part of all slots."""
        tags = dict[int, int]()
        number = 0
        while len(tags) < self.shards:
            # CRC-16/XMODEM, Redis Cluster Specification, "Key distribution model".
            slot = crc_hqx(b"%d" % number, 0) % SLOTS
            tags.setdefault(slot * self.shards // SLOTS, number)
            number += 1
        return [tags[shard] for shard in range(self.shards)]

    @cached_property
    def bases(self) -> Sequence[str]:
        """What the names of each shard's keys begin with."""
        return [f"{self.prefix}:{{{tag}}}:" for tag in self.tags]

    @property
    def meta(self) -> str:
        """The hash that says how this layout was made."""
        return f"{self.prefix}:layout"

    def home(self, key: str) -> tuple[int, str]:
        """The shard of an id or of an encoded exam number, and what the names of its keys begin with."""
        shard = self.place(key).shard
        return shard, self.bases[shard]

    def _hash_of(self, uuid: str) -> tuple[int, str]:
        # `place`, without what takes as long again.
        shard, bucket = _place(sha1(uuid.encode("utf-8", "replace"), usedforsecurity=False).digest())
        shard %= self.shards
        return shard, f"{self.bases[shard]}inspectors:{bucket % BUCKETS}"

    def feed_id(self, feed: str) -> str:
        """A name for a feed's URL, which may hold a password."""
        return sha1(feed.encode("utf-8"), usedforsecurity=False).hexdigest()[:16]

    def place(self, key: str) -> Place:
        """The shard and the bucket of an id or of an encoded exam number."""
        shard, bucket = _place(sha1(text_bytes(key), usedforsecurity=False).digest())
        return Place(shard % self.shards, bucket % BUCKETS)


def encode_exam(number: int) -> str:
    """The number as text that sorts as numbers do: a letter for the number of digits, then these."""
    digits = str(number)
    return chr(ord("`") + len(digits)) + digits


def exam_number(text: bytes) -> int:
    """The number again."""
    return int(text[1:])


def exam_position(after: str | None) -> str:
    """A position among exams as an encoded number, empty for the start; raises `InvalidQuery` for none."""
    if after is None:
        return ""
    if after.isascii() and after.isdigit() and len(after) <= _POSITION_DIGITS:
        return encode_exam(int(after))
    raise InvalidQuery(Fault("after", "after must be the `next` of an earlier page of this listing"))


_POSITION_DIGITS: Final = 19
"""As many as 2^63-1 has, the highest exam number."""


def text_bytes(text: str) -> bytes:
    """The text as Redis has it; a position may be any text, also one that is no UTF-8."""
    return text.encode("utf-8", "replace")


def decode_inspector(uuid: str, packed: int | bytes) -> Inspector:
    """An inspector from its one integer."""
    count, total = divmod(int(packed), ONE)
    return Inspector(uuid, count, total)


def decode_student(student_id: str, total: bytes) -> Student:
    """A student from the text of the total of their results."""
    parsed = _total(total)
    return Student(student_id, exact.mean(parsed), exact.count(parsed))


def decode_inspectors(uuids: Sequence[str], packed: Sequence[int]) -> list[Inspector]:
    """Inspectors from their integers; a named tuple's own constructor takes twice the time."""
    return [
        _new(Inspector, (uuid, one >> _SUM_BITS, one & _SUM)) for uuid, one in zip(uuids, packed, strict=True)
    ]


def decode_exam(number: int, total: bytes) -> Exam:
    """An exam from the text of the total of its results."""
    parsed = _total(total)
    return Exam(number, exact.mean(parsed), exact.count(parsed))


def page_of(found: Sequence[tuple[str, T]], total: int, limit: int) -> Page[T]:
    """The page of the first `limit` (position, item) pairs; one more pair says that it goes on."""
    items = [item for _, item in found[:limit]]
    return Page(items, total, found[limit - 1][0] if len(found) > limit else None)


def _total(text: bytes) -> int:
    """The total that exact.lua writes as a count and a hexadecimal fraction: `25 c.f47e9bcb`."""
    count, _, number = text.partition(b" ")
    whole, _, fraction = number.partition(b".")
    return exact.total(int(whole + fraction, 16), 4 * len(fraction), int(count))
