"""A Dockerfile, read into its instructions, as far as ours goes: no heredocs, no escape directive."""

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

__all__ = ["Instruction", "Stage", "stages"]


class Instruction(NamedTuple):
    """One instruction, its lines joined."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """What follows, whether it was written in JSON (the exec form) or as a shell would read it."""
        start = self.rest.find("[")
        if start == 0 or (self.name == "HEALTHCHECK" and start > 0):
            words: list[str] = json.loads(self.rest[start:])
            return words
        return shlex.split(self.rest)


class Stage(NamedTuple):
    """What follows a FROM, up to the next."""

    base: str
    instructions: list[Instruction]

    def all(self, name: str) -> list[Instruction]:
        """Its instructions of that name, in order."""
        return [one for one in self.instructions if one.name == name]

    def one(self, name: str) -> Instruction:
        """Its only instruction of that name."""
        (found,) = self.all(name)
        return found

    def pairs(self, name: str) -> dict[str, str]:
        """The `key=value` of all its ENV or LABEL instructions."""
        return {
            key: value
            for one in self.all(name)
            for key, _, value in (word.partition("=") for word in one.words)
        }


def stages(path: Path) -> list[Stage]:
    """The stages, with the ARGs that stand before the first put in."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    for name, _, rest in (line.partition(" ") for line in lines if line.strip()):
        if name == "ARG" and not found:
            key, _, value = rest.partition("=")
            arguments[key] = value
        elif name == "FROM":
            base = rest.partition(" AS ")[0]
            found.append(Stage(re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base), []))
        else:
            found[-1].instructions.append(Instruction(name, rest.strip()))
    return found
