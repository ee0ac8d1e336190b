"""The contenders: what each needs, and the command that starts it.

The rule: one process with one worker, no access log, the settings that its guide gives for production.
In commands and files `$port` is the port to listen on, and `$home` a folder that is removed afterwards.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["PEERS", "ROOT", "Peer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A contender."""

    name: str
    needs: tuple[str, ...]
    """The distributions that have to be installed, the first is the framework; or a program."""
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """What has to be in its home, by name."""
    does_the_job: bool = True
    """Otherwise it gives the same answer to everything, and is not checked."""


_APPS: Final = "benchmarks.peers.apps"
_PYTHON: Final = (sys.executable, "-m")

_NGINX: Final = """\
daemon off;
worker_processes 1;
pid $home/nginx.pid;
error_log $home/error.log;
events {
    worker_connections 4096;
}
http {
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
    default_type application/json;
    client_body_temp_path $home/body;
    proxy_temp_path $home/proxy;
    fastcgi_temp_path $home/fastcgi;
    uwsgi_temp_path $home/uwsgi;
    scgi_temp_path $home/scgi;
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / {
            return 200 '{"UUID":"5ca1ab1e-0000-4000-8000-000000000000","mean":2.5}';
        }
    }
}
"""


def _scores(name: str, **settings: str) -> Peer:
    # Its other dependencies are its own business: it is what this folder belongs to.
    return Peer(
        name=name,
        needs=("aiohttp", "uvloop", "orjson"),
        command=(*_PYTHON, "scores", "serve"),
        environ={"SCORES_FEED": "off", "SCORES_STORE": "dict", "SCORES_PORT": "$port", **settings},
    )


def _uvicorn(name: str, *needs: str) -> Peer:
    options = ("--workers", "1", "--loop", "uvloop", "--http", "httptools", "--no-access-log")
    return Peer(
        name=name,
        needs=(name, "uvicorn", "uvloop", "httptools", *needs),
        command=(*_PYTHON, "uvicorn", f"{_APPS}.{name}_app:app", "--port", "$port", *options),
    )


def _granian(name: str, interface: str) -> Peer:
    options = ("--interface", interface, "--loop", "uvloop", "--workers", "1", "--no-access-log")
    return Peer(
        name=name,
        needs=("granian", "uvloop", "orjson"),
        command=(*_PYTHON, "granian", f"{_APPS}.{interface}_app:app", "--port", "$port", *options),
    )


def _module(name: str, module: str, *needs: str) -> Peer:
    return Peer(name=name, needs=needs, command=(*_PYTHON, f"{_APPS}.{module}", "$port"))


_GUNICORN: Final = ("--worker-class", "gthread", "--workers", "1", "--threads", "4", "--keep-alive", "75")

PEERS: Final = {
    peer.name: peer
    for peer in (
        _scores("scores"),
        _scores("scores-express-off", SCORES_EXPRESS="off"),
        _module("aiohttp", "aiohttp_app", "aiohttp", "uvloop"),
        _uvicorn("starlette"),
        _uvicorn("fastapi", "pydantic"),
        _uvicorn("litestar", "msgspec"),
        _uvicorn("falcon"),
        _uvicorn("blacksheep", "pydantic"),
        _module("sanic", "sanic_app", "sanic", "uvloop", "httptools"),
        _granian("granian-asgi", "asgi"),
        _granian("granian-rsgi", "rsgi"),
        Peer(
            name="robyn",
            needs=("robyn", "uvloop"),
            command=(
                *_PYTHON,
                f"{_APPS}.robyn_app",
                "--processes",
                "1",
                "--workers",
                "1",
                "--log-level",
                "WARN",
            ),
            environ={"PORT": "$port", "ROBYN_PORT": "$port"},
        ),
        Peer(
            name="flask",
            needs=("flask", "gunicorn"),
            command=(*_PYTHON, "gunicorn", f"{_APPS}.flask_app:app", "--bind", "127.0.0.1:$port", *_GUNICORN),
        ),
        _module("by-hand", "by_hand", "httptools", "uvloop", "orjson"),
        Peer(
            name="nginx",
            needs=("nginx",),
            command=("nginx", "-p", "$home", "-e", "$home/error.log", "-c", "$home/nginx.conf"),
            files={"nginx.conf": _NGINX},
            does_the_job=False,
        ),
    )
}
"""By name, ours first."""

ROOT: Final = Path(__file__).parent.parent.parent
