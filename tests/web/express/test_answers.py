"""The bytes of an answer, by themselves: what they say, when they are written anew, and how many are kept."""

from collections.abc import Callable
from email.utils import formatdate

import pytest
from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict

from scores.config import Config
from scores.errors import BadRequest
from scores.tracing import Trace
from scores.web.bodies import JSON
from scores.web.caching import mark, tag_of, tagged
from scores.web.compression import AT_ONCE, compress
from scores.web.cors import Cors
from scores.web.express import answers as module
from scores.web.express.answers import Answers, closing
from scores.web.fields import fields_of
from scores.web.problems import problem

BODY = b'{"UUID":"a1-b1","mean":5.0}'


class Clock:
    """The second, and how often it was written out."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.written = 0

    def __call__(self) -> float:
        return self.now

    def date(self) -> str:
        self.written += 1
        return formatdate(int(self.now), usegmt=True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "rfc822_formatted_time", clock.date)
    return clock


@pytest.fixture
def answers(clock: Clock) -> Answers:
    return Answers(Cors(Config(feed=None)))


def expected(
    fields: CIMultiDict[str],
    body: bytes,
    clock: Clock,
    *,
    status: str = "200 OK",
    origins: tuple[str, ...] = (),
) -> bytes:
    """The answer with these fields, the obvious way."""
    Cors(Config(feed=None, cors_origins=origins)).tell(fields, None)
    fields["Content-Length"] = str(len(body))
    fields["Date"] = formatdate(int(clock.now), usegmt=True)
    fields["Server"] = SERVER_SOFTWARE
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


# What they say.


def test_what_answers_a_write(answers: Answers, clock: Clock) -> None:
    assert answers.document(BODY) == expected(fields_of(JSON), BODY, clock)


def test_a_small_document_has_its_tag(answers: Answers, clock: Clock) -> None:
    assert answers.tagged(BODY, '"1.1.5"') == expected(tagged(fields_of(JSON), '"1.1.5"'), BODY, clock)


@pytest.mark.parametrize(
    ("size", "limit", "compressed"),
    [
        (1000, None, False),
        (2 * AT_ONCE, None, False),
        (1024, 1024, False),
        (1025, 1024, True),
        (1, 0, True),
        (AT_ONCE, 1024, True),
    ],
)
def test_a_page_is_compressed_above_a_limit(
    answers: Answers, clock: Clock, *, size: int, limit: int | None, compressed: bool
) -> None:
    body = bytes(range(65, 91)) * (size // 26) + b"x" * (size % 26)
    fields = mark(fields_of(JSON), tag_of(body), compressed=compressed)
    assert answers.page(body, limit) == expected(fields, compress(body) if compressed else body, clock)


def test_what_takes_long_to_compress_is_left_to_the_usual_way(answers: Answers) -> None:
    assert answers.page(b"x" * (AT_ONCE + 1), 1024) is None


def test_a_refusal_says_what_its_response_does(answers: Answers, clock: Clock) -> None:
    response, trace = problem(BadRequest("no")), Trace()
    refusal = answers.whole(response, trace)
    assert isinstance(response.body, bytes)
    assert refusal == expected(response.headers.copy(), response.body, clock, status="400 Bad Request")
    assert (refusal.status, refusal.code, refusal.trace) == (400, BadRequest.code, trace)


def test_what_is_no_problem_has_no_code(answers: Answers) -> None:
    refusal = answers.whole(web.Response(status=404, text="nothing"), Trace())
    assert (refusal.status, refusal.code) == (404, "")


def test_a_response_without_bytes_cannot_be_written(answers: Answers) -> None:
    with pytest.raises(TypeError, match="bytes was expected, not NoneType"):
        answers.whole(web.Response(), Trace())


def test_all_of_them_say_what_origins_may_do(clock: Clock) -> None:
    origins, response = ("https://one.example",), web.Response(text="nothing")
    answers = Answers(Cors(Config(feed=None, cors_origins=origins)))
    tag = tag_of(BODY)
    for written, fields in (
        (answers.document(BODY), fields_of(JSON)),
        (answers.tagged(BODY, tag), tagged(fields_of(JSON), tag)),
        (answers.page(BODY, None), mark(fields_of(JSON), tag, compressed=False)),
    ):
        assert written == expected(fields, BODY, clock, origins=origins)
    told = expected(response.headers.copy(), b"nothing", clock, origins=origins)
    assert b"\r\nVary: Origin\r\n" in told
    assert answers.whole(response, Trace()) == told


def test_the_last_answer_of_a_connection_says_so_in_its_head() -> None:
    assert closing(b"A: b\r\n\r\nc\r\n\r\n") == b"A: b\r\nConnection: close\r\n\r\nc\r\n\r\n"


# When they are written anew.

MOMENTS = (1000.0, 1000.5, 1000.999, 1001.0, 1001.5, 1003.0, 1002.999, 1000.0, 2000.25)
"""The clock may be set back."""


KINDS: dict[str, Callable[[Answers], bytes | None]] = {
    "document": lambda answers: answers.document(BODY),
    "tagged": lambda answers: answers.tagged(BODY, '"1.1.5"'),
    "page": lambda answers: answers.page(BODY, None),
    "whole": lambda answers: answers.whole(web.Response(text="nothing"), Trace()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_date_is_that_of_its_second(answers: Answers, clock: Clock, kind: str) -> None:
    for moment in MOMENTS:
        clock.now = moment
        written = KINDS[kind](answers)
        assert written is not None
        assert f"\r\nDate: {formatdate(int(moment), usegmt=True)}\r\n".encode() in written


def test_the_date_is_written_once_in_a_second(answers: Answers, clock: Clock) -> None:
    for moment in (1000.0, 1000.0, 1000.5, 1000.999):
        clock.now = moment
        answers.document(BODY)
        answers.tagged(BODY, '"1.1.5"')
    assert clock.written == 1


# How many are kept.


def test_the_heads_of_a_second_are_bounded(answers: Answers, clock: Clock) -> None:
    bodies = [b"x" * length for length in range(4100)]
    for _ in range(2):
        for body in bodies:
            assert answers.document(body).endswith(b"\r\n\r\n" + body)
        assert len(answers._heads) == 4096
    assert answers.document(bodies[-1]) == expected(fields_of(JSON), bodies[-1], clock)
    clock.now += 1
    answers.document(BODY)
    assert len(answers._heads) == 1
