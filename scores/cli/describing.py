"""`scores openapi`: the API's description, for programs.

Rule: it is what a server answers at `/openapi.json`, and needs none.
"""

import argparse
import sys
from typing import Final

from scores.cli.arguments import Commands, add_command
from scores.cli.output import line
from scores.web.openapi.document import printed
from scores.web.routes import ROUTES

__all__ = ["add_commands"]

_NOTE: Final = """\
It is what a server answers at /openapi.json; GET /docs shows it to people.
"""


def add_commands(commands: Commands) -> None:
    """Adds this command to the parser's."""
    add_command(commands, "openapi", _describe, about="print the API's description (OpenAPI 3.1)", note=_NOTE)


def _describe(_arguments: argparse.Namespace) -> int:
    line(printed(ROUTES).decode().rstrip())
    sys.stdout.flush()
    return 0
