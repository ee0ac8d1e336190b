"""Log lines for an operator: one line an event, as text or as JSON.

Rule: set up once, by the command; the package itself only ever asks for a logger. With more than one
worker each line says which process wrote it, and what is logged while a request is answered says which.
"""

import json
import logging
import logging.config
from datetime import UTC, datetime

import orjson

from scores.config import Config
from scores.tracing import Trace, current

__all__ = ["configure"]


def _trace(record: logging.LogRecord) -> Trace | None:
    """The request that the record is about."""
    entry = getattr(record, "entry", None)
    return current.get() if entry is None else entry.trace


class _TextFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the library's name
        line = super().formatMessage(record)
        trace = _trace(record)
        return line if trace is None else f"{line} [{trace.span_id}]"


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
        if (entry := getattr(record, "entry", None)) is not None:
            line |= {name: value for name, value in entry._asdict().items() if name != "trace"}
            line["duration"] = round(entry.duration, 6)
        if (trace := _trace(record)) is not None:
            line["trace_id"], line["span_id"] = trace.trace_id, trace.span_id
            if trace.parent_id is not None:
                line["parent_id"] = trace.parent_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        try:
            return orjson.dumps(line).decode()
        except TypeError:
            # Half of a surrogate pair, which UTF-8 has no bytes for; here it is escaped.
            return json.dumps(line)


def configure(config: Config) -> None:
    """Has the process log to standard error, as the settings say."""
    several = config.workers > 1
    process = "[%(process)d] " if several else ""
    formatter = {
        "text": {
            "()": _TextFormatter,
            "fmt": f"%(asctime)s %(levelname)-7s {process}%(message)s",
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
