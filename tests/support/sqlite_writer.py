"""A process that writes to a file store and says, line by line, what it was told is recorded: to be killed.

    python -m support.sqlite_writer FILE [most bytes that a file may have]

A line is `score UUID COUNT TOTAL`, `result STUDENT EXAM HEX`, or `refused CLASS`; the first is `open`.
"""

import asyncio
import os
import random
import resource
import sys

from scores.errors import StoreError
from scores.models import Repeats, Result, Score
from scores.stores import Store, open_store

WRITERS = 16


def say(line: str) -> None:
    # At once, and whole: whoever reads must not know less than was acknowledged.
    os.write(1, f"{line}\n".encode())


async def write(store: Store, number: int) -> None:
    # Not the same again in the next process: what is found must tell which write it is of.
    rng = random.Random(f"{number} {os.getpid()}")
    while True:
        score = Score(f"u{rng.randrange(50)}", rng.randrange(6))
        (answer,) = await store.add([score])
        say(
            f"refused {type(answer).__name__}"
            if isinstance(answer, StoreError)
            else "score {} {} {}".format(*answer)
        )
        result = Result(f"s{rng.randrange(30)}", number, rng.random())
        try:
            await store.record([result], repeats=Repeats.LAST)
        except StoreError as exc:
            say(f"refused {type(exc).__name__}")
        else:
            say(f"result {result.student_id} {result.exam} {result.score.hex()}")


async def main(file: str, most: int | None) -> None:
    async with open_store(f"sqlite:{file}") as store:
        if most is not None:
            # Writing beyond it is EFBIG: Python has the signal ignored.
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        say("open")
        await asyncio.gather(*(write(store, number) for number in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None))
