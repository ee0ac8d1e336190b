"""scores: real-time score aggregation, with averages that are exact.

These are the public names of the package: values, errors, settings and stores. The server is
`scores.web.app.create_app`, the command is `scores`.
"""

from scores import exact
from scores.config import Config
from scores.errors import (
    ConfigError,
    Fault,
    InvalidInput,
    InvalidQuery,
    KeyReused,
    LeaseLost,
    MalformedJSON,
    NotFound,
    OutcomeUnknown,
    ScoresError,
    StoreBusy,
    StoreError,
    StoreFull,
)
from scores.marks import Mark, Replayed
from scores.models import (
    Exam,
    ExamReport,
    Inspector,
    InspectorKey,
    Key,
    Lease,
    Outcome,
    Page,
    Repeats,
    Result,
    ResultKey,
    Score,
    Student,
    StudentKey,
    StudentReport,
)
from scores.stores import Store, StoreFactory, open_store

__all__ = [
    "Config",
    "ConfigError",
    "Exam",
    "ExamReport",
    "Fault",
    "Inspector",
    "InspectorKey",
    "InvalidInput",
    "InvalidQuery",
    "Key",
    "KeyReused",
    "Lease",
    "LeaseLost",
    "MalformedJSON",
    "Mark",
    "NotFound",
    "Outcome",
    "OutcomeUnknown",
    "Page",
    "Repeats",
    "Replayed",
    "Result",
    "ResultKey",
    "Score",
    "ScoresError",
    "Store",
    "StoreBusy",
    "StoreError",
    "StoreFactory",
    "StoreFull",
    "Student",
    "StudentKey",
    "StudentReport",
    "exact",
    "open_store",
]

__version__ = "0.1.0"
