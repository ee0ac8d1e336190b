"""`scores serve`, `demo` and `feed`, and the `worker` of a supervisor: what runs until it is stopped.

Rule: the settings are read here, once, from the environment and the flags; a setting that is wrong is an
exit status of 2, and what another process has for now one of 1.
"""

import argparse
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

from aiohttp import web

from scores import logs
from scores.cli.arguments import Commands, Parser, add_command, integer, number
from scores.cli.descriptors import raise_descriptors
from scores.cli.loop import run
from scores.cli.output import error, say
from scores.config import Config, Setting, settings, unknown_variables
from scores.errors import InUse
from scores.feed.faults import parse_fault
from scores.feed.simulator import SimulatorOptions, create_simulator
from scores.feed.status import FeedStatus, without_password
from scores.settling import settle
from scores.web.express.inside import unknown_inside
from scores.web.listener import address_of, is_loopback, refusal_to_listen
from scores.web.server import running
from scores.web.stopping import Stop, Stopped, stop_on_signal
from scores.workers.process import IN_USE
from scores.workers.supervisor import supervised
from scores.workers.worker import work

__all__ = ["add_commands", "worker_parser"]

_SERVE_NOTE: Final = """\
Each flag has an environment variable, named beside it; the flag wins. What is wrong stops
the start with one line that says what is allowed. Ctrl-C and SIGTERM stop the server: it
finishes what is in flight (for --shutdown-timeout seconds at most) and exits with 0. With
several --workers one more process looks after them: it is the one to signal.

Access tokens have variables only, as a list of processes shows flags: SCORES_WRITE_TOKEN,
SCORES_READ_TOKEN (several, separated by commas, to change them one by one); so has
SCORES_FEED_TOKEN, with which the feed is asked.
"""

_DEMO_NOTE: Final = (
    _SERVE_NOTE
    + """\
The feed's own flags have no variables, and SCORES_FEED is not read: the feed is the simulated one.
"""
)

_FEED_NOTE: Final = """\
Its flags have no environment variables. Every reader sees the same events, live since the first one
came; with --ids a reader that comes back goes on where it was. Ctrl-C and SIGTERM stop it.
"""

_TRY: Final = """\
scores is running: {address}

Open that in a browser for a live page, or ask:

  curl {address}/exams
  curl {address}/students
  curl {address}/feed
  curl {address}/scores -H 'Content-Type: application/json' -d '{{"UUID":"a1-b1","score":5}}'

It listens to a simulated feed at {feed}. Ctrl-C stops both.
"""

log = logging.getLogger("scores")


Command = Callable[[Config, argparse.Namespace], Coroutine[Any, Any, None]]


def add_commands(commands: Commands) -> None:
    """Adds these commands to the parser's."""
    serve = add_command(commands, "serve", _running(_serve), about="run a server", note=_SERVE_NOTE)
    for setting in settings():
        _add_setting(serve, setting)
    demo = add_command(
        commands, "demo", _running(_demo), about="run a server with a simulated feed", note=_DEMO_NOTE
    )
    for setting in settings():
        if setting.name != "feed":
            _add_setting(demo, setting)
    _add_simulator(demo)
    feed = add_command(commands, "feed", _running(_feed), about="run a simulated feed", note=_FEED_NOTE)
    feed.add_argument(
        "--host", dest="feed_host", default="127.0.0.1", help="address to listen on (%(default)s)"
    )
    feed.add_argument(
        "--port", dest="feed_port", type=_port, default=8001, help="port to listen on (%(default)s)"
    )
    _add_simulator(feed)


def worker_parser() -> argparse.ArgumentParser:
    """The parser of `scores worker`, which is for the supervisor alone: it hands on the descriptors."""
    worker = Parser(prog="scores worker", add_help=False)
    worker.add_argument("channel", type=int)
    worker.add_argument("listening", type=int, nargs="+")
    worker.add_argument("--memory", type=int)
    worker.add_argument("--place", type=int, default=0)
    worker.add_argument("--flag", dest="flags", action="append", default=[])
    worker.set_defaults(run=_run_worker)
    return worker


def _running(command: Command) -> Callable[[argparse.Namespace], int]:
    """What reads the settings for a command, and runs it."""

    def run_it(arguments: argparse.Namespace) -> int:
        config = Config.read(os.environ, vars(arguments))
        logs.configure(config)
        for sentence in unknown_variables(os.environ):
            log.warning("%s", sentence)
        try:
            run(command(config, arguments))
        except Stopped:
            log.info("stopped before it had started")
        return 0

    return run_it


