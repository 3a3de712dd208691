"""Requests of people: accounts, their members and rules, and hands on."""

from tests.builders.requests.stage import Maker, Request, Stage, of_account


def resume(stage: Stage) -> Request:
    stage.ask("halt", {"account_id": stage.account_id, "reason": "a test"})
    return {"account_id": stage.account_id}


PEOPLE: dict[str, Maker] = {
    "add_member": of_account(user_id="00000000-0000-4000-8000-000000000001"),
    "halt": of_account(reason="a test"),
    "open_account": of_account(
        name="Tests", mode="guard", exchange="XNYS", equity_prior_close="1000"
    ),
    "put_equity": of_account(equity_prior_close="12345.67"),
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
