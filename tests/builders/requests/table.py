"""The request of every function of schema api, and what is true of some of them."""

from collections.abc import Mapping

from tests.builders.requests.maintenance import MAINTENANCE
from tests.builders.requests.models import MODELS
from tests.builders.requests.notices import NOTICES
from tests.builders.requests.people import PEOPLE
from tests.builders.requests.sessions import SESSIONS
from tests.builders.requests.stage import Maker
from tests.builders.requests.ticks import TICKS
from tests.builders.requests.trades import TRADES

REQUESTS: Mapping[str, Maker] = dict(
    sorted(
        (MAINTENANCE | MODELS | NOTICES | PEOPLE | SESSIONS | TICKS | TRADES).items(),
    )
)
"""By name, in the order in which a stage can make one after the other."""

HOW_TO_ADD = "add a maker to the table of its subject in tests/builders/requests/"

CHANGES_NOTHING: Mapping[str, str] = {
    "current_models": "it reads",
    "list_archivable": "it reads",
    "list_fleet": "it reads",
    "measure_outbox": "it reads",
    "nudge_edge": "it posts where pg_net is; plain Postgres has none",
    "read_decisions": "it reads",
    "read_entries": "it reads",
    "read_imported_entries": "it reads",
    "read_month": "it reads",
    "read_open_positions": "it reads",
    "read_training_rows": "it reads",
    "read_outcomes": "it reads",
    "read_tracked": "it reads",
    "read_unattributed": "it reads",
    "schema_version": "it reads",
}
"""Functions whose calls leave every table as it was, and why."""

OF_NO_ACCOUNT = frozenset(
    {
        "detach_month",
        "drop_month",
        "file_late_rows",
        "forget_sessions",
        "keep_partitions",
        "list_archivable",
        "list_fleet",
        "note_archive",
        "nudge_edge",
        "put_edge_webhook",
        "put_feature_schema",
        "put_instruments",
        "put_sessions",
        "put_usual_volumes",
        "read_month",
        "schema_version",
        "settle_delivery",
        "trim_notices",
        "watch_journal",
    }
)
"""Functions whose request names no account: it has an id of its own, or is of what is shared."""
