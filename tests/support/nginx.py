"""A real nginx before a server: a process of its own, with ports and a directory of its own.

Rule: what is started here is ended here. Its log has a line for each request that it read, whom it was from, and what
the server behind it answered.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import orjson

from support.redis_servers import hold_port

__all__ = ["Front", "Seen", "nginx"]

_CONFIGURATION: Final = """
daemon off;
master_process off;
pid {home}/pid;
error_log {home}/error.log;
events {{ worker_connections 512; }}
http {{
    log_format seen escape=json '{{"agent":"$http_user_agent","method":"$request_method","status":"$status","back":"$upstream_status"}}';
    access_log {home}/seen.log seen;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    client_header_timeout 1s;
    client_body_timeout 1s;
    keepalive_timeout 1s;
    lingering_timeout 1s;
    upstream back {{ server 127.0.0.1:{back}; keepalive 2; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_next_upstream off;
    server {{ listen 127.0.0.1:{careful}; location / {{ proxy_pass http://back; }} }}
    server {{
        listen 127.0.0.1:{trusting};
        proxy_request_buffering off;
        ignore_invalid_headers off;
        underscores_in_headers on;
        location / {{ proxy_pass http://back; }}
    }}
}}
"""


class Seen(NamedTuple):
    """One request that nginx read."""

    agent: str
    method: str
    status: str
    back: str
    """The status that the server behind it answered; empty if it was not asked."""


class Front:
    """One nginx: `careful` takes in whole bodies first, `trusting` hands on what comes as it comes."""

    def __init__(self, home: Path, process: asyncio.subprocess.Process, ports: tuple[int, int]) -> None:
        self.careful, self.trusting = (f"http://127.0.0.1:{port}" for port in ports)
        self._home = home
        self._process = process

    async def seen(self) -> list[Seen]:
        """Every request that it read, once it has ended."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGQUIT)
        async with asyncio.timeout(20):
            await self._process.wait()
        lines = (self._home / "seen.log").read_bytes().splitlines()
        return [Seen(**orjson.loads(line)) for line in lines]

    def log(self) -> str:
        """What it had to say of errors."""
        return (self._home / "error.log").read_text()


@asynccontextmanager
async def nginx(back: int) -> AsyncIterator[Front]:
    """Runs one before the server at that port of 127.0.0.1."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program is not None, "the tests need an nginx: please install one (Debian's nginx-light)"
    held = [hold_port(), hold_port()]
    ports = held[0].getsockname()[1], held[1].getsockname()[1]
    with TemporaryDirectory(prefix="nginx-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        careful, trusting = ports
        text = _CONFIGURATION.format(home=home, back=back, careful=careful, trusting=trusting)
        (home / "nginx.conf").write_text(text)
        process = await asyncio.create_subprocess_exec(
            program, "-p", name, "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")
        )
        try:
            front = Front(home, process, ports)
            await _listens(process, ports)
            yield front
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            for one in held:
                one.close()


async def _listens(process: asyncio.subprocess.Process, ports: tuple[int, int]) -> None:
    async with asyncio.timeout(20):
        for port in ports:
            while True:
                assert process.returncode is None, "nginx has ended"
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                    continue
                writer.close()
                await writer.wait_closed()
                break
