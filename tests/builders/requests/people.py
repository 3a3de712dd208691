"""Requests of people: accounts, their members and rules, their past, and hands on."""

from tests.builders.requests.stage import Maker, Request, Stage, of_account


def resume(stage: Stage) -> Request:
    stage.ask("halt", {"account_id": stage.account_id, "reason": "a test"})
    return {"account_id": stage.account_id}


def forget_import(stage: Stage) -> Request:
    return {"account_id": stage.account_id, "source": "tradervue"}


def import_executions(stage: Stage) -> Request:
    legs = [
        {"execution_id": id_, "at": at, "price": price, "quantity": "100"}
        for id_, at, price in (
            ("b1", "2024-01-03T14:30:00Z", "10.5"), ("s1", "2024-01-03T15:30:00Z", "11"),
        )
    ]  # fmt: skip
    executions = [
        {
            "id": leg["execution_id"], "symbol": "TSLA", "side": side, "quantity": leg["quantity"],
            "price": leg["price"], "at": leg["at"], "fees": "1.25", "effect": effect,
            "initial_stop": stop,
        }
        for leg, side, effect, stop in zip(
            legs, ("buy", "sell"), ("open", "close"), ("10", None), strict=True
        )
    ]  # fmt: skip
    trade = {
        "opened_by": "b1", "symbol": "TSLA", "side": "long", "quantity": "100",
        "average_entry": "10.5", "average_exit": "11", "opened_at": legs[0]["at"],
        "closed_at": legs[1]["at"], "fees": "2.5", "result": "47.5", "initial_stop": "10",
        "risk": "0.5", "entries": [legs[0]], "exits": [{**legs[1], "result": "50"}],
    }  # fmt: skip
    return {
        "account_id": stage.account_id,
        "source": "ibkr",
        "symbols": [{"symbol": "TSLA", "executions": 2}],
        "executions": executions,
        "trades": [trade],
    }


def put_imported_features(stage: Stage) -> Request:
    told = import_executions(stage)
    stage.ask("import_executions", told)
    (trade,) = told["trades"]
    vector = {
        "source": told["source"], "opened_by": trade["opened_by"], "at": trade["opened_at"],
        "schema_hash": "access", "values": ["1.5", None],
    }  # fmt: skip
    return {"account_id": stage.account_id, "features": [vector]}


PEOPLE: dict[str, Maker] = {
    "add_member": of_account(user_id="00000000-0000-4000-8000-000000000001"),
    "forget_import": forget_import,
    "halt": of_account(reason="a test"),
    "import_executions": import_executions,
    "open_account": of_account(
        name="Tests", mode="guard", exchange="XNYS", equity_prior_close="1000"
    ),
    "list_fleet": lambda stage: {"fleet": "tests", "silent_before": "2026-11-23T17:00:00Z"},
    "put_equity": of_account(equity_prior_close="12345.67"),
    "put_fleet": of_account(fleet="tests"),
    "put_imported_features": put_imported_features,
    "read_imported_entries": of_account(
        schema_hash="access",
        at="2026-11-23T17:00:00Z",
        since="2020-01-01T00:00:00Z",
        results=5,
        lag_seconds=60,
        stored=False,
        limit=10,
    ),
    "put_rules": of_account(rules_toml="[rules]", rules_hash="def"),
    "remove_member": lambda stage: {
        "account_id": stage.account_id,
        "user_id": stage.find(
            "select user_id::text from stopward.members where account_id = %(account)s"
        ),
    },
    "request_flatten": of_account(at="2026-11-23T17:00:00Z"),
    "resume": resume,
    "tag_symbol": of_account(symbol="AAPL", tag="hands-off"),
    "untag_symbol": of_account(symbol="MSFT", tag="halted"),
}
