"""The summary at the end: for people on stderr, for programs as one JSON document."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from stopward.local.screen.picture import Summary, plain_message
from stopward.local.screen.table import alarm_style
from stopward.local.screen.words import clock_text, counted, money_text, r_text


def win_rate(summary: Summary) -> float | None:
    """Return the share of trades that won; None without trades."""
    return summary.wins / summary.trades if summary.trades else None


def print_summary(console: Console, summary: Summary) -> None:
    """Print what the session came to."""
    rate = win_rate(summary)
    shown = "no trades" if rate is None else f"{rate:.0%} of n = {summary.trades}"
    console.print(
        f"\n[bold]{summary.session_day}, {clock_text(summary.first, seconds=False)} to "
        f"{clock_text(summary.last, seconds=False)} New York, account {summary.account_id}[/bold]",
        highlight=False,
    )
    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    facts.add_row("positions guarded", str(summary.positions))
    facts.add_row("closed", f"{summary.trades} ({summary.open_positions} still open)")
    facts.add_row("win rate", shown)
    facts.add_row("result", f"{r_text(summary.total_r)}, {money_text(summary.result)} dollars")
    facts.add_row(
        "unprotected",
        f"{summary.unprotected_seconds:.1f} position-seconds, "
        f"{summary.unprotected_seconds_by_guard:.1f} of them between a stop and our exit "
        "(a request takes no simulated time)",
    )
    acted = f"{counted(summary.decisions, 'decision')}, {counted(summary.orders, 'order')}"
    facts.add_row("ticks", f"{summary.ticks} ({acted})")
    facts.add_row("took", f"{summary.real_seconds:.0f} s")
    console.print(facts)
    if summary.rules:
        console.print(_rules(summary))
    for alarm in summary.alarms:
        console.print(
            f"{alarm.severity}: {alarm.symbol or 'account'}: {plain_message(alarm)}",
            style=alarm_style(alarm), highlight=False, markup=False,
        )  # fmt: skip
    if summary.unprotected:
        console.print(
            f"UNPROTECTED at the end: {', '.join(summary.unprotected)}. "
            "No stop rests for these: place one at the broker.",
            style="bold red", highlight=False,
        )  # fmt: skip


def _rules(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), title="what each rule did")
    table.title_justify = "left"
    table.add_column("rule")
    for name in ("fired", "stop moves", "exits", "trades ended", "their result"):
        table.add_column(name, justify="right")
    for line in summary.rules:
        table.add_row(
            line.rule, str(line.fired), str(line.moves), str(line.exits), str(line.trades),
            r_text(line.result_r) if line.trades else "",
        )  # fmt: skip
    return table


def document(summary: Summary) -> dict[str, Any]:
    """Return the summary as JSON values: money as text, times in ISO 8601."""
    values: dict[str, Any] = _plain(asdict(summary))
    values["win_rate"] = win_rate(summary)
    return values


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(member) for key, member in value.items()}
        case list() | tuple():
            return [_plain(member) for member in value]
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat()
        case _:
            return value
