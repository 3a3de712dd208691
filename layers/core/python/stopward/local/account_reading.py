"""`stopward positions`, `why` and `alarms`: an account in words, read from the api views."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from stopward.errors import InvalidInput
from stopward.local.account_writing import Standing
from stopward.local.screen.queries import POSITIONS, STANDING
from stopward.local.screen.reader import AccountReader, sentence_of
from stopward.local.screen.words import NEW_YORK, counted, plain, price_text, r_text

OF_SYMBOL = """
select * from api.decision_log
where account_id = %(account)s and symbol = %(symbol)s order by tick_at, source
"""
HISTORY = """
select
    side, quantity, average_entry, initial_stop, stop, opened_at, null::timestamptz as closed_at,
    null::numeric as exit_price, null::double precision as result_r, null::text as cause
from api.open_positions where account_id = %(account)s and symbol = %(symbol)s
union all
select
    side, quantity, average_entry, null, null, opened_at, closed_at, exit_price, result_r, cause
from api.trade_journal where account_id = %(account)s and symbol = %(symbol)s
order by opened_at
"""
# From one symbol to the next: an account has a few hundred, and a million decisions.
SYMBOLS = """
with recursive known as (
    (
        select d.symbol from api.decision_log as d
        where d.account_id = %(account)s order by d.symbol limit 1
    )
    union all
    select (
        select d.symbol from api.decision_log as d
        where d.account_id = %(account)s and d.symbol > k.symbol order by d.symbol limit 1
    )
    from known as k where k.symbol is not null
)
select symbol from known where symbol is not null order by symbol
"""
MOST_CLEARED = 500
"""So many of the alarms that are over are shown, the latest."""
ALARMS = """
with shown as (
    select * from api.alarm_log where account_id = %(account)s and cleared_at is null
    union all
    (
        select * from api.alarm_log where account_id = %(account)s and cleared_at is not null
        order by first_at desc limit %(most_cleared)s
    )
)
select kind, symbol, severity, message, count, first_at, last_at, cleared_at from shown
order by
    cleared_at is null desc, severity = 'critical' desc, severity = 'warning' desc, last_at desc
"""


def positions_text(reader: AccountReader) -> str:
    """Return the open positions, one a line, with how they stood at the last decision."""
    rows = reader.rows(POSITIONS)
    if not rows:
        return "no open positions"
    head = f"{'symbol':<8}{'side':<7}{'quantity':>10}{'entry':>11}{'stop':>11}"
    lines = (
        f"{row['symbol']:<8}{row['side']:<7}{plain(row['quantity']):>10}"
        f"{price_text(row['average_entry']):>11}{price_text(row['stop']):>11}"
        f"{r_text(row['now_r']):>9}{r_text(row['best_r']):>9}"
        for row in rows
    )
    return "\n".join((f"{head}{'R now':>9}{'best R':>9}", *lines))


def why_text(reader: AccountReader, symbol: str, *, holds: bool) -> str:
    """Return what was decided for a symbol and why, in sentences, oldest first.

    holds: also the decisions to leave everything as it was, with the rules that were true.
    Raises InvalidInput for a symbol that was never guarded, naming those that were.
    """
    decisions = reader.rows(OF_SYMBOL, symbol=symbol)
    history = reader.rows(HISTORY, symbol=symbol)
    if not decisions and not history:
        names = ", ".join(row["symbol"] for row in reader.rows(SYMBOLS)) or "none yet"
        raise InvalidInput(f"{symbol} was never guarded in this account; guarded were: {names}")
    return "\n".join((*_history(symbol, history), *_decisions(decisions, holds=holds)))


def alarms_text(reader: AccountReader, *, with_cleared: bool) -> str:
    """Return the alarms, the gravest first; the latest that are over come last, if wanted."""
    rows = reader.rows(ALARMS, most_cleared=MOST_CLEARED if with_cleared else 0)
    if not rows:
        return "no alarms" if with_cleared else "no open alarms (--all shows those that are over)"
    return "\n".join((*map(_alarm, rows), "what to do about each: docs/runbook.md, Alarms"))


def standing_of(reader: AccountReader, *, today: date) -> Standing | None:
    """Return how an account is set up, or None when it was never opened."""
    rows = reader.rows(STANDING, today=today)
    return Standing(**rows[0]) if rows else None


def _alarm(row: dict[str, Any]) -> str:
    if row["cleared_at"] is not None:
        state = f"over since {_moment(row['cleared_at'])}"
    else:
        state = f"last {_moment(row['last_at'])}"
    message = row["message"].removeprefix(f"{row['symbol']}: ")
    return (
        f"{row['severity']:<10}{row['symbol'] or 'account':<9}{row['kind']}: {message} "
        f"({counted(row['count'], 'time')} since {_moment(row['first_at'])}, {state} New York)"
    )


def _history(symbol: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        start = (
            f"{symbol}: {row['side']} {plain(row['quantity'])} from "
            f"{price_text(row['average_entry'])} on {_moment(row['opened_at'])} New York"
        )
        if row["closed_at"] is None:
            yield (
                f"{start}; open, initial stop {price_text(row['initial_stop'])}, "
                f"stop now {price_text(row['stop'])}"
            )
        else:
            yield (
                f"{start}; closed {_moment(row['closed_at'])} at {price_text(row['exit_price'])}, "
                f"{r_text(row['result_r'])}, by {row['cause'].replace('_', ' ')}"
            )


def _decisions(rows: list[dict[str, Any]], *, holds: bool) -> Iterator[str]:
    held = 0
    for row in rows:
        if row["kind"] == "hold" and not holds:
            held += int(row["ticks"])
            continue
        yield f"{_moment(row['tick_at'])}  {_what(row)}"
    if held:
        yield f"and {counted(held, 'time')} it was left as it was (--holds shows these)"


def _what(row: dict[str, Any]) -> str:
    price = price_text(row["price"]) if row["price"] is not None else "an unknown price"
    match row["kind"]:
        case "hold":
            why = sentence_of(row["reasons"], "") or "no rule was true"
            return f"left as it was at {price} ({counted(row['ticks'], 'time')}): {why}"
        case "move_stop":
            act = f"stop moved to {price_text(row['stop'])}"
        case "reduce":
            act = f"{plain(row['quantity'])} closed at about {price}"
        case _:
            act = f"closed at about {price}"
    rule = row["rule"] or row["stop_rule"] or ""
    return f"{act} by {rule.replace('_', ' ')}: {sentence_of(row['reasons'], rule)}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")
