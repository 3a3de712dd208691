"""A replay told: a table for people, one JSON document, or a CSV row for each position."""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from io import StringIO
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from stopward.domain.attribution.track import HOLE_MINUTES
from stopward.domain.rulebook import RuleBook
from stopward.local.replay.inputs import Inputs
from stopward.replay.results import Results
from stopward.replay.silence import UNHEARD, unheard
from stopward.replay.summary import Summary
from stopward.replay.table import moment_of

DIGITS: Final = 6
"""Decimal places of R and dollars in files; what is shown to people has fewer."""
POSITION_COLUMNS: Final = (
    "position_id", "symbol", "side", "entry_at", "entry_price", "exit_at", "exit_price", "rule",
    "gross_r", "slipped_r", "net_r", "net", "mae_r", "mfe_r", "ambiguous", "other_r", "still_open",
    "risk_estimated", "misses_bars",
)  # fmt: skip


class Printer(Console):
    """A console on stdout, whose reader may have enough (`stopward replay ... | head`)."""

    def on_broken_pipe(self) -> None:
        """Say so to whoever ends the command; rich would exit with 1."""
        raise BrokenPipeError


def tell(
    console: Console, results: Results, summary: Summary, left_alone: Mapping[str, str]
) -> None:
    """Print the figures and what each rule closed."""
    table = Table(
        title=f"{counted(summary.positions)} replayed", title_justify="left", show_header=False
    )
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in figures(summary):
        table.add_row(name, value)
    console.print(table)
    rules = Table(title="closed by", title_justify="left")
    for name in ("rule", "positions", "mean R before costs", "mean R after"):
        rules.add_column(name, justify="left" if name == "rule" else "right")
    for share in summary.by_rule:
        rules.add_row(
            share.rule, f"{share.positions:,}", f"{share.gross_r:+.3f}", f"{share.net_r:+.3f}"
        )
    console.print(rules)
    for line in notes(results, summary, left_alone):
        console.print(line, highlight=False)


def notes(results: Results, summary: Summary, left_alone: Mapping[str, str]) -> Iterator[str]:
    """Yield what a reader of the figures must know."""
    if summary.ambiguous:
        yield (
            f"{counted(summary.ambiguous)} met stop and target in one bar: the stop is booked; "
            f"had the target come first each time, {summary.ambiguous_r:+.2f} R more."
        )
    if summary.still_open:
        yield f"{counted(summary.still_open)} outlived the bars: booked at their last close."
    if summary.misses_bars:
        yield (
            f"{counted(summary.misses_bars)} lived through more than {HOLE_MINUTES} minutes of "
            "session without a bar: what happened there is not known."
        )
    if summary.estimated:
        yield f"{counted(summary.estimated)} had no stop: R was estimated from daily ranges."
    yield from left_out(left_alone)
    if len(results) < 30:
        yield "Fewer than 30 positions: a mean of so few says little."


def tell_odd(console: Console, inputs: Inputs, *books: RuleBook, left_alone: bool = True) -> None:
    """Print a note on each rule that is not heard, bar not walked and position `left_alone`."""
    lines = list(silent_rules(books))
    if inputs.outside:
        every = inputs.outside + len(inputs.table)
        lines.append(f"{inputs.outside:,} of {every:,} bars lie outside sessions: passed over")
    if left_alone:
        lines += left_out(inputs.left_alone)
    for line in lines:
        console.print(f"note: {line}", highlight=False, markup=False, soft_wrap=True)


def left_out(left_alone: Mapping[str, str]) -> Iterator[str]:
    """Yield how many positions the rules leave alone, and why the first; nothing for none."""
    if left_alone:
        first = next(iter(left_alone))
        verb = "is" if len(left_alone) == 1 else "are"
        yield f"{counted(len(left_alone))} {verb} left alone, {first} because {left_alone[first]}."


def silent_rules(books: Iterable[RuleBook]) -> Iterator[str]:
    """Yield a note on each rule that is on, and that a replay does not hear."""
    found = {rule for book in books for rule in unheard(book)}
    for rule in UNHEARD:
        if rule in found:
            yield f"{rule} is silent in a replay: {UNHEARD[rule]}"


def as_json(results: Results, summary: Summary, left_alone: Mapping[str, str]) -> str:
    """Return everything as one JSON document; a missing number is null."""
    document = {
        "summary": asdict(summary),
        "left_alone": dict(left_alone),
        "positions": [
            row | {"sales": [_sale(sale) for sale in results.sales(number)]}
            for number, row in enumerate(rows_of(results))
        ],
    }
    return json.dumps(plain(document), indent=1, default=str)


def as_csv(results: Results) -> str:
    """Return a row for each position; a missing number is empty."""
    text = StringIO()
    writer = csv.DictWriter(text, POSITION_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows_of(results):
        writer.writerow({name: "" if value is None else value for name, value in row.items()})
    return text.getvalue()


def rows_of(results: Results) -> Iterator[dict[str, Any]]:
    """Yield each position by the names of POSITION_COLUMNS."""
    misses_bars = results.misses_bars()
    for number, position in enumerate(results.positions):
        bar = int(results.outcomes.bar[number])
        yield {
            "position_id": position.id,
            "symbol": position.symbol,
            "side": position.side,
            "entry_at": position.entry_at.isoformat(),
            "entry_price": str(position.entry_price),
            "exit_at": moment_of(int(results.bar_at[bar])).isoformat(),
            "exit_price": _number(results.outcomes.price[number]),
            "rule": results.rule(number),
            "gross_r": _number(results.gross_r[number]),
            "slipped_r": _number(results.slipped_r[number]),
            "net_r": _number(results.net_r[number]),
            "net": _number(results.net[number]),
            "mae_r": _number(results.mae_r[number]),
            "mfe_r": _number(results.mfe_r[number]),
            "ambiguous": bool(results.is_ambiguous[number]),
            "other_r": _number(results.other_r[number]),
            "still_open": bool(results.is_open[number]),
            "risk_estimated": bool(results.is_estimated[number]),
            "misses_bars": bool(misses_bars[number]),
        }


def counted(count: int) -> str:
    """Return a number of positions, as in `1 position`."""
    return f"{count:,} position{'' if count == 1 else 's'}"


def figures(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield the figures that people are shown, each with its name."""
    yield "net result", f"{summary.total_r:+,.2f} R, {summary.dollars:+,.2f} dollars"
    yield "mean R before costs", f"{summary.gross_r:+.4f}"
    yield "mean R after slippage", f"{summary.slipped_r:+.4f}"
    yield "mean R after commission too", f"{summary.mean_r:+.4f}"
    yield "standard deviation of R", _shown(summary.deviation_r)
    yield "share of winners", f"{summary.win_rate:.1%}"
    yield "gains over losses", _shown(summary.profit_factor)
    yield "deepest fall", f"{summary.drawdown_r:.2f} R"
    yield "stop and target in one bar", f"{summary.ambiguous:,}"


def _shown(number: float) -> str:
    return "unknown" if math.isnan(number) else f"{number:.3f}"


def _sale(sale: Any) -> dict[str, Any]:
    return asdict(sale) | {"at": sale.at.isoformat()}


def _number(number: Any) -> float | None:
    found = float(number)
    return None if math.isnan(found) else round(found, DIGITS)


def plain(value: Any) -> Any:
    """Return the value with every missing number as None, for JSON has no nan, and few digits."""
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
