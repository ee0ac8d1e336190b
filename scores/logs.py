"""Log lines for an operator: one line an event, as text or as JSON.

Rule: set up once, by the command; the package itself only ever asks for a logger.
"""

import logging
import logging.config
from datetime import UTC, datetime

import orjson

from scores.config import Config

__all__ = ["configure"]


class _JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def configure(config: Config) -> None:
    """Has the process log to standard error, as the settings say."""
    formatter = {
        "text": {"format": "%(asctime)s %(levelname)-7s %(message)s", "datefmt": "%Y-%m-%dT%H:%M:%S%z"},
        "json": {"()": _JSONFormatter},
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
