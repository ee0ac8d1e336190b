"""The image, as far as it can be known without a container engine: Dockerfile, compose.yaml, and what is pinned.

What the steps give when they are run by hand is in docs/howto/run-in-containers.md.
"""

import asyncio
import os
import re
import sys
import tomllib
from collections.abc import Awaitable, Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from support.dockerfile import Stage, stages
from support.sockets import connection
from support.tcp_proxy import tcp_proxy

from scores.cli import main
from scores.config import PREFIX, Config, settings

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BUILD, IMAGE = stages(ROOT / "Dockerfile")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
OURS = [name for name, service in COMPOSE["services"].items() if "build" in service]
PYTHON = re.fullmatch(r"python:(\d+\.\d+)-slim-[a-z]+", IMAGE.base)

PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)$")
WANTED = {"image": PROJECT["project"]["dependencies"], "build": PROJECT["build-system"]["requires"]}


def pins(name: str) -> dict[str, Version]:
    """The packages of a file of pins; a line that is anything else fails."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    found = [PIN.match(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert all(found), "a line that is no version with its hashes"
    return {canonicalize_name(pin[1]): Version(pin[2]) for pin in found if pin}


@pytest.mark.parametrize("name", WANTED)
def test_what_the_package_asks_for_is_pinned_and_in_range(name: str) -> None:
    assert PYTHON
    environment = {
        "python_version": PYTHON[1],
        "python_full_version": f"{PYTHON[1]}.0",
        "sys_platform": "linux",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    pinned = pins(name)
    wanted = [Requirement(text) for text in WANTED[name]]
    # An extra of redis is the package that it brings.
    wanted += [Requirement(extra) for one in wanted for extra in one.extras]
    assert len(wanted) >= 1
    for one in wanted:
        assert one.marker is None or one.marker.evaluate(environment), "the image needs all of them"
        assert one.specifier.contains(pinned[canonicalize_name(one.name)]), one


@pytest.mark.parametrize("name", WANTED)
def test_pins_tell_of_no_machine_and_no_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert "make pins" in text.splitlines()[1]
    assert not re.search(r"://|index|find-links|/(?:home|root|tmp|opt|work)", text)


def test_pins_are_for_the_images_python() -> None:
    assert PYTHON
    assert BUILD.base == IMAGE.base
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"--python-version (\S+)", makefile) == [PYTHON[1]]
    assert PYTHON[1] in [
        line.rpartition(" ")[2]
        for line in PROJECT["project"]["classifiers"]
        if line.startswith("Programming Language")
    ]


def test_every_package_is_installed_by_its_hash_and_ours_without_any_index() -> None:
    installs = [
        words
        for run in BUILD.all("RUN")
        for words in (part.split() for part in run.rest.split("&&"))
        if "install" in words and words[0].endswith("pip")
    ]
    downloads = [words for words in installs if "--no-index" not in words]
    assert {words[words.index("-r") + 1] for words in downloads} == {
        f"requirements/{name}.txt" for name in WANTED
    }
    for words in downloads:
        assert {"--require-hashes", "--no-deps"} <= set(words)
        assert words[words.index("--only-binary") + 1] == ":all:"
    assert [words[-1] for words in installs if "--no-index" in words] == ["/dist/*.whl"]
    assert not any("pip" in run.rest for run in IMAGE.all("RUN"))


def ignored(path: Path) -> bool:
    """Whether .dockerignore keeps the path out of what is sent to the engine; the last line that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split():
        pattern = line.removeprefix("!").removeprefix("**/")
        if fnmatch(path.parts[0], pattern) or (line.startswith("**/") and pattern in path.parts):
            out = not line.startswith("!")
    return out


