"""What runs once or twice a day: sessions, the worth of exits, features, the journal's months."""

from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import date, timedelta

from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.features import names
from stopward.domain.identity import AccountId, Symbol
from stopward.local.data.calendar import sessions_between
from stopward.local.simulator import Simulator
from tests.builders.attribution import night, timed_out
from tests.builders.journal import OldJournal
from tests.builders.past_features import FRIDAY, INDEX, minutes, traded
from tests.builders.store import A_SESSION, a_position, pulse
from tests.builders.store_world import PostgresWorld
from tests.deploy.trials.trial import Counts, Error, Trial, differences
from tests.deploy.world import World, a_broker

NIGHT = {"time": "2026-11-30T08:00:00Z"}
CALENDAR = sessions_between(date(2026, 11, 23), date(2026, 12, 31))
EARLY_DAY = "2026-12-03"
EVENING = A_SESSION.closes_at + timedelta(minutes=90)
WRONG_TIME = Error(
    event={"time": None},
    kind="InvalidInput",
    says='event time was "None"; an ISO 8601 instant is needed',
    around=lambda _: nullcontext(),
)


def _calendar_broker() -> Simulator:
    told = [
        replace(each, closes_at=each.closes_at - timedelta(hours=3))
        if each.day == EARLY_DAY
        else each
        for each in CALENDAR
    ]
    return a_broker(bars={}, sessions=told, start=CALENDAR[0].opens_at)


def _open_account(world: World) -> None:
    with closing(PostgresDatabase(world.owner_url)) as database:
        Administration(database).open_account(AccountId(world.account_id), name="Check")


def _refreshed(world: World, counts: Counts) -> list[str]:
    found = differences(counts, sessions=23, sessions_changed=1, session_disagreements=1)
    (row,) = world.rows(
        "select to_char(closes_at at time zone 'UTC', 'HH24:MI') from stopward.market_sessions"
        " where day = %s",
        EARLY_DAY,
    )
    return found if row == ("18:00",) else [*found, f"{EARLY_DAY} closes at {row}, not 18:00 UTC"]


SESSIONS = Trial(
    folder="refresh_sessions",
    simulator=_calendar_broker,
    prepare=_open_account,
    event=lambda _: NIGHT,
    came=_refreshed,
    line="sessions_refreshed",
    metric="SessionsChanged",
    hangs=lambda world: world.broker.hanging("/v2/calendar"),
    error=WRONG_TIME,
)


TRADED = {"AAPL": 11, "MSFT": 41}
"""Symbols that a time stop sells, and the first of the two pulses that it takes."""


def _evening_broker() -> Simulator:
    entered = {each: pulse(tick + 1) - timedelta(minutes=2) for each, tick in TRADED.items()}
    bars = night(*(a_position(each, opened_at=at) for each, at in entered.items())).known
    return a_broker(bars=bars, sessions=[A_SESSION], start=EVENING)


def _trade(world: World) -> None:
    found = PostgresWorld(world.owner_url)
    try:
        world.account_id = found.account_id
        for symbol, tick in TRADED.items():
            timed_out(found, symbol, tick=tick)
    finally:
        found.close()


def _attributed(world: World, counts: Counts) -> list[str]:
    found = differences(
        counts, attribution_trades=2, attribution_known=2, attribution_unknown=0,
        attribution_failures=0, attribution_cut=0,
    )  # fmt: skip
    rows = world.rows("select rule, without_r, saved_r from api.exit_log order by position_id")
    expected = [("time_stop", -1.005, 0.955)] * 2
    return found if rows == expected else [*found, f"api.exit_log has {rows}"]


EXITS = Trial(
    folder="attribute_exits",
    simulator=_evening_broker,
    prepare=_trade,
    event=lambda _: {"time": EVENING.isoformat()},
    came=_attributed,
    line="exits_attributed",
    metric="AttributionKnown",
    hangs=lambda world: world.locked("trades"),
    error=WRONG_TIME,
)


def _features_broker() -> Simulator:
    bars = {Symbol(each): minutes(each) for each in (*TRADED, INDEX)}
    return a_broker(bars=bars, sessions=[FRIDAY, A_SESSION], start=EVENING)


def _trade_at_once(world: World) -> None:
    found = PostgresWorld(world.owner_url)
    try:
        world.account_id = found.account_id
        for symbol, tick in TRADED.items():
            traded(found, symbol, tick=tick)
    finally:
        found.close()


def _checked(world: World, counts: Counts) -> list[str]:
    found = differences(
        counts, features_trades=2, features_written=2, features_unfit=0, features_compared=2,
        features_skewed=0, features_skew=0, features_failures=0, features_cut=0,
    )  # fmt: skip
    rows = world.rows("select rebuilt, cardinality(vector) from stopward.trade_features")
    expected = [(True, len(names("entry")))] * 2
    return found if rows == expected else [*found, f"trade_features has {rows}"]


FEATURES = Trial(
    folder="check_features",
    simulator=_features_broker,
    prepare=_trade_at_once,
    event=lambda _: {"time": EVENING.isoformat()},
    came=_checked,
    line="features_checked",
    metric="FeaturesWritten",
    hangs=lambda world: world.locked("trades"),
    error=WRONG_TIME,
)

ROWS = 5
BUCKET = "local-archivebucket"
"""What the template's reference to its bucket is where nothing was deployed."""


def _age(world: World) -> None:
    s3 = world.aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for key in _keys(world):
        s3.delete_object(Bucket=BUCKET, Key=key)
    with closing(OldJournal(world.owner_url)) as old:
        old.empty()
        old.decisions(old.position("p1"), first="2024-01-15 15:00+00", count=ROWS)


def _keys(world: World) -> list[str]:
    # Models lie in the same bucket, and other trials run meanwhile.
    listed = world.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="journal/")
    return sorted(each["Key"] for each in listed.get("Contents", []))


def _kept(world: World, counts: Counts) -> list[str]:
    found = differences(
        counts, journal_failures=0, journal_months_archived=1, journal_months_dropped=1,
        journal_rows_filed=ROWS, journal_rows_dropped=ROWS, journal_months_left=0,
    )  # fmt: skip
    keys = _keys(world)
    if [key.rpartition(".")[2] for key in keys] != ["json", "gz"] or not all(
        key.startswith("journal/decisions/2024-01.") for key in keys
    ):
        found.append(f"the bucket holds {keys}")
    if world.rows("select 1 from stopward.decisions"):
        found.append("the old month is in the database still")
    return found


JOURNAL = Trial(
    folder="keep_journal",
    simulator=lambda: a_broker(bars={}, sessions=[A_SESSION], start=A_SESSION.opens_at),
    prepare=_age,
    event=lambda _: {"time": "2026-11-23T06:00:00Z"},
    came=_kept,
    line="journal_kept",
    metric="JournalMonthsDropped",
    hangs=lambda world: world.locked("decisions"),
    error=WRONG_TIME,
)
