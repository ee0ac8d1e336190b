"""Where keys go, and what stored values mean: the layout, against redis-py's own key slots and `scores.exact`."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from scores import exact
from scores.errors import InvalidQuery
from scores.models import MAX_EXAM, Exam, Inspector, Page, Student
from scores.stores.redis.layout import (
    BUCKETS,
    MAX_SHARDS,
    ONE,
    VERSION,
    Layout,
    Place,
    decode_exam,
    decode_inspector,
    decode_inspectors,
    decode_student,
    encode_exam,
    exam_number,
    exam_position,
    page_of,
    text_bytes,
)

SLOTS = 16384
EXAMS = st.integers(0, MAX_EXAM) | st.integers(0, 19).map(lambda power: min(10**power, MAX_EXAM))


def test_what_is_stored_is_read_by_the_numbers_it_was_written_by() -> None:
    assert (VERSION, BUCKETS, MAX_SHARDS, ONE) == (1, 1024, 1024, 8_589_934_592)


# Tags and slots.


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 16, 64, 100, 1024])
def test_each_shards_slot_is_in_its_part_of_all_slots(shards: int) -> None:
    slots = [key_slot(f"{base}counts".encode()) for base in Layout("scores", shards).bases]
    assert [slot * shards // SLOTS for slot in slots] == list(range(shards))


def test_three_equal_masters_have_as_many_shards_each_give_or_take_one() -> None:
    slots = [key_slot(b"%d" % tag) for tag in Layout("scores", 64).tags]
    masters = Counter(slot * 3 // SLOTS for slot in slots)
    assert sorted(masters.values()) == [21, 21, 22]


def test_the_tags_of_64_shards_are_the_known_ones() -> None:
    tags = Layout("scores", 64).tags
    assert (list(tags[:4]), len(set(tags))) == ([10, 18, 113, 342], 64)


def test_a_tag_is_the_smallest_number_in_its_part() -> None:
    first = dict[int, int]()
    for number in range(1000):
        first.setdefault(key_slot(b"%d" % number) * 64 // SLOTS, number)
    assert list(Layout("scores", 64).tags) == [first[shard] for shard in range(64)]


@pytest.mark.parametrize("prefix", ["scores", "a:b", "é", "x" * 64])
def test_the_prefix_does_not_choose_the_slot(prefix: str) -> None:
    layout = Layout(prefix, 8)
    for base, tag in zip(layout.bases, layout.tags, strict=True):
        assert base.startswith(prefix)
        assert key_slot(f"{base}student:foo".encode()) == key_slot(b"%d" % tag)


def test_the_layouts_own_key_begins_with_the_prefix() -> None:
    assert Layout("mine", 8).meta == "mine:layout"


# Places.


def test_an_id_has_the_place_it_always_had() -> None:
    layout = Layout("scores", 64)
    assert layout.place("foo") == Place(53, 987)
    assert layout.place("é{17}:/leaf") == Place(61, 539)


def test_a_text_that_is_no_utf_8_has_bytes_all_the_same() -> None:
    assert text_bytes("é\ud800") == b"\xc3\xa9?"


def test_home_is_the_shard_of_the_place() -> None:
    layout = Layout("scores", 64)
    assert layout.home("foo") == (53, layout.bases[53])


@given(uuid=st.text(), shards=st.sampled_from([1, 7, 64, MAX_SHARDS]))
def test_an_inspectors_hash_is_that_of_its_place(uuid: str, shards: int) -> None:
    layout = Layout("scores", shards)
    shard, bucket = layout.place(uuid)
    expected = shard, f"{layout.bases[shard]}inspectors:{bucket}"
    assert [layout.hash_of(uuid) for _ in range(2)] == [expected] * 2


def test_ids_are_spread_over_shards_and_buckets() -> None:
    layout = Layout("scores", 16)
    places = [layout.place(f"student{number}") for number in range(16_000)]
    shards = Counter(place.shard for place in places)
    assert set(shards) == set(range(16))
    assert all(850 < count < 1150 for count in shards.values())
    buckets = Counter(place.bucket * 16 // BUCKETS for place in places)
    assert set(buckets) == set(range(16))
    assert all(850 < count < 1150 for count in buckets.values())


def test_a_feeds_name_does_not_tell_its_url() -> None:
    layout = Layout("scores", 64)
    name = layout.feed_id("https://user:hunter2@feed.example/")
    assert name.isalnum()
    assert "hunter2" not in name
    assert name != layout.feed_id("https://user:hunter3@feed.example/")


def test_a_feed_has_the_name_it_always_had() -> None:
    # By `printf https://feed.example/é | sha1sum`.
    assert Layout("scores", 64).feed_id("https://feed.example/é") == "7b084f6dce4aaeba"


# Exam numbers.


@given(st.lists(EXAMS))
def test_encoded_exams_sort_as_numbers_do(numbers: list[int]) -> None:
    encoded = sorted(encode_exam(number).encode() for number in numbers)
    assert [exam_number(text) for text in encoded] == sorted(numbers)


@given(EXAMS)
def test_an_exams_number_is_its_position(number: int) -> None:
    assert exam_position(str(number)) == encode_exam(number)


@given(EXAMS)
def test_an_encoded_exam_holds_no_control_characters(number: int) -> None:
    assert encode_exam(number).isalnum()


def test_no_position_is_the_start() -> None:
    assert exam_position(None) == ""
    assert encode_exam(0) > ""


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "-1", "+1", "1.0", "1e3", "1_0", " 1", "1\n", "１", "²", "b10", "9" * 20, "9" * 5000],
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        exam_position(text)
    assert [fault.where for fault in caught.value.faults] == ["after"]


# Stored values.


@given(count=st.integers(1, 2**30 - 1), data=st.data())
def test_a_count_and_a_sum_come_back_from_one_integer(count: int, data: st.DataObject) -> None:
    total = data.draw(st.integers(0, 5 * count))
    packed = ONE * count + total
    assert packed < 2**63
    assert decode_inspector("u", b"%d" % packed) == Inspector("u", count, total)
    assert decode_inspector("u", packed) == Inspector("u", count, total)
    assert decode_inspectors(["u", "v"], [packed, ONE]) == [
        Inspector("u", count, total),
        Inspector("v", 1, 0),
    ]


@pytest.mark.parametrize(
    ("text", "count", "total"),
    [
        (b"1 0", 1, Fraction(0)),
        (b"1 1", 1, Fraction(1)),
        (b"2 1.8", 2, Fraction(3, 2)),
        (b"25 c.f47e9bcb", 25, 12 + Fraction(0xF47E9BCB, 2**32)),
        (b"300 12c", 300, Fraction(300)),
        (b"1 0." + b"0" * 268 + b"4", 1, Fraction(1, 2**1074)),
    ],
)
def test_the_text_of_a_total_says_the_count_and_the_exact_sum(
    text: bytes, count: int, total: Fraction
) -> None:
    student, exam = decode_student("foo", text), decode_exam(3, text)
    assert student == Student("foo", float(total / count), count)
    assert exam == Exam(3, float(total / count), count)


def text_of(values: list[float]) -> bytes:
    """A total, written as the layout has it, the obvious way."""
    total = sum(map(Fraction, values), Fraction())
    units = int(total * 2**1088)
    whole, fraction = units >> 1088, f"{units % 2**1088:0272x}".rstrip("0")
    return f"{len(values)} {whole:x}{'.' if fraction else ''}{fraction}".encode()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_mean_of_a_stored_total_is_the_exact_one(values: list[float]) -> None:
    mean = exact.mean(sum(map(exact.term, values)))
    assert decode_student("foo", text_of(values)) == Student("foo", mean, len(values))


# Pages.


PAIRS = [("a", 1), ("b", 2), ("c", 3)]


def test_a_page_goes_on_when_there_is_one_more() -> None:
    assert page_of(PAIRS, 9, 2) == Page([1, 2], 9, "b")


@pytest.mark.parametrize("limit", [3, 4])
def test_a_page_with_no_more_to_come_is_the_last(limit: int) -> None:
    assert page_of(PAIRS, 3, limit) == Page([1, 2, 3], 3, None)


def test_an_empty_page_is_the_last() -> None:
    assert page_of([], 0, 1) == Page([], 0, None)
