"""What a store's file looks like inside, which version of that it has, and how an older one becomes a newer.

Rule: a file is only ever touched when it is ours: its application id says so, and nothing else does. A step
from one version to the next is one transaction, so a process that is killed leaves the one or the other.
"""

from collections.abc import Callable, Sequence
from typing import Final

from orjson import loads

from scores.errors import ConfigError
from scores.stores.sqlite.driver import Connection, Failed, connect_memory
from scores.stores.sqlite.tables import STATE, State, writing

__all__ = ["APPLICATION", "STEPS", "Step", "found_schema", "migrate", "schema_of", "version_of"]

APPLICATION: Final = int.from_bytes(b"SCOR")
"""The application id in the header of each of our files (SQLite, "Database File Format", section 1.3.17)."""

Step = Callable[[Connection], None]

_TABLES: Final = (
    # Of every table but the log of versions, `seal` is a checksum of its row: see tables.py.
    """CREATE TABLE state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  students INTEGER NOT NULL,
  exams INTEGER NOT NULL,
  inspectors INTEGER NOT NULL,
  marks INTEGER NOT NULL,
  clock INTEGER NOT NULL, -- milliseconds for which a server has been running, at the last mark
  seal INTEGER NOT NULL
) STRICT""",
    """CREATE TABLE inspectors (
  uuid TEXT PRIMARY KEY,
  packed INTEGER NOT NULL, -- count << 33 | sum
  seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE students (
  student TEXT PRIMARY KEY,
  total TEXT NOT NULL, -- the count, the sum in units of 2^-96 (hexadecimal), the rest in units of 2^-1074
  seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE exams (
  exam INTEGER PRIMARY KEY,
  total TEXT NOT NULL,
  seal INTEGER NOT NULL
) STRICT""",
    """CREATE TABLE results (
  student TEXT NOT NULL,
  exam INTEGER NOT NULL,
  bits INTEGER NOT NULL, -- of the score, an IEEE 754 double: the view `scores` shows it
  seal INTEGER NOT NULL,
  PRIMARY KEY (student, exam)
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX results_by_exam ON results (exam, student, bits, seal)",
    """CREATE TABLE marks (
  digest BLOB PRIMARY KEY, -- of an idempotency key
  over INTEGER NOT NULL, -- when it may be forgotten, by the clock in `state`
  body BLOB NOT NULL,
  packed INTEGER NOT NULL,
  seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX marks_by_age ON marks (over)",
    """CREATE TABLE feeds (
  feed TEXT PRIMARY KEY, -- a digest of its URL, which may hold a password
  token INTEGER NOT NULL,
  position TEXT NOT NULL, -- the last event id
  seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
    # For people: doubles made of their bits, but for those below 2^-1022.
    """CREATE VIEW scores AS
SELECT student, exam, CASE bits WHEN 0 THEN 0.0 ELSE
  ((bits & 4503599627370495) | 4503599627370496) * pow(2.0, (bits >> 52) - 1075) END AS score FROM results""",
    """CREATE VIEW means AS
SELECT uuid, packed >> 33 AS count, 1.0 * (packed & 8589934591) / (packed >> 33) AS mean FROM inspectors""",
)


def _first(connection: Connection) -> None:
    for statement in _TABLES:
        connection.run(statement)
    connection.run(writing(STATE, 1), STATE.row(1, State()))


STEPS: Final[Sequence[Step]] = (_first,)
"""Step n makes version n + 1 out of version n; a new file has version 0."""


def version_of(connection: Connection, steps: Sequence[Step] = STEPS) -> int:
    """The version that the file has, 0 for a new one.

    Raises `ConfigError` for a file of somebody else, or of a later version.
    """
    found: int = connection.value("PRAGMA user_version")
    application = connection.value("PRAGMA application_id")
    if application != APPLICATION:
        if application or found or connection.value("SELECT count(*) FROM sqlite_schema"):
            raise ConfigError(
                "it is a database of another application: name a file that is not there yet, or a store's own"
            )
    elif not 0 < found <= len(steps):
        raise ConfigError(
            f"its version is {found}, and this version of scores reads 1 to {len(steps)}:"
            " it was made by a later one"
        )
    return found


def migrate(connection: Connection, steps: Sequence[Step] = STEPS) -> int:
    """Gives the file the newest version; says which it had. Raises as `version_of`."""
    found = version_of(connection, steps)
    for version in range(found, len(steps)):
        connection.run("BEGIN IMMEDIATE")
        try:
            steps[version](connection)
            connection.run(f"PRAGMA application_id={APPLICATION}")
            connection.run(f"PRAGMA user_version={version + 1}")
            connection.run("COMMIT")
        except Failed:
            connection.rollback()
            raise
    return found


def schema_of(steps: Sequence[Step] = STEPS) -> set[str]:
    """What all tables, indexes and views of the newest version are made by."""
    fresh = connect_memory()
    try:
        migrate(fresh, steps)
        return found_schema(fresh)
    finally:
        fresh.close()


def found_schema(connection: Connection) -> set[str]:
    """What the tables, indexes and views that are there are made by."""
    row = connection.value("SELECT json_group_array(sql) FROM sqlite_schema WHERE sql IS NOT NULL")
    return set(loads(row))
