"""Log lines for an operator: one line an event, as text or as JSON.

Rule: set up once, by the command; the package itself only ever asks for a logger. With more than one
worker each line says which process wrote it.
"""

import logging
import logging.config
from datetime import UTC, datetime

import orjson

from scores.config import Config

__all__ = ["configure"]


class _JSONFormatter(logging.Formatter):
    def __init__(self, *, pid: bool) -> None:
        super().__init__()
        self.pid = pid

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self.pid:
            line["pid"] = record.process
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def configure(config: Config) -> None:
    """Has the process log to standard error, as the settings say."""
    several = config.workers > 1
    process = "[%(process)d] " if several else ""
    formatter = {
        "text": {
            "format": f"%(asctime)s %(levelname)-7s {process}%(message)s",
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
        },
        "json": {"()": _JSONFormatter, "pid": several},
    }[config.log_format]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": config.log_level.upper(), "handlers": ["stderr"]},
            "loggers": {
                # It says with the feed's whole URL, password included, what our client says without.
                "aiohttp_sse_client": {"level": "CRITICAL"},
            },
        }
    )
