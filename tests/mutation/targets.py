"""Which modules are changed, and by which tests each change must be noticed.

Rule: the tests are those that are about the module, and quick: a change that only a long test notices lives.
"""

from typing import Final

__all__ = ["TARGETS"]

_SQLITE: Final = (
    "stores/sqlite/test_group_commit.py",
    "stores/sqlite/test_telling.py",
    "stores/sqlite/test_reopening.py",
    "stores/sqlite/test_requests.py",
    "stores/sqlite/test_positions.py",
    "stores/sqlite/test_damaged_rows.py",
)

TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "scores.exact": ("test_exact.py",),
    "scores.models": ("test_models.py", "feed/test_parser.py", "web/test_lines.py"),
    "scores.feed.decoder": (
        "feed/test_decoder.py",
        "feed/test_decoder_limits.py",
        "feed/test_decoder_properties.py",
    ),
    "scores.stores.marks": ("stores/test_marks.py",),
    "scores.stores.order": ("stores/test_order.py", "stores/test_embedded.py"),
    "scores.stores.rows": ("stores/test_embedded.py", "stores/test_contract.py"),
    "scores.stores.sharded": (
        "stores/test_shards.py",
        "stores/test_embedded.py",
        "stores/test_opening.py",
        "stores/test_contract.py",
    ),
    "scores.stores.embedded": ("stores/test_embedded.py", "stores/test_marks.py", "stores/test_contract.py"),
    "scores.web.express.framing": ("web/express/test_framing.py", "web/express/test_connection.py"),
    "scores.web.express.heads": ("web/express/test_heads.py", "web/express/test_connection.py"),
    "scores.web.express.answers": (
        "web/express/test_answers.py",
        "web/express/test_connection.py",
        "web/express/test_counts.py",
    ),
    "scores.web.express.connection": (
        "web/express/test_connection.py",
        "web/express/test_conditions.py",
        "web/express/test_counts.py",
        "web/express/test_moments.py",
        "web/express/test_differential.py::test_what_looks_like_a_request_in_the_middle_of_another",
        "web/express/test_differential.py::test_every_setting_in_turn",
    ),
    "scores.web.lines": ("web/test_lines.py",),
    "scores.web.idempotency": ("web/test_idempotency.py",),
    "scores.stores.redis.layout": ("stores/redis/test_layout.py",),
    "scores.stores.redis.lanes": ("stores/redis/test_lanes.py", "stores/redis/test_lanes_watched.py"),
    "scores.stores.sqlite.ledger": _SQLITE,
    "scores.stores.sqlite.requests": _SQLITE,
    "scores.stores.sqlite.tables": _SQLITE,
    "scores.stores.sqlite.views": _SQLITE,
    "scores.stores.sqlite.writer": (*_SQLITE, "stores/sqlite/test_log.py"),
}