def _run_worker(arguments: argparse.Namespace) -> int:
    # Its variables are those of the supervisor, which has warned of them.
    config = replace(Config.read(os.environ, {}), flags=frozenset(arguments.flags))
    logs.configure(config)
    serving = work(
        config, arguments.channel, arguments.listening, memory=arguments.memory, place=arguments.place
    )
    try:
        run(serving)
    except InUse as exc:
        error(str(exc))
        return IN_USE
    return 0


async def _serve(config: Config, _arguments: argparse.Namespace) -> None:
    stop = stop_on_signal()
    async with _serving(config, stop) as address:
        settle()
        _log_start(config, address)
        await stop.wait()
    log.info("stopped")


async def _demo(config: Config, arguments: argparse.Namespace) -> None:
    stop = stop_on_signal()
    async with _simulating(_options(arguments), "127.0.0.1", 0) as feed:
        config = replace(config, feed=feed)
        async with _naming_the_way(), _serving(config, stop) as address:
            settle()
            _log_start(config, address)
            say(_TRY.format(address=address, feed=feed))
            await stop.wait()
    log.info("stopped")


async def _feed(_config: Config, arguments: argparse.Namespace) -> None:
    stop = stop_on_signal()
    async with _simulating(_options(arguments), arguments.feed_host, arguments.feed_port) as url:
        log.info("simulated feed: %s", url)
        say(f"curl -N {url}")
        await stop.wait()
    log.info("stopped")


def _serving(config: Config, stop: Stop) -> AbstractAsyncContextManager[str]:
    raise_descriptors(config)
    return supervised(config, stop) if config.workers > 1 else running(config, stop=stop)


@asynccontextmanager
async def _naming_the_way() -> AsyncIterator[None]:
    """Has whoever tries it for the first time, by `make run`, read how to take another port there."""
    try:
        yield
    except InUse as exc:
        if exc.port is None:
            raise
        raise InUse(f"{exc}, as in `scores demo --port 8080` or `PORT=8080 make run`") from exc


@asynccontextmanager
async def _simulating(options: SimulatorOptions, host: str, port: int) -> AsyncIterator[str]:
    runner = web.AppRunner(create_simulator(options), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, ValueError) as exc:
            raise refusal_to_listen(host, port, exc) from exc
        yield address_of(*runner.addresses[0][:2]) + "/scores"
    finally:
        await runner.cleanup()


def _log_start(config: Config, address: str) -> None:
    log.info("store: %s", without_password(config.store))
    log.info("feed: %s", FeedStatus.of(config.feed).url or "off")
    log.info("express lane: %s", "on" if config.express and not unknown_inside() else "off")
    if config.workers > 1:
        log.info("workers: %d", config.workers)
    if not config.write_token and not is_loopback(address):
        log.warning("whoever reaches %s may write: SCORES_WRITE_TOKEN is not set", address)
    log.info("listening: %s", address)


def _options(arguments: argparse.Namespace) -> SimulatorOptions:
    return SimulatorOptions(
        rate=arguments.rate,
        students=arguments.students,
        seed=arguments.seed,
        ids=arguments.ids,
        count=arguments.count,
        faults=dict(map(parse_fault, arguments.fault)),
    )


def _port(text: str) -> int:
    (setting,) = (setting for setting in settings() if setting.name == "port")
    port: int = setting.read(text, setting.flag)
    return port


def _add_setting(command: argparse.ArgumentParser, setting: Setting) -> None:
    if setting.secret:
        command.add_argument(setting.flag, type=partial(_refuse, setting), help=argparse.SUPPRESS)
        return
    command.add_argument(
        setting.flag,
        dest=setting.name,
        metavar="VALUE",
        help=f"{setting.about}: {setting.allowed} ({setting.variable}, {setting.shown_default})",
    )


def _refuse(setting: Setting, _text: str) -> None:
    raise argparse.ArgumentTypeError(f"a list of processes would show it: set {setting.variable} instead")


def _add_simulator(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("the simulated feed")
    add = group.add_argument
    add(
        "--rate",
        type=number("a number from 0 to 1000000"),
        default=20.0,
        help="events a second, 0 for as fast as they are read (%(default)g)",
    )
    add(
        "--students",
        type=integer("an integer from 25 to 1000000"),
        default=200,
        help="how many students there are, at least 25 (%(default)s)",
    )
    add("--seed", type=integer("an integer"), default=0, help="same seed, same events (%(default)s)")
    add("--ids", action="store_true", help="send event ids, and resume after the one a client had last")
    add("--count", type=integer("an integer from 0 on"), help="fall silent after so many events (never)")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=P",
        help="misbehave with probability P: cut, repeat, garbage, stall, refuse or slow; may be repeated",
    )
