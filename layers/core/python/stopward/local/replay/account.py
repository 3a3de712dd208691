"""`stopward attribution` of an account: what its rules saved its trades is computed and told."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from math import inf
from pathlib import Path
from typing import Any, Final, TextIO, cast

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from stopward.adapters.alpaca.market_data import Feed
from stopward.adapters.attribution import FunctionAttribution
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.views import Order, Row, Views, Where, all_rows
from stopward.domain.attribution.trade import BECAUSE, RULES, Because
from stopward.domain.identity import AccountId
from stopward.local.account_target import Target, target_of
from stopward.local.exit_code import ExitCode
from stopward.local.replay.account_bars import bars_for
from stopward.local.replay.comparing import tell_worth, worth_row
from stopward.local.replay.telling import Printer, plain
from stopward.local.screen.words import counted
from stopward.local.up.home import Home
from stopward.ports import Clock
from stopward.replay.attribution import RuleWorth, worth_of
from stopward.services.attribution import AttributionSummary, Attributor, BarSource

PATIENCE_SECONDS: Final = 60.0
EVERY_TRADE: Final = 10**9
MOST_FAILURES: Final = 20
"""Failures told at most; where a broker gives no answer, one is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asked for.

    bars: a file, instead of the run's own or the broker's. since: the first session; None is all,
    and of what waits for bars a month. again: ask for what is known too.
    """

    database_url: str | None
    account: str | None
    bars: Path | None
    since: date | None
    again: bool
    feed: Feed
    as_json: bool


def attribute_account(
    home: Home,
    asked: Asked,
    *,
    environment: Mapping[str, str],
    clock: Clock,
    console: Console,
    output: TextIO,
) -> ExitCode:
    """Compute and store the figures that wait, and tell what each rule saved and cost.

    Raises InvalidInput when bars or keys cannot be read, DatabaseUnavailable and DatabaseRejected.
    A trade that cannot be attributed is told, the others are done: it ends with DEFECT then, and
    with BROKER when the broker gave no bars.
    """
    with (
        target_of(
            home, database_url=asked.database_url, account=asked.account, clock=clock
        ) as target,
        closing(PostgresDatabase(target.url, timeout_seconds=PATIENCE_SECONDS)) as database,
    ):
        if target.run is not None:
            console.print(target.words, highlight=False)
        with bars_for(
            target,
            file=asked.bars,
            feed=asked.feed,
            home=home,
            environment=environment,
            clock=clock,
        ) as bars:
            summary = _run(database, bars, target, asked, console)
        exits = read_exits(database, target.account_id, since=asked.since)
    worth = worths(exits)
    why = reasons(exits)
    if asked.as_json:
        output.write(json.dumps(plain(_document(target, summary, worth, why)), indent=1) + "\n")
    else:
        _tell(Printer(file=output), summary, worth, why)
    for failure in summary.failures[:MOST_FAILURES]:
        console.print(failure, highlight=False, markup=False, soft_wrap=True)
    if not summary.failures:
        return ExitCode.OK
    return ExitCode.BROKER if summary.is_cut else ExitCode.DEFECT


def _run(
    database: PostgresDatabase, bars: BarSource, target: Target, asked: Asked, console: Console
) -> AttributionSummary:
    attributor = Attributor(
        book=FunctionAttribution(database),
        bars=bars,
        account_id=target.account_id,
        most_trades=EVERY_TRADE,
    )
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("attributing", total=None)
        done = Counter[str]()

        def advance(count: int) -> None:
            done["trades"] += count
            progress.update(task, description=f"attributed {counted(done['trades'], 'trade')}")

        return attributor.run(
            now=target.now,
            remaining_seconds=lambda: inf,
            since=asked.since,
            more_bars=asked.bars is not None,
            again=asked.again,
            progress=advance,
        )


def read_exits(views: Views, account_id: AccountId, *, since: date | None) -> list[Row]:
    """Return what rules closed of an account's trades, from a session on, with its figures."""
    where = () if since is None else (Where("session_day", ">=", since),)
    order = (Order("session_day"), Order("position_id"), Order("rule"))
    rows = all_rows(views, "exit_log", account_id=account_id, where=where, order=order)
    return [row for row in rows if row["rule"] in RULES and row["session_day"] is not None]


def worths(exits: Sequence[Row]) -> tuple[RuleWorth, ...]:
    """Return what each rule was worth, in order of priority; its days are those of the closes.

    fired counts the trades of which a rule closed something.
    """
    found = []
    for rule in RULES:
        own = [row for row in exits if row["rule"] == rule]
        if not own:
            continue
        saved = [np.nan if row["saved_r"] is None else cast("float", row["saved_r"]) for row in own]
        days = [cast("date", row["session_day"]).toordinal() for row in own]
        found.append(
            worth_of(rule, np.array(saved, np.float64), np.array(days, np.int64), fired=len(own))
        )
    return tuple(found)


def reasons(exits: Sequence[Row]) -> dict[str, Counter[str]]:
    """Return by rule why figures are unknown, and how many; `not_asked` where nobody asked yet."""
    found: dict[str, Counter[str]] = {}
    for row in exits:
        if row["saved_r"] is None:
            why = "not_asked" if row["attributed_at"] is None else row["unknown_because"]
            found.setdefault(str(row["rule"]), Counter())[str(why or "not_said")] += 1
    return found


def _document(
    target: Target,
    summary: AttributionSummary,
    worth: Sequence[RuleWorth],
    why: Mapping[str, Counter[str]],
) -> dict[str, Any]:
    return {
        "account_id": target.account_id,
        "trades": summary.trades,
        "figures_known": summary.known,
        "figures_unknown": summary.unknown.total(),
        "figures_changed": summary.changed,
        "failures": summary.failures,
        "rules": [
            {**worth_row(each), "unknown_because": dict(sorted(why.get(each.rule, {}).items()))}
            for each in worth
        ],
    }


def _tell(
    console: Console,
    summary: AttributionSummary,
    worth: Sequence[RuleWorth],
    why: Mapping[str, Counter[str]],
) -> None:
    console.print(_sentence(summary), highlight=False)
    if not worth:
        console.print("No rule has closed anything of a trade yet.", highlight=False)
        return
    tell_worth(console, worth, title="what each rule did to the account's trades, in R after fees")
    total: Counter[str] = sum(why.values(), Counter())
    for name, count in total.most_common():
        words = BECAUSE.get(cast("Because", name), "nobody has asked for it yet")
        console.print(f"unknown: {count:,} for {words}", highlight=False)


def _sentence(summary: AttributionSummary) -> str:
    if summary.trades == 0 and not summary.failures:
        return "There was nothing to do: every exit of a rule has its figure, or waits for bars."
    return (
        f"{counted(summary.trades, 'trade')} walked again: {summary.known:,} figures known, "
        f"{summary.unknown.total():,} unknown, {summary.changed:,} other than before."
    )
