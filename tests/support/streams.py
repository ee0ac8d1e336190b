"""Event streams in pieces, and what a decoder makes of them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from scores.feed.decoder import Decoder, Event

BOM = b"\xef\xbb\xbf"
_RETRY = re.compile("retry: ?[0-9]{1,18}")


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


def reference(stream: bytes, *, max_event: int) -> Outcome:
    """What the standard says (HTML, section 9.2.6), written down for a stream that is there at once."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _unfinished = re.split("\r\n|\r|\n", text)
    retries = [int(line[6:]) for line in lines if _RETRY.fullmatch(line) and len(line) <= max_event]
    result = Outcome([], "", retries[-1] if retries else None, 0)
    block: list[str] = []
    for line in lines:
        if line == "":
            result = _end_of_block(block, result, max_event=max_event)
            block = []
        elif not line.startswith(":"):
            block.append(line)
    return result


def _end_of_block(block: list[str], result: Outcome, *, max_event: int) -> Outcome:
    data, event_type, last_event_id = "", "", result.last_event_id
    for line in block:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data += value + "\n"
        if name == "event":
            event_type = value
        if name == "id" and "\0" not in value and len(line) <= max_event:
            last_event_id = value
    result = result._replace(last_event_id=last_event_id)
    if sum(map(len, block)) > max_event:
        return result._replace(oversized=result.oversized + 1)
    if data == "":
        return result
    event = Event(event_type or "message", data.removesuffix("\n"), last_event_id)
    return result._replace(events=[*result.events, event])
