"""The sockets that a server listens on: where they are, and who is still let in when they close."""

import socket

from yarl import URL

from scores.config import Config
from scores.web.listener import bind, location
from scores.web.server import running


async def test_a_name_is_listened_to_at_each_of_its_addresses() -> None:
    sockets = await bind("localhost", 0)
    addresses = {info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    try:
        assert {listening.getsockname()[0] for listening in sockets} == addresses
    finally:
        for listening in sockets:
            listening.close()


async def test_a_server_takes_sockets_that_listen_already_and_closes_them(no_leaks: None) -> None:
    sockets = await bind("127.0.0.1", 0)
    expected = location(sockets)
    async with running(Config(feed=None, port=1), sockets=sockets) as address:
        assert address == expected
    assert [listening.fileno() for listening in sockets] == [-1]


async def test_a_client_that_waits_to_be_let_in_when_the_server_stops_is_answered(no_leaks: None) -> None:
    async with running(Config(feed=None, port=0)) as address:
        url = URL(address)
        # The loop does not run between this and the stop: only the kernel knows of the client.
        client = socket.create_connection((url.host or "", url.port or 0))
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    with client:
        answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in answer
