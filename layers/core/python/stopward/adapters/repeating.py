"""What both databases' adapters agree on: which refusals pass, and what may be asked twice."""

TRY_AGAIN = ("08", "40", "53", "57", "58")
"""SQLSTATE classes that pass: connection, rollback, resources, operator intervention, system."""

REPEATABLE = frozenset(
    {
        "begin_tick", "record_tick", "acknowledge", "keep_partitions", "file_late_rows",
        "watch_journal", "list_archivable", "read_month", "note_archive", "detach_month",
        "drop_month", "put_attribution", "put_feature_schema", "put_features",
    }
)  # fmt: skip
"""Functions that may be called twice: these change nothing the second time."""
