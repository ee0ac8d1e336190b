"""The event-stream decoder, held to the HTML standard (section 9.2.6): each fact has its test."""

import tracemalloc

import pytest
from support.streams import BOM, bytewise, data_of, decode, message, outcome

from scores.feed.decoder import Decoder, Event, Run

# Events and fields


def test_an_event_has_its_type_data_and_last_event_id() -> None:
    assert decode(b"event: score\nid: 7\ndata: x\n\n") == [Event("score", "x", "7")]


def test_events_are_of_the_event_class() -> None:
    assert {type(event) for event in decode(b"data: a\n\ndata: b\n\ndata: c\n\n")} == {Event}


def test_the_type_is_message_when_none_is_given() -> None:
    assert decode(b"data: x\n\n") == [message("x")]


def test_the_type_is_message_when_it_is_given_empty() -> None:
    assert decode(b"event: score\nevent\ndata: x\n\n") == [message("x")]


def test_the_last_type_of_a_block_wins() -> None:
    assert decode(b"event: a\nevent: b\ndata: x\n\n") == [Event("b", "x", "")]


def test_the_type_does_not_outlive_its_event() -> None:
    assert decode(b"event: score\ndata: x\n\ndata: y\n\n") == [Event("score", "x", ""), message("y")]


def test_the_type_does_not_outlive_a_block_without_data() -> None:
    assert decode(b"event: score\n\ndata: y\n\n") == [message("y")]


def test_data_lines_are_joined_with_line_feeds() -> None:
    assert data_of(b"data: a\ndata\ndata: b\n\n") == ["a\n\nb"]


def test_data_does_not_outlive_its_event() -> None:
    assert data_of(b"data: a\ndata: b\n\ndata: c\n\n") == ["a\nb", "c"]


def test_a_block_without_data_is_not_dispatched() -> None:
    assert decode(b"event: score\nid: 1\n\n") == []


def test_a_data_line_without_value_is_dispatched_as_empty_data() -> None:
    assert decode(b"data:\n\n") == [message("")]


def test_a_data_line_without_colon_is_dispatched_as_empty_data() -> None:
    assert decode(b"data\n\n") == [message("")]


def test_two_empty_data_lines_are_one_line_feed() -> None:
    assert data_of(b"data\ndata\n\n") == ["\n"]


def test_a_line_without_colon_is_a_field_with_an_empty_value() -> None:
    assert outcome([b"id: 1\n\nid\ndata: x\n\n"]).events == [message("x")]


def test_exactly_one_space_is_stripped_after_the_colon() -> None:
    assert data_of(b"data:x\ndata: x\ndata:  x\n\n") == ["x\nx\n x"]


def test_only_a_space_is_stripped_after_the_colon() -> None:
    assert data_of(b"data:\tx\n\n") == ["\tx"]


def test_spaces_at_the_end_of_a_value_are_kept() -> None:
    assert data_of(b"data: x \n\n") == ["x "]


def test_a_value_may_contain_colons() -> None:
    assert data_of(b"data: a: b:c\n\n") == ["a: b:c"]


def test_comments_are_ignored() -> None:
    assert data_of(b":\n: hello\ndata: a\n:data: b\ndata: c\n\n") == ["a\nc"]


def test_unknown_fields_are_ignored() -> None:
    assert data_of(b"foo: 1\nbar\ndata: x\ndata2: y\n\n") == ["x"]


@pytest.mark.parametrize("line", [b"Data: x", b"DATA: x", b" data: x", b"data : x"])
def test_field_names_are_matched_to_the_letter(line: bytes) -> None:
    assert decode(line + b"\n\n") == []


def test_an_unfinished_last_event_is_discarded() -> None:
    assert data_of(b"data: a\n\ndata: b\n") == ["a"]


