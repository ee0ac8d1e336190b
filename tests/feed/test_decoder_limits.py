"""What is just within the limit of an event, and what is just over it."""

from scores.feed.decoder import Decoder


def test_an_id_line_as_long_as_the_limit_is_obeyed_in_an_event_that_is_over_it() -> None:
    decoder = Decoder(max_event=10)
    assert decoder.feed(b"data: 1\nid: 123456\n\n") == []
    assert (decoder.oversized, decoder.last_event_id) == (1, "123456")


def test_an_id_line_over_the_limit_is_not() -> None:
    decoder = Decoder(max_event=10)
    decoder.feed(b"id: 1234567\n\n")
    assert (decoder.oversized, decoder.last_event_id) == (1, "")


def test_without_another_limit_it_is_a_mebibyte() -> None:
    decoder = Decoder()
    (event,) = decoder.feed(b"data: %b\n\n" % (b"x" * (2**20 - 6)))
    assert (len(event.data), decoder.oversized) == (2**20 - 6, 0)
    assert decoder.feed(b"data: %b\n\n" % (b"x" * (2**20 - 5))) == []
    assert decoder.oversized == 1
