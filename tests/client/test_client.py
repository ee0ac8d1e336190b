"""The client on a real server: what it asks, and what it makes of the answers."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scores
from scores.client import ApiError, Client, Mean, Unreachable
from scores.client.answers import read, read_inspector
from scores.errors import ConfigError, InvalidInput
from scores.feed.status import FeedState
from scores.models import Exam, Inspector, Outcome, Result, Student

ODD_IDS = [
    "a1-b1",
    "a/b",
    "a b",
    "%2F",
    "a%2Fb",
    "50%",
    "😀",
    "...",
    "?x=1",
    "#",
    "a+b",
    "é\u202e",
    "x" * 256,
    "\\",
    "&=;",
]


@pytest.mark.parametrize("odd", ODD_IDS)
async def test_any_id_is_read_back_by_its_path(client: Client, odd: str) -> None:
    assert await client.post(odd, 4) == Mean(odd, 4.0)
    assert await client.inspector(odd) == Inspector(odd, 1, 4)
    assert await client.put_result(3, odd, 0.5) is Outcome.NEW
    report = await client.student(odd)
    assert report.subject == Student(odd, 0.5, 1)
    assert [one async for one in report.results] == [Result(odd, 3, 0.5)]
    assert [one async for one in (await client.exam(3, students=[odd])).results] == [Result(odd, 3, 0.5)]
    await client.delete_result(3, odd)
    await client.delete_inspector(odd)
    assert [one async for one in client.students()] == []
    assert [one async for one in client.inspectors()] == []


@pytest.mark.parametrize("wrong", ["", ".", "..", "a\nb", "\x7f", "\ud800", "x" * 257])
async def test_an_id_that_no_path_can_address_is_refused_before_it_is_sent(
    client: Client, wrong: str
) -> None:
    for ask in (client.student, client.inspector, client.delete_student, client.delete_inspector):
        with pytest.raises(InvalidInput):
            await ask(wrong)
    with pytest.raises(InvalidInput):
        await client.post(wrong, 5)
    with pytest.raises(InvalidInput):
        await client.put_result(1, wrong, 0.5)


@pytest.mark.parametrize("wrong", [-1, 2**63, True])
async def test_an_exam_that_there_cannot_be_is_refused_before_it_is_sent(client: Client, wrong: int) -> None:
    with pytest.raises(InvalidInput):
        await client.exam(wrong)


async def test_the_second_result_replaces_the_first(client: Client) -> None:
    assert await client.put_result(2**63 - 1, "foo", 0) is Outcome.NEW
    assert await client.put_result(2**63 - 1, "foo", 1) is Outcome.REPLACED
    assert [one async for one in client.exams()] == [Exam(2**63 - 1, 1.0, 1)]


async def test_listings_go_on_over_pages(client: Client) -> None:
    done = await client.import_scores((f"i{number}", number % 6) for number in range(50))
    assert (done.accepted, done.rejected) == (50, 0)
    for number in range(20):
        await client.put_result(number, f"s{number % 3}", 0.5)
        await client.put_result(7, f"t{number}", 0.25)
    assert {one.uuid async for one in client.inspectors(limit=7)} == {f"i{number}" for number in range(50)}
    assert [one.exam async for one in client.exams(limit=6)] == list(range(20))
    assert len([one async for one in client.students(limit=1)]) == 23
    report = await client.exam(7, limit=4)
    assert report.subject.count == 21
    assert len([one async for one in report.results]) == 21
    student = await client.student("s0", exams=[0, 3, 6, 9], limit=2)
    assert [one.exam async for one in student.results] == [0, 3, 6, 9]
    assert student.subject.count == 7


async def test_pages_are_fetched_only_as_they_are_needed(
    serve: Callable[..., Awaitable[str]], connect: Callable[..., Awaitable[Client]]
) -> None:
    client = await connect(await serve())
    await client.import_scores((f"i{number}", 1) for number in range(30))
    calls: list[str] = []
    call = client._exchange.call

    async def counted(*args: Any, **options: Any) -> Any:
        calls.append(options["query"])
        return await call(*args, **options)

    client._exchange.call = counted  # type: ignore[method-assign]  # it only counts
    listing = client.inspectors(limit=10)
    assert calls == []
    for _ in range(10):
        await anext(listing)
    assert len(calls) == 1
    await anext(listing)
    assert len(calls) == 2


async def test_what_the_server_refuses_is_an_error_with_its_document(client: Client) -> None:
    with pytest.raises(ApiError, match="score must be an integer from 0 to 5, not 6") as caught:
        await client.post("a1-b1", 6)
    assert (caught.value.status, caught.value.code) == (422, "invalid-input")
    assert caught.value.errors[0]["pointer"] == "/score"
    assert isinstance(caught.value, scores.ScoresError)
    with pytest.raises(ApiError, match="no student 'nobody' is known") as missing:
        await client.student("nobody")
    assert (missing.value.status, missing.value.code) == (404, "not-found")
    with pytest.raises(ApiError) as deleted:
        await client.delete_student("nobody")
    assert deleted.value.status == 404
    with pytest.raises(ApiError) as query:
        await anext(client.students(limit=1001))
    assert query.value.errors[0]["parameter"] == "limit"


async def test_it_says_how_the_server_and_its_feed_are(client: Client) -> None:
    assert await client.ready()
    feed = await client.feed()
    assert (feed.url, feed.state, feed.last_event_at, feed.recorded) == (None, FeedState.OFF, None, 0)


async def test_a_server_whose_store_is_away_is_not_ready(
    serve: Callable[..., Awaitable[str]], connect: Callable[..., Awaitable[Client]]
) -> None:
    client = await connect(await serve(store="redis://127.0.0.1:1"))
    assert not await client.ready()


async def test_the_error_of_a_server_that_is_not_there_names_its_address(
    connect: Callable[..., Awaitable[Client]],
) -> None:
    client = await connect("http://127.0.0.1:9/", retries=1)
    with pytest.raises(
        Unreachable, match=r"^cannot reach http://127\.0\.0\.1:9: Connection refused$"
    ) as caught:
        await client.post("a1-b1", 5)
    assert not caught.value.sent
    with pytest.raises(Unreachable, match="cannot reach"):
        await client.ready()
    nowhere = await connect("http://no-such-host.invalid", retries=0)
    with pytest.raises(Unreachable, match=r"cannot reach http://no-such-host\.invalid: "):
        await nowhere.feed()


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://x", "http://", "http://x:0", "http://x:99999", "http://x y", "http://x/?q=1", "http://[", "http://x/\u202e"]
)  # fmt: skip
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        Client(url)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    for url in ("http://me:secret@x", "http://me:secret@x:0"):
        with pytest.raises(ConfigError) as caught:
            Client(url)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nb", "é"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Client("http://x", token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"retries": -1}, {"timeout": 0}, {"patience": 0}, {"backoff": (0, 1)}, {"backoff": (2, 1)}]
)
def test_bounds_that_are_none_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Client("http://x", **options)


async def test_it_is_used_within_async_with() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Client("http://127.0.0.1:9").ready()


@given(count=st.integers(1, 2**30), data=st.data())
def test_the_sum_follows_from_the_mean_and_the_count(count: int, data: st.DataObject) -> None:
    total = data.draw(st.integers(0, 5 * count))
    read_back = read(read_inspector, {"UUID": "a1-b1", "mean": total / count, "count": count})
    assert read_back == Inspector("a1-b1", count, total)
    assert read_back.mean == total / count