def test_blank_lines_in_a_row_dispatch_nothing() -> None:
    assert data_of(b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n") == ["a", "b"]


# Line ends


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_ends_with_lf_cr_or_crlf(end: bytes) -> None:
    stream = end.join([b"data: a", b"data: b", b"", b"data: c", b"", b""])
    assert data_of(stream) == data_of(*bytewise(stream)) == ["a\nb", "c"]


def test_line_ends_may_be_mixed() -> None:
    assert data_of(b"data: a\rdata: b\ndata: c\r\n\rdata: d\n\r\n") == ["a\nb\nc", "d"]


@pytest.mark.parametrize("character", ["\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_no_other_character_ends_a_line(character: str) -> None:
    assert data_of(f"data: a{character}b\n\n".encode()) == [f"a{character}b"]


def test_an_event_ended_by_a_cr_is_dispatched_at_once() -> None:
    assert Decoder().feed(b"data: x\r\r") == [message("x")]


def test_the_lf_after_a_cr_is_swallowed_in_the_next_chunk() -> None:
    assert data_of(b"data: a\r", b"\ndata: b\r\n\r", b"\n") == ["a\nb"]


def test_the_lf_after_a_cr_is_swallowed_past_an_empty_chunk() -> None:
    assert data_of(b"data: a\r", b"", b"\ndata: b\n\n") == ["a\nb"]


def test_only_one_lf_is_swallowed_after_a_cr() -> None:
    assert data_of(b"data: a\r", b"\n\ndata: b\n\n") == ["a", "b"]


def test_an_lf_is_not_swallowed_later_than_right_after_the_cr() -> None:
    assert data_of(b"data: a\r", b"data: b", b"\n", b"\ndata: c\n\n") == ["a\nb", "c"]


# Encoding


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_one_bom_is_stripped_at_the_start(cut: int) -> None:
    stream = BOM + b"data: x\n\n"
    assert data_of(stream[:cut], stream[cut:]) == ["x"]


def test_a_second_bom_is_not_stripped() -> None:
    assert data_of(BOM + BOM + b"data: x\ndata: y\n\n") == ["y"]


def test_a_bom_past_the_start_is_not_stripped() -> None:
    assert data_of(b"\n", BOM + b"data: x\ndata: " + BOM + b"y\n\n") == ["\ufeffy"]


def test_half_a_bom_is_an_invalid_sequence() -> None:
    assert data_of(BOM[:2], b"data: x\ndata: y\n\n") == ["y"]


def test_characters_may_be_cut_anywhere() -> None:
    assert data_of(*bytewise("data: é€😀\n\n".encode())) == ["é€😀"]


@pytest.mark.parametrize(
    ("invalid", "replaced"),
    [
        (b"\xff", "\ufffd"),
        (b"\xc3", "\ufffd"),
        (b"\xf0\x9f\x98", "\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    ],
)
def test_invalid_utf_8_is_replaced(invalid: bytes, replaced: str) -> None:
    stream = b"data: " + invalid + b"x\n\n"
    assert data_of(stream) == data_of(*bytewise(stream)) == [replaced + "x"]


def test_a_line_end_inside_a_broken_character_ends_the_line() -> None:
    assert data_of(b"data: \xf0\x9f", b"\n\n") == ["\ufffd"]


# The last event ID


def test_the_last_event_id_is_empty_at_first() -> None:
    assert Decoder().last_event_id == ""


def test_the_last_event_id_may_be_given() -> None:
    decoder = Decoder(last_event_id="41")
    events = decoder.feed(b"data: x\n\n")
    assert (events, decoder.last_event_id) == ([Event("message", "x", "41")], "41")


def test_an_id_holds_for_the_events_that_follow() -> None:
    assert [event.id for event in decode(b"id: 1\ndata: a\n\ndata: b\n\ndata: c\n\n")] == ["1", "1", "1"]


def test_an_id_after_the_data_is_of_the_same_event() -> None:
    assert decode(b"data: a\nid: 1\n\n") == [Event("message", "a", "1")]


def test_an_empty_id_resets_the_last_event_id() -> None:
    assert outcome([b"id: 1\ndata: a\n\nid:\ndata: b\n\n"]).last_event_id == ""


def test_an_id_is_committed_only_with_its_block() -> None:
    decoder = Decoder(last_event_id="1")
    decoder.feed(b"id: 2\ndata: x\n")
    before = decoder.last_event_id
    decoder.feed(b"\n")
    assert (before, decoder.last_event_id) == ("1", "2")


def test_an_id_is_committed_with_a_block_without_data() -> None:
    assert outcome([b"id: 2\n\n"]).last_event_id == "2"


@pytest.mark.parametrize("value", [b"\0", b"2\0", b"\x002", b"2\x003"])
def test_an_id_with_a_nul_is_ignored(value: bytes) -> None:
    assert decode(b"id: 1\nid: " + value + b"\ndata: x\n\n") == [Event("message", "x", "1")]


def test_an_id_may_be_any_other_text() -> None:
    assert outcome(["id:  é:x \n\n".encode()]).last_event_id == " é:x "


# The reconnection time


def test_the_retry_is_none_when_never_sent() -> None:
    assert outcome([b"data: x\n\n"]).retry is None


def test_a_retry_is_in_milliseconds_and_needs_no_event() -> None:
    assert outcome([b"retry: 1500\n"]).retry == 1500


def test_the_last_valid_retry_holds() -> None:
    assert outcome([b"retry: 1\n\nretry:2\nretry: soon\n\n"]).retry == 2


@pytest.mark.parametrize("value", ["", "-1", "+1", "1.5", "1e3", "0x10", "1_000", " 1", "1 ", "٣", "²"])
def test_a_retry_is_ascii_digits_only(value: str) -> None:
    assert outcome([f"retry: {value}\n\n".encode()]).retry is None


def test_a_retry_may_have_eighteen_digits() -> None:
    assert outcome([b"retry: " + b"9" * 18 + b"\n"]).retry == 10**18 - 1


@pytest.mark.parametrize("digits", [19, 5000])
def test_a_retry_of_absurd_length_is_ignored(digits: int) -> None:
    assert outcome([b"retry: " + b"9" * digits + b"\n"]).retry is None


# Size


def test_an_event_of_exactly_the_limit_is_kept() -> None:
    assert outcome([b"event: a\ndata: b\n\n"], max_event=15) == ([Event("a", "b", "")], "", None, 0)


def test_an_event_over_the_limit_is_dropped_whole_and_counted_once() -> None:
    stream = b"data: a\ndata: b\ndata: c\ndata: d\n\ndata: e\n\n"
    assert outcome([stream], max_event=15) == ([message("e")], "", None, 1)


def test_a_line_over_the_limit_drops_its_event() -> None:
    stream = b"data: a\ndata: 0123456789\ndata: b\n\ndata: e\n\n"
    assert outcome([stream], max_event=15) == ([message("e")], "", None, 1)


def test_every_event_over_the_limit_is_counted() -> None:
    assert outcome([b"data: 0123456789\n\n" * 3], max_event=15).oversized == 3


def test_the_limit_is_in_characters() -> None:
    assert outcome(["data: 😀😀😀\n\n".encode()], max_event=9).events == [message("😀😀😀")]


def test_unknown_fields_count_towards_the_limit() -> None:
    assert outcome([b"data: a\nunknown: b\n\n"], max_event=15).oversized == 1


def test_an_event_that_never_ends_is_not_counted() -> None:
    assert outcome([b"data: 0123456789\n"], max_event=15).oversized == 0


def test_the_events_of_a_run_are_held_to_the_same_limit() -> None:
    stream = b"data: a\n\ndata: 012345678\n\ndata: 0123456789\n\ndata: b\n\n"
    assert outcome([stream], max_event=15) == (
        [message("a"), message("012345678"), message("b")],
        "",
        None,
        1,
    )


def test_the_id_of_an_event_over_the_limit_is_committed_with_its_block() -> None:
    decoder = Decoder(max_event=15)
    decoder.feed(b"data: 0123456789\nid: 7\n")
    before = decoder.last_event_id
    decoder.feed(b"\n")
    assert (before, decoder.last_event_id) == ("", "7")


def test_the_retry_of_an_event_over_the_limit_is_obeyed() -> None:
    assert outcome([b"data: 0123456789\nretry: 7\n\n"], max_event=15).retry == 7


def test_the_type_of_an_event_over_the_limit_does_not_outlive_it() -> None:
    assert outcome([b"event: score\ndata: 01\n\ndata: x\n\n"], max_event=15).events == [message("x")]


@pytest.mark.parametrize("line", [b"id: 0123456789ab", b"retry: 000000007"])
def test_a_line_over_the_limit_is_not_obeyed(line: bytes) -> None:
    stream = b"id: 1\n\n" + line + b"\ndata: x\n\n"
    assert outcome([stream], max_event=15) == outcome(bytewise(stream), max_event=15) == ([], "1", None, 1)


def test_an_overlong_comment_is_ignored() -> None:
    stream = b"data: a\n:" + b"x" * 100 + b"\n\n"
    assert outcome([stream], max_event=15).events == [message("a")]
    assert outcome(bytewise(stream), max_event=15) == ([message("a")], "", None, 0)


def test_comments_do_not_count_towards_an_event() -> None:
    stream = b"data: a\n" + b": a comment\n" * 100 + b"\n"
    assert outcome([stream], max_event=15) == ([message("a")], "", None, 0)


@pytest.mark.parametrize(
    "endless",
    [b"x" * 1000, b":" + b"x" * 999, b": comment\n" * 100, b"data: x\n" * 125, b"unknown\n" * 125],
)
def test_a_stream_without_events_is_held_only_up_to_the_limit(endless: bytes) -> None:
    decoder = Decoder(max_event=20_000)
    tracemalloc.start()
    for _ in range(1000):
        decoder.feed(endless)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000


# Runs of events that look alike


def test_a_run_ends_where_an_event_has_another_type() -> None:
    score, other = b"event: score\ndata: 1\n\n", b"event: other\ndata: 2\n\n"
    first, second = Event("score", "1", ""), Event("other", "2", "")
    assert decode(score, score + other + score + score) == [first, first, second, first, first]


def test_an_event_of_a_run_may_have_more_fields() -> None:
    one, more = b"event: score\ndata: 1\n\n", b"event: score\ndata: 1\ndata: 2\nid: 3\n\n"
    assert decode(one, one + more + one + one) == [
        Event("score", "1", ""),
        Event("score", "1", ""),
        Event("score", "1\n2", "3"),
        Event("score", "1", "3"),
        Event("score", "1", "3"),
    ]


def test_a_type_that_begins_with_a_space_keeps_it_in_a_run() -> None:
    event = b"event:  score\ndata: 1\n\n"
    assert {event.type for event in decode(event, event * 3)} == {" score"}


class Recording(Decoder):
    """A decoder that remembers what it read the long way."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def _read(self, text: str, runs: list[Run]) -> None:
        self.read.append(text)
        super()._read(text, runs)


@pytest.mark.parametrize("event", ["event: score\ndata: 1\n\n", "data: 1\n\n"])
def test_only_the_ends_of_a_run_are_read_the_long_way(event: str) -> None:
    decoder = Recording()
    decoder.feed(event.encode())
    decoder.read.clear()
    assert len(decoder.feed(event.encode() * 1000)) == 1000
    assert "".join(decoder.read) == event * 2


def test_the_events_of_a_run_are_one_object() -> None:
    decoder = Decoder()
    decoder.feed(b"data: 0\n\n")
    assert decoder.runs(b"data: 1\n\n" * 1000)[1:-1] == [Run("message", ["1"] * 998, "")]


def test_a_run_that_an_id_interrupts_goes_on_with_it() -> None:
    decoder = Decoder()
    decoder.feed(b"data: 0\n\n")
    runs = decoder.runs(b"data: 1\n\ndata: 2\n\ndata: 3\nid: 7\n\ndata: 4\n\ndata: 5\n\n")
    assert [(one, run.id) for run in runs for one in run.data] == [
        ("1", ""), ("2", ""), ("3", "7"), ("4", "7"), ("5", "7"),
    ]  # fmt: skip
