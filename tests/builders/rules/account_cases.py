"""What breaks the rules of accounts, sessions, instruments and reports: what people write."""

from tests.builders.requests import REQUESTS, Stage
from tests.builders.rules.case import Cases, after, asks, asks_row, copied

WEEK = [
    {
        "exchange": "XCAS",
        "day": f"2026-11-{day}",
        "opens_at": f"2026-11-{day}T14:30:00Z",
        "closes_at": f"2026-11-{day}T21:00:00Z",
    }
    for day in (16, 17, 18, 19, 20, 23)
]
EVERY_DAY = {"exchange": "XCAS", "first": "2026-11-16", "last": "2026-11-23"}
AN_INSTRUMENT = {"symbol": "AAPL", "tick": "0.01", "fractionable": True}
EXIT = {"position_id": "nothing", "rule": "nothing", "without_r": "0.5", "version": "1"}


def twice_attributed(stage: Stage) -> None:
    """Name the same exit twice in a call."""
    request = REQUESTS["put_attribution"](stage)
    stage.ask("put_attribution", {**request, "attributions": request["attributions"] * 2})


CASES: Cases = {
    "session_claims_times_plausible": copied(
        "session_claims",
        where="t.opens_at is not null",
        source="'broker'",
        day="'2300-01-03'",
        opens_at="'2300-01-03 14:30+00'",
        closes_at="'2300-01-03 21:00+00'",
    ),
    "accounts_equity_is_number": copied(
        "accounts", id="'fresh'", equity_prior_close="'NaN'", equity_put_at="now()"
    ),
    "accounts_fleet_is_stage": copied("accounts", id="'fresh'", fleet="'Live!'"),
    "accounts_fleet_id_is_name": copied("accounts", id="'../live'", fleet="'paper'"),
    "daily_reports_html_fits": copied("daily_reports", html="repeat('x', 4000001)"),
    "forget_sessions forget_sessions_request": asks("forget_sessions", exchange=""),
    "put_attribution put_attribution_request": asks("put_attribution", attributions="x"),
    "put_attribution put_attribution_batch": asks("put_attribution", attributions=[EXIT] * 1001),
    "put_attribution attribution_is_number": asks_row(
        "put_attribution", "attributions", without_r="x"
    ),
    "put_attribution attribution_exit_known": asks("put_attribution", attributions=[EXIT]),
    "put_attribution attribution_once": twice_attributed,
    "read_unattributed read_unattributed_request": asks("read_unattributed", limit=0),
    "read_entries read_entries_request": asks("read_entries", limit=0),
    "put_claims put_sessions_implausible": after(
        asks("put_sessions", sessions=WEEK),
        asks("put_sessions", sessions=[], source="broker", complete=EVERY_DAY),
    ),
    "put_instruments put_instruments_request": asks(
        "put_instruments", instruments=[AN_INSTRUMENT] * 2
    ),
    "put_rules settings_versions_append_only": asks("put_rules", rules_hash="abc"),
    "put_sessions put_sessions_request": asks("put_sessions", source="nobody"),
    "require_all put_instruments_request": asks_row("put_instruments", "instruments", symbol=1),
}
