"""What breaks the rules of imported history."""

from tests.builders.requests import REQUESTS, Stage
from tests.builders.rules.case import Cases, asks, asks_row, asks_row_again, copied


def a_leg_of_another_shape(stage: Stage) -> None:
    """Tell an exit without its result."""
    request = REQUESTS["import_executions"](stage)
    (trade,) = request["trades"]
    stage.ask("import_executions", {**request, "trades": [{**trade, "exits": trade["entries"]}]})


CASES: Cases = {
    "imported_trades_risk_is_of_stop": copied("imported_trades", source="'x'", risk="null"),
    "imported_trades_opened_before_closed": copied(
        "imported_trades", source="'x'", closed_at="t.opened_at - interval '1 second'"
    ),
    "import_executions import_executions_request": asks(
        "import_executions", symbols=[{"symbol": "AAPL", "executions": 0}]
    ),
    "import_executions imported_executions_told_once": asks_row_again(
        "import_executions", "executions", price="10.51"
    ),
    "import_executions imported_trades_of_all_executions": asks_row(
        "import_executions", "symbols", executions=3
    ),
    "imported_features_vector_is_numbers": copied(
        "imported_features", schema_hash="'fresh'", vector="'{NaN, 1}'"
    ),
    "put_imported_features imported_features_fit": asks_row(
        "put_imported_features", "features", values=["1"]
    ),
    "put_imported_features imported_features_written_once": asks_row_again(
        "put_imported_features", "features", values=["2.5", None]
    ),
    "put_imported_features put_imported_features_request": asks(
        "put_imported_features", features=[{}] * 1001
    ),
    "read_imported_entries read_imported_entries_request": asks("read_imported_entries", limit=0),
    "require_all put_imported_features_request": asks_row(
        "put_imported_features", "features", at="yesterday"
    ),
    "require_all import_executions_request": a_leg_of_another_shape,
}
