"""Files of the package as documents: each is read once, when it is first asked for.

Rule: what is served is named by the program, never by a client.
"""

import asyncio
import errno
from functools import lru_cache
from pathlib import Path
from typing import Final

from scores.errors import Overloaded
from scores.web.caching import Static
from scores.web.fields import POLICY

__all__ = ["packaged"]

_ROOT: Final = Path(__file__).parent / "assets"
_USED_UP: Final = (errno.EMFILE, errno.ENFILE)
"""No descriptor is left, of the process's or of the system's."""
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@lru_cache
def _read(name: str, policy: str) -> Static:
    path = _ROOT / name
    return Static.of(path.read_bytes(), _TYPES[path.suffix], policy=policy)


async def packaged(name: str, *, policy: str = POLICY) -> Static:
    """The file at this path beneath `assets`; `policy` is the `Content-Security-Policy` of a page.

    Raises `Overloaded` while the server may open no more files.
    """
    try:
        return await asyncio.to_thread(_read, name, policy)
    except OSError as exc:
        if exc.errno not in _USED_UP:
            raise
        raise Overloaded("the server has as many files open as it may") from exc
