"""All measurements, in the order in which they are told to people."""

from typing import Final

from benchmarks import bulk, decoder, durable, feed, growth, keys, live, pages, post, reads, startup, stores
from benchmarks.command import Command
from benchmarks.peers import measure as peers
from benchmarks.redis import command as redis

__all__ = ["COMMANDS"]

COMMANDS: Final[tuple[Command, ...]] = (
    peers.COMMAND,
    post.COMMAND,
    reads.COMMAND,
    feed.COMMAND,
    bulk.COMMAND,
    live.COMMAND,
    startup.COMMAND,
    stores.COMMAND,
    growth.COMMAND,
    keys.COMMAND,
    pages.COMMAND,
    decoder.COMMAND,
    redis.COMMAND,
    durable.COMMAND,
)
