"""What both databases' adapters agree on: which refusals pass, and what may be asked twice."""

TRY_AGAIN = ("08", "25006", "25P03", "25P04", "40", "53", "55P03", "57", "58")
"""Beginnings of SQLSTATEs that pass: connection, rollback, resources, operator, system; a server
that only reads (a fail-over is under way), a session or a transaction ended for its age, a lock.
"""

CONNECT_SECONDS = 10.0
"""The longest that connecting may take, however long a statement may."""
DISK_FULL = "53100"


def in_words(code: str | None, message: str) -> str:
    """Return the server's message, led by what a person must see where the message hides it."""
    if code == DISK_FULL:
        return f"the disk of the database is full ({message})"
    return message


REPEATABLE = frozenset(
    {
        "begin_tick", "record_tick", "acknowledge", "keep_partitions", "file_late_rows",
        "watch_journal", "list_archivable", "read_month", "note_archive", "detach_month",
        "drop_month", "read_decisions", "put_attribution", "put_feature_schema", "put_features",
        "put_sessions", "nudge_edge", "measure_outbox", "trim_notices", "settle_delivery",
        "import_executions", "forget_import", "read_unattributed", "read_entries", "list_fleet",
        "put_fleet", "read_training_rows", "current_models", "mark_training_due",
        "request_training", "claim_training", "prolong_training", "conclude_training",
        "resolve_predictions", "read_tracked", "read_outcomes",
        "put_model_performance", "read_open_positions", "put_position_scores",
        "read_imported_entries", "put_imported_features", "complete_minutes", "trim_minutes",
    }
)  # fmt: skip
"""Functions that may be called twice: these change nothing the second time, or nothing that counts:
nudge_edge wakes whoever claims, once more; trim_notices and trim_minutes forget some more of what
is old, and complete_minutes completes some more.
"""
