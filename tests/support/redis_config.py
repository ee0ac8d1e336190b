"""What a redis server of the tests is told: its configuration file, its certificate, and the URL that follows."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

__all__ = ["HOST", "KEEPER", "Options", "configured", "directives", "program", "url_of", "write_certificate"]

HOST = "127.0.0.1"
# The account of these helpers, so that they get in whatever password and users a test asks for.
KEEPER = ("keeper", "of-the-tests")


class Options(TypedDict, total=False):
    """How a server is set up; whatever is left out is as redis has it."""

    appendonly: str  # when the append-only file is flushed: "always" or "everysec"; "no" is without the file
    password: str | None
    users: Sequence[str]  # ACL rules, each `name rule…`
    tls: bool  # TLS only on the port, with a certificate of its own
    port: int
    sentinel: bool  # watches other servers instead of holding data
    config: Mapping[str, object]  # any other directive; a name may hold the first words of its value


def configured(options: Options, config: Mapping[str, object]) -> Options:
    """The options with these directives as well, unless they have their own."""
    return {**options, "config": {**config, **options.get("config", {})}}


def url_of(port: int, options: Options) -> str:
    scheme = "rediss" if options.get("tls") else "redis"
    password = options.get("password")
    user = f":{quote(password, safe='')}@" if password else ""
    return f"{scheme}://{user}{HOST}:{port}/0"


def directives(home: Path, port: int, options: Options) -> Iterator[str]:
    """The lines of the configuration file."""
    settings = {**_basics(home, port), **_chosen(home, port, options), **options.get("config", {})}
    yield from (f"{name} {value}" for name, value in settings.items())
    yield "user {} on >{} ~* &* +@all".format(*KEEPER)
    yield from (f"user {user}" for user in options.get("users", ()))


def _basics(home: Path, port: int) -> Mapping[str, object]:
    username, password = KEEPER
    return {
        "bind": HOST,
        "port": port,
        "dir": home,
        "daemonize": "no",
        "unixsocket": home / "redis.sock",
        "save": '""',
        "masteruser": username,  # any server may be told to follow another
        "masterauth": password,
        "enable-debug-command": "yes",
        "repl-diskless-sync-delay": 0,  # a replica is served at once: no others are expected
        "shutdown-timeout": 0,  # a replica that is frozen does not hold up the end
    }


def _chosen(home: Path, port: int, options: Options) -> Mapping[str, object]:
    chosen: dict[str, object] = {}
    flush = options.get("appendonly", "no")
    if flush != "no":
        chosen |= {"appendonly": "yes", "appendfsync": flush}
    if password := options.get("password"):
        chosen["requirepass"] = json.dumps(password, ensure_ascii=False)
    if options.get("tls"):
        certificate, key = home / "tls.crt", home / "tls.key"
        chosen |= {"port": 0, "tls-port": port, "tls-auth-clients": "no"}
        chosen |= {"tls-cert-file": certificate, "tls-key-file": key, "tls-ca-cert-file": certificate}
    return chosen


def write_certificate(home: Path) -> None:
    """A certificate that vouches for itself, with what the strict checks of Python 3.13 ask of it."""
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 -subj /CN=localhost"
    extensions = (
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "keyUsage=critical,digitalSignature,keyCertSign",
    )
    command = [program("openssl"), *request.split(), "-keyout", "tls.key", "-out", "tls.crt"]
    command += [word for extension in extensions for word in ("-addext", extension)]
    subprocess.run(command, cwd=home, check=True, capture_output=True)


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"these tests need {name}")
    return path
