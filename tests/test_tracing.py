"""`traceparent`: gone on with if it is valid, and as if it had not come if it is not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.tracing import Trace

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    "text",
    [
        f"00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-00",
        f" 00-{TRACE}-{SPAN}-ff ",
        # A version from the future may have more, after a dash (section 4.3).
        f"01-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-what-the-future-brings",
    ],
)
def test_a_valid_one_is_gone_on_with(text: str) -> None:
    trace = Trace(text)
    assert (trace.trace_id, trace.parent_id) == (TRACE, SPAN)
    assert re.fullmatch("[0-9a-f]{16}", trace.span_id)
    assert trace.span_id != SPAN


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"cc-{TRACE}-{SPAN}-01more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"0-{TRACE}-{SPAN}-01",
    ],
)
def test_a_wrong_one_is_replaced(text: str) -> None:
    trace = Trace(text)
    assert trace.parent_id is None
    assert re.fullmatch("[0-9a-f]{32}", trace.trace_id)
    assert trace.trace_id not in (TRACE, "0" * 32)


def test_two_of_them_are_none() -> None:
    assert Trace(f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01").parent_id is None


def test_a_request_keeps_its_ids_and_has_its_own() -> None:
    one, two = Trace(), Trace()
    assert (one.trace_id, one.span_id) == (one.trace_id, one.span_id)
    assert one.trace_id != two.trace_id
    assert one.span_id != two.span_id


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True))
def test_whatever_comes_the_ids_are_valid(text: str) -> None:
    trace = Trace(text)
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", trace.trace_id)
    assert re.fullmatch("(?!0{16})[0-9a-f]{16}", trace.span_id)
    if trace.parent_id is not None:
        assert text.strip()[3:52] == f"{trace.trace_id}-{trace.parent_id}"
