"""Refused events: every one is counted, few are logged."""

from collections import Counter

import pytest

from scores.feed.rejects import LINES, PERIOD, SHOWN, Rejects


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_every_one_is_counted_by_reason() -> None:
    counter: Counter[str] = Counter()
    rejects = Rejects(counter)
    for reason in ("score", "score", "json"):
        rejects.add(reason, "", "")
    assert counter == {"score": 2, "json": 1}


def test_the_log_shows_the_first_of_a_period_and_then_how_many_more(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    rejects = Rejects(Counter(), clock)
    for _ in range(100):
        rejects.add("json", "no JSON", "x")
    assert len(caplog.records) == LINES
    clock.now += PERIOD
    rejects.add("json", "no JSON", "x")
    assert f"{100 - LINES} more" in caplog.messages[LINES]
    assert len(caplog.records) == LINES + 2


def test_the_log_shows_the_start_of_the_event_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    Rejects(Counter()).add("json", "no JSON", "a\n\x1b[31m" + "x" * 1000)
    (message,) = caplog.messages
    assert message == r"event refused: no JSON: 'a\n\x1b[31m" + "x" * (SHOWN - 7) + "'"