def test_every_source_of_a_copy_is_there_and_is_sent() -> None:
    copies = [one for one in BUILD.all("COPY") if not one.rest.startswith("--from=")]
    sources = {Path(source) for one in copies for source in one.words[:-1]}
    assert Path("scores") in sources
    for source in sources:
        assert (ROOT / source).exists()
        assert not ignored(source)
    # What hatchling puts into the wheel, and what it reads for it.
    for needed in ("pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]):
        assert any(Path(needed).is_relative_to(source) for source in sources)
    assert ignored(Path("tests"))
    assert ignored(Path(".git"))
    assert ignored(Path("scores/__pycache__/x.pyc"))


def test_it_runs_as_a_user_that_is_a_number_and_owns_one_directory() -> None:
    user = IMAGE.one("USER").rest
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    uid, gid = user.split(":")
    made = " ".join(one.rest for one in IMAGE.all("RUN"))
    assert f"useradd --no-log-init --uid {uid} --gid {gid} " in made
    (volume,) = IMAGE.one("VOLUME").words
    assert f"install -d -o {uid} -g {gid} -m 0700 {volume}" in made
    # After the last step that needs root.
    order = [one.name for one in IMAGE.instructions]
    assert order.index("USER") > max(at for at, name in enumerate(order) if name in ("RUN", "COPY", "VOLUME"))


def test_its_variables_are_settings_and_it_listens_to_all_on_the_port_it_shows() -> None:
    ours = {key: value for key, value in IMAGE.pairs("ENV").items() if key.startswith(PREFIX)}
    assert ours.keys() <= {setting.variable for setting in settings()}
    config = Config.read(ours, {})
    assert config.host == "0.0.0.0"  # noqa: S104  # a container is reached from outside of it
    assert IMAGE.one("EXPOSE").rest == str(config.port)
    assert IMAGE.one("STOPSIGNAL").rest == "SIGTERM"
    assert [*IMAGE.one("ENTRYPOINT").words, *IMAGE.one("CMD").words] == ["scores", "serve"]


def test_its_labels_say_what_the_package_says() -> None:
    labels = {key.rpartition(".")[2]: value for key, value in IMAGE.pairs("LABEL").items()}
    project = PROJECT["project"]
    assert labels == {
        "title": project["name"],
        "description": project["description"],
        "licenses": project["license"],
    }


async def checked(port: int, **variables: str) -> int:
    """The status of the image's own check, run against that port."""
    program, *arguments = IMAGE.one("HEALTHCHECK").words
    assert program == "python"
    environ = {"PATH": os.environ["PATH"], "SCORES_PORT": str(port), **variables}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environ, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


async def test_its_check_tells_a_server_from_none(serve: Callable[..., Awaitable[str]]) -> None:
    address = await serve()
    port = int(address.rpartition(":")[2])
    async with tcp_proxy("127.0.0.1", port) as proxy:
        assert await checked(proxy.port) == 0
        await proxy.refuse()
        # A proxy that the container has for the world is not asked for its own server.
        assert await checked(proxy.port, http_proxy=address, HTTP_PROXY=address) != 0


async def test_its_check_wants_a_200(serve: Callable[..., Awaitable[str]]) -> None:
    address = await serve(max_connections=1)
    async with connection(address) as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in await reader.readline()
        # Its one connection is taken: the next is a 503.
        assert await checked(int(address.rpartition(":")[2])) == 1


def test_the_check_has_time_to_fail_by_itself() -> None:
    check = IMAGE.one("HEALTHCHECK").rest
    limit = re.search(r"--timeout=(\d+)s", check)
    own = re.search(r"timeout=(\d+)\)", check)
    assert limit
    assert own
    assert int(own[1]) < int(limit[1])


@pytest.mark.parametrize("name", OURS)
def test_in_compose_ours_may_do_nothing_but_serve(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service, "the image's own"
    assert not {"privileged", "cap_add", "network_mode", "pid"} & service.keys()


@pytest.mark.parametrize("name", OURS)
def test_in_compose_what_is_asked_for_is_known(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    service = COMPOSE["services"][name]
    subcommand, *rest = service["command"]
    flags = {word for word in rest if word.startswith("--")}
    with pytest.raises(SystemExit, match=r"^0$"):
        main([subcommand, "--help"])
    assert flags
    assert flags <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    ours = service.get("environment", {})
    assert ours.keys() <= {setting.variable for setting in settings()}
    stated = {key: re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", value) for key, value in ours.items()}
    config = Config.read(stated, {})
    grace = int(service.get("stop_grace_period", "10s").removesuffix("s"))
    assert subcommand != "serve" or grace > config.shutdown_timeout + 3


def test_compose_waits_for_what_is_there_and_shows_this_machine_only() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] != "service_healthy" or "test" in services[other]["healthcheck"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        mounted = [volume.partition(":")[0] for volume in service.get("volumes", [])]
        assert set(mounted) <= COMPOSE["volumes"].keys()


def test_redis_in_compose_keeps_what_the_server_asks_it_to() -> None:
    words = COMPOSE["services"]["redis"]["command"]
    stated = dict(zip(words[1::2], words[2::2], strict=True))
    required = COMPOSE["services"]["scores"]["environment"]["SCORES_REDIS_REQUIRE_AOF"]
    assert (stated["--appendonly"], stated["--appendfsync"]) == ("yes", required)
    assert stated["--maxmemory-policy"] == "noeviction"


def test_stages_are_read_as_docker_reads_them(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        'ARG A=1\nFROM x:${A} AS one\n# a comment\nRUN a \\\n    # another\n    && b\nFROM y\nCMD ["c d"]\n'
    )
    one, two = stages(tmp_path / "Dockerfile")
    assert (one.base, one.one("RUN").rest) == ("x:1", "a && b")
    assert isinstance(two, Stage)
    assert two.one("CMD").words == ["c d"]
