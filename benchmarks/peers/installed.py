"""Which contenders can run here, and in which versions."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from benchmarks.peers.table import Peer

__all__ = ["find_program", "versions"]


def versions(peer: Peer) -> Mapping[str, str] | None:
    """The version of all that the contender needs; None when any of it is not installed."""
    try:
        return {name: version(name) if peer.does_the_job else _program(name) for name in peer.needs}
    except PackageNotFoundError:
        return None


def find_program(name: str) -> str | None:
    """The path of the program, which may be one for administrators."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(("/usr/local/sbin", "/usr/sbin")))


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise PackageNotFoundError(name)
    said = subprocess.run([path, "-v"], capture_output=True, check=False, text=True)  # noqa: S603 - from the table
    found = re.search(r"/([0-9][0-9.]*)", said.stderr + said.stdout)
    return found[1] if found else "unknown"
