"""Decode an event stream: bytes in, events out, no I/O (HTML standard, section 9.2.6).

The rule: the same bytes give the same events however they are cut, nothing a server sends
raises, and what is kept between two calls is bounded. `Decoder._read` is the whole standard
and takes any piece of the text; `Decoder._read_run` only spares it the events that look like
the one before them (benchmarks/decoder.py: `plain` is read that way, `numbered` is not).
"""

import codecs
from io import StringIO
from typing import Final, NamedTuple

__all__ = ["Decoder", "Event", "Run"]

# int() refuses more than 4300 digits, and no delay needs more than these.
_RETRY_DIGITS: Final = 18


class Event(NamedTuple):
    """One event of the stream; `id` is the last event ID as of this event (section 9.2.6)."""

    type: str
    data: str
    id: str


class Run(NamedTuple):
    """Events in a row that differ in their data alone: an object for all of them, not for each."""

    type: str
    data: list[str]
    """Of each event, at least one."""
    id: str


# Event(...) passes through a Python function: twice the time.
_new = tuple.__new__


class Decoder:
    """The parser of one connection's event stream (HTML standard, section 9.2.6).

    An event whose field lines have more than `max_event` characters together (line ends and
    comments not counted) is dropped when its block ends and counted in `oversized`. Its `id` and
    `retry` lines are obeyed all the same, except a line that is over the limit by itself.
    `retry` is in milliseconds, None until the server has sent one.
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_id",
        "_last_event_id",
        "_line",
        "_max_event",
        "_opening",
        "_run_type",
        "_seam",
        "_size",
        "_type",
        "_utf8",
        "oversized",
        "retry",
    )

    def __init__(self, *, max_event: int = 1_048_576, last_event_id: str = "") -> None:
        self.retry: int | None = None
        self.oversized = 0
        self._max_event = max_event
        self._last_event_id = self._id = last_event_id
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._after_cr = False
        self._line = StringIO()
        self._type = ""
        self._data: list[str] = []
        self._size = 0
        self._expect("message")

    @property
    def last_event_id(self) -> str:
        """The last event ID string as of the last block that ended, dispatched or not."""
        return self._last_event_id

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that these bytes complete, in the order of the stream."""
        return [_new(Event, (type_, one, id_)) for type_, data, id_ in self.runs(data) for one in data]

    def runs(self, data: bytes) -> list[Run]:
        """Return the same events as `feed`, in runs."""
        runs: list[Run] = []
        first, *run = self._text(data).split(self._seam)
        if run:
            last = self._opening + run.pop()
            self._read(first + "\n\n", runs)
            self._read_run(run, runs)
            self._read(last, runs)
        else:
            self._read(first, runs)
        if runs and runs[-1].type != self._run_type:
            self._expect(runs[-1].type)
        return runs

    def _text(self, data: bytes) -> str:
        """Decode the bytes, with LF for every line end."""
        text = self._utf8.decode(data)
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        if "\r" in text:
            self._after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text

    def _expect(self, event_type: str) -> None:
        """Cut the next chunk where an event of this type begins, written the usual way."""
        self._run_type = event_type
        self._opening = "data: " if event_type == "message" else f"event: {event_type}\ndata: "
        self._seam = "\n\n" + self._opening

    def _read_run(self, run: list[str], runs: list[Run]) -> None:
        """Read whole blocks, each without its opening and its blank line."""
        room = self._max_event - len(self._opening)
        if run and "\n" not in "".join(run) and max(map(len, run)) <= room:
            runs.append(_new(Run, (self._run_type, run, self._last_event_id)))
            return
        for piece in run:
            if "\n" in piece or len(piece) > room:
                self._read(f"{self._opening}{piece}\n\n", runs)
            else:
                runs.append(_new(Run, (self._run_type, [piece], self._last_event_id)))

    def _read(self, text: str, runs: list[Run]) -> None:
        """Read the text, going on with the line and the block that the last piece left open."""
        lines = text.split("\n")
        unfinished = lines.pop()
        if lines and self._line.tell():
            lines[0] = self._line.getvalue() + lines[0]
            self._line = StringIO()
        for line in lines:
            if line:
                self._read_field(line)
            else:
                self._end_block(runs)
        if unfinished:
            # One character over the limit is enough to know the line as too long when it ends.
            self._line.write(unfinished[: self._max_event + 1 - self._line.tell()])

    def _read_field(self, line: str) -> None:
        name, _, value = line.partition(":")
        if not name:
            return
        self._size += len(line)
        if self._size > self._max_event and (name == "data" or len(line) > self._max_event):
            return
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry":
            self._read_retry(value)

    def _read_retry(self, value: str) -> None:
        if len(value) <= _RETRY_DIGITS and value.isascii() and value.isdigit():
            self.retry = int(value)

    def _end_block(self, runs: list[Run]) -> None:
        self._last_event_id = self._id
        if self._size > self._max_event:
            self.oversized += 1
        elif self._data:
            event_type = self._type or "message"
            runs.append(_new(Run, (event_type, ["\n".join(self._data)], self._id)))
        self._type = ""
        self._data.clear()
        self._size = 0
