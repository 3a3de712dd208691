"""Run the handlers through the sessions: simulator, host, trader and screen together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console

from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId, Symbol
from stopward.local.account_writing import store_rules
from stopward.local.host.host import Host, Watchers
from stopward.local.host.pace import Pace
from stopward.local.host.template import FunctionDefinition, read_template
from stopward.local.screen.live import Screen
from stopward.local.screen.picture import Picture, Summary
from stopward.local.screen.queries import COUNTS, GUARDED, TRADES
from stopward.local.screen.reader import AccountReader
from stopward.local.simulator import KEY, SECRET, Simulator
from stopward.local.time_service import Timeline
from stopward.local.up.database import RunDatabase
from stopward.local.up.inputs import Inputs, Window
from stopward.local.up.tally import Reports
from stopward.local.up.trader import Trader
from stopward.ports import Clock

ACCOUNT = AccountId("local")
BEFORE_OPEN = timedelta(minutes=1)
"""The simulated broker starts this long before the first session opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a session is played on."""

    inputs: Inputs
    window: Window
    database: RunDatabase
    simulator: Simulator
    simulator_url: str
    template: Path
    log_folder: Path
    clock: Clock
    console: Console
    speed: float | None


def build_simulator(inputs: Inputs, window: Window) -> Simulator:
    """Return the simulated broker of a run; its equity at the start is the account's."""
    return Simulator(
        bars=inputs.bars,
        sessions=inputs.calendar,
        start=window.first - BEFORE_OPEN,
        cash=inputs.equity,
        daily_bars=inputs.daily_bars,
        ticks=inputs.ticks,
    )


def set_up_account(inputs: Inputs, database: RunDatabase) -> None:
    """Write what the guard needs to know before its first tick."""
    connection = PostgresDatabase(database.owner_url)
    try:
        administration = Administration(connection)
        administration.open_account(
            ACCOUNT, name="local", mode="guard", equity_prior_close=inputs.equity
        )
        store_rules(administration, ACCOUNT, inputs.rules_toml, rules_hash=inputs.book.hash)
        administration.put_sessions(inputs.calendar)
        if inputs.instruments:
            administration.put_instruments(inputs.instruments.values())
        for symbol, volumes in inputs.usual_volume.items():
            administration.put_usual_volume(symbol, volumes)
        for row in inputs.positions:
            for tag in row.tags:
                administration.tag_symbol(ACCOUNT, row.symbol, tag)
        for day in sorted({session.day for session in inputs.sessions}):
            administration.keep_partitions(first_day=day, months=2)
    finally:
        connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a session came to. notes: what a person should know beside; picture: of its end."""

    summary: Summary
    notes: tuple[str, ...]
    picture: Picture


def play(stage: Stage) -> Played:
    """Play the session to its end."""
    started = stage.clock.now()
    reports = Reports()
    timeline = Timeline(start=stage.window.first - BEFORE_OPEN)
    trader = Trader(stage.simulator)
    with (
        _reader(stage) as reader,
        Screen(
            stage.console, first=stage.window.first, last=stage.window.last, clock=stage.clock
        ) as screen,
    ):

        def picture() -> Picture:
            return reader.picture(
                now=timeline.now,
                market=stage.simulator,
                unprotected=stage.simulator.ledger.unprotected_now(),
                ticks=int(reports.count("ticks")),
                trouble=reports.newest(),
            )

        host = Host(
            _due(stage),
            timeline=timeline,
            world=stage.simulator,
            clock=stage.clock,
            overrides=_overrides(stage),
            log_folder=stage.log_folder,
            watchers=Watchers(
                outcome=reports.outcome,
                line=reports.line,
                step=lambda now: screen.step(now, read=picture),
            ),
        )
        try:
            host.start()
            host.run(
                first=stage.window.first,
                last=stage.window.last,
                pace=Pace(speed=stage.speed, clock=stage.clock),
                occasions=trader.occasions(
                    stage.inputs.positions, first=stage.window.first, last=stage.window.last
                ),
            )
        finally:
            host.stop()
        took = (stage.clock.now() - started).total_seconds()
        summary = _summary(
            stage, reader=reader, reports=reports, host=host, now=timeline.now, real_seconds=took
        )
        last = picture()
    standing_still = stage.inputs.standing_still(stage.window.last)
    return Played(
        summary=summary, notes=(*trader.notes, *standing_still, *reports.trouble()), picture=last
    )


# A session that was played once teaches a model nothing.
PARAMETERS = {
    "Stage": "paper-local",
    "AccountId": ACCOUNT,
    "Database": "postgres",
    "PositionScores": "off",
}


def _due(stage: Stage) -> tuple[FunctionDefinition, ...]:
    # What no schedule calls in this stretch, nightly work above all, would only cost its start.
    functions = read_template(stage.template, parameters=PARAMETERS)
    return tuple(
        function
        for function in functions
        if any(
            True
            for schedule in function.schedules
            for _ in schedule.times(first=stage.window.first, last=stage.window.last)
        )
    )


def _overrides(stage: Stage) -> dict[str, str]:
    return {
        "STOPWARD_DATABASE_URL": stage.database.worker_url,
        "STOPWARD_BROKER_URL": stage.simulator_url,
        "STOPWARD_MARKET_DATA_URL": stage.simulator_url,
        "STOPWARD_BROKER_KEY_ID": KEY,
        "STOPWARD_BROKER_SECRET_KEY": SECRET,
    }


@contextmanager
def _reader(stage: Stage) -> Iterator[AccountReader]:
    reader = AccountReader(stage.database.worker_url, account_id=ACCOUNT)
    try:
        yield reader
    finally:
        reader.close()


def _summary(
    stage: Stage,
    *,
    reader: AccountReader,
    reports: Reports,
    host: Host,
    now: datetime,
    real_seconds: float,
) -> Summary:
    trades, counts = reader.rows(TRADES)[0], reader.rows(COUNTS)[0]
    guarded = reader.rows(GUARDED)
    open_symbols = {row["symbol"] for row in guarded if row["is_open"]}
    days = [session.day for session in stage.inputs.sessions]
    return Summary(
        account_id=ACCOUNT,
        session_day=days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
        first=stage.window.first,
        last=now,
        positions=len(guarded),
        trades=int(trades["trades"]),
        wins=int(trades["wins"]),
        total_r=float(trades["total_r"]),
        result=trades["result"],
        open_positions=len(open_symbols),
        rules=reader.rule_lines(),
        unprotected=tuple(
            symbol
            for symbol in stage.simulator.ledger.unprotected_now()
            if symbol in open_symbols or _is_opted_in(stage.inputs, symbol)
        ),
        unprotected_seconds=sum(
            map(stage.simulator.unprotected_seconds, sorted({row["symbol"] for row in guarded}))
        ),
        unprotected_seconds_by_guard=float(counts["unprotected_seconds"]),
        ticks=int(reports.count("ticks")),
        decisions=int(counts["decisions"]),
        orders=int(counts["orders"]),
        alarms=reader.alarms(),
        functions={name: asdict(tally) for name, tally in host.tallies.items()},
        real_seconds=real_seconds,
    )


def _is_opted_in(inputs: Inputs, symbol: Symbol) -> bool:
    # Whether it was adopted or not: a guard that never ran must not look like a clean end.
    tags = tuple(tag for row in inputs.positions if row.symbol == symbol for tag in row.tags)
    return inputs.book.account.refusal(symbol, tags) is None
