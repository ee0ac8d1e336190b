"""Event streams in pieces, and what a decoder makes of them."""

from collections.abc import Iterable
from typing import NamedTuple

from scores.feed.decoder import Decoder, Event

BOM = b"\xef\xbb\xbf"


class Outcome(NamedTuple):
    events: list[Event]
    last_event_id: str
    retry: int | None
    oversized: int


def outcome(chunks: Iterable[bytes], *, max_event: int = 1_048_576) -> Outcome:
    decoder = Decoder(max_event=max_event)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return Outcome(events, decoder.last_event_id, decoder.retry, decoder.oversized)


def decode(*chunks: bytes) -> list[Event]:
    return outcome(chunks).events


def data_of(*chunks: bytes) -> list[str]:
    return [event.data for event in decode(*chunks)]


def bytewise(stream: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in stream]


def message(data: str) -> Event:
    return Event("message", data, "")
