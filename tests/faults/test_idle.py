"""Many connections on which nothing happens: little memory each, nobody waits for them, and in time they are closed."""

from support.crowd import crowd, descriptors
from support.honest import honest
from support.outside import saw, server
from support.requests import request
from support.soak import times

KIB = 1024
MOST = 40 * KIB
"""Bytes of memory that an idle connection may take; some 14 KiB are what it takes."""

LIVEZ = request("GET", "/livez")
HONEST = 4


async def test_idle_connections_take_little_and_nobody_waits_for_them() -> None:
    count = descriptors(times(1000))
    async with server(max_connections=2 * count) as one, honest(one.address, HONEST) as clients:
        before = one.rss
        async with crowd(one.address, count) as idle:
            await one.holds(HONEST + count)
            first = one.rss - before
            await clients.more(200)
            # Each is still there, and is served as soon as it asks.
            assert idle.say(LIVEZ) == count
            assert {answer.split(b"\r\n")[0] for answer in await idle.answers(b"}")} == {b"HTTP/1.1 200 OK"}
            used = one.rss - before
        await one.holds(HONEST)
        saw(
            f"{count} idle: {first / count / KIB:.1f} KiB each, {used / count / KIB:.1f} KiB once they have asked"
        )
        assert used / count < MOST
        # What they took is used again by those who come next.
        async with crowd(one.address, count, LIVEZ) as others:
            await others.answers(b"}")
            assert one.rss - before < used + count * MOST / 4
        clients.check()
        await clients.report("idle connections", injected=2 * count, in_flight=0)


async def test_what_a_connection_takes_is_seen() -> None:
    """The control: connections that are not idle, but hold half of a long head, are over the same bound."""
    count = descriptors(times(100))
    head = b"GET /livez HTTP/1.1\r\nHost: x\r\n" + (b"A: " + b"x" * 8000 + b"\r\n") * 12
    async with server(max_connections=2 * count, max_pending=2**40, head_timeout=60) as one:
        before = one.rss
        async with crowd(one.address, count, head):
            await one.holds(count)
            assert (one.rss - before) / count > MOST


async def test_idle_connections_are_closed_in_time_and_only_then() -> None:
    count = descriptors(times(100))
    async with (
        server(keepalive_timeout=1) as one,
        server() as patient,
        honest(one.address, HONEST) as clients,
        crowd(one.address, count) as silent,
        crowd(one.address, count, LIVEZ) as asked,
        crowd(patient.address, count) as kept,
    ):
        ends = await silent.ends() + await asked.ends()
        assert {end.status for end in ends} == {0, 200}
        assert not any(end.reset for end in ends)
        # The control: with the usual time they are all still there.
        assert kept.open() == count
        clients.check()
        await clients.report("idle connections that are closed", injected=2 * count, in_flight=0)
