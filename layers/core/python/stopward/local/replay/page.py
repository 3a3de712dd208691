"""A replay as one page: figures, charts and single trades, in a file that needs nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from stopward.local.data.calendar import NEW_YORK
from stopward.local.replay.telling import DIGITS, counted, figures, notes, rows_of
from stopward.local.replay.trades import Chosen
from stopward.replay.results import Results
from stopward.replay.summary import Summary, curve
from stopward.report.bars import Row, rows
from stopward.report.document import definitions, document, figure, table
from stopward.report.histogram import histogram
from stopward.report.line import running_sum
from stopward.report.markup import element, words
from stopward.report.scatter import Point, scatter
from stopward.report.staircase import Trade, price_text, staircase

MOST_ROWS: Final = 300
"""Positions in the table: a page of more is slow on a phone; `--csv` has them all."""
COLUMNS: Final = (
    "position", "symbol", "side", "entry", "entry price", "exit", "exit price", "closed by",
    "R before costs", "R after", "MAE", "MFE", "note",
)  # fmt: skip
NUMBERS: Final = frozenset({"entry price", "exit price", "R before costs", "R after", "MAE", "MFE"})
RISK_AT_ENTRY: Final = -1.0
"""In R, as everything is."""


def page(
    results: Results,
    summary: Summary,
    left_alone: Mapping[str, str],
    *,
    labels: Sequence[str] = (),
    terms: Sequence[tuple[str, str]],
    trades: Sequence[tuple[Chosen, Trade]],
) -> str:
    """Return the page: HTML with its styles and pictures inside, the same bytes for the same input.

    labels: what must be said of every figure. terms: what was replayed and how, names with values.
    trades: those that are drawn.
    """
    headline = f"{counted(summary.positions)} replayed"
    told = "".join(
        element("p", words(note)) + "\n" for note in (*labels, *notes(results, summary, left_alone))
    )
    parts = [
        element("h1", words(headline)),
        element("p", words(_first_line(summary)), class_="lead"),
        definitions(figures(summary), class_="figures"),
        element("div", told, class_="notes") if told else "",
        element("h2", "Results"),
        element("div", "".join(_charts(results, summary)), class_="charts"),
        element("h2", "Single trades"),
        element(
            "p",
            "Each line is a bar from its low to its high, with its close. The stop is drawn as it "
            "rested while the bar traded. Dots with a number are exits, before slippage. Times are "
            "New York.",
            class_="muted",
        ),
        element("div", "".join(_trades(results, trades)), class_="charts"),
        element("h2", "Positions"),
        *_positions(results),
        element("h2", "How this was replayed"),
        definitions(terms, class_="terms"),
    ]
    return document(title=headline, body="\n".join(part for part in parts if part))


def _first_line(summary: Summary) -> str:
    return (
        f"{summary.total_r:+,.2f} R in all after costs, {summary.mean_r:+.3f} R a position; "
        f"{summary.win_rate:.0%} won."
    )


def _charts(results: Results, summary: Summary) -> Iterator[str]:
    closed = curve(results)
    name = "Sum of R, position by position"
    yield figure(
        running_sum(closed.total_r.tolist(), closed.day, title=name, unit="R"),
        title=name,
        caption=(
            f"After costs, in the order of closing, {closed.day[0]} to {closed.day[-1]}. "
            "Shaded: how far it lies below its peak so far."
        ),
    )
    name = "How R is spread"
    yield figure(
        histogram(
            results.net_r.tolist(),
            results.gross_r.tolist(),
            names=("after costs", "before costs"),
            title=name,
            unit="R",
        ),
        title=name,
        caption="Positions by result. Between the outline and the bars lies what costs moved.",
    )
    name = "How far each went against you and for you"
    points = [
        Point(x=against, y=best, is_gain=net > 0, name=position.id)
        for position, against, best, net in zip(
            results.positions,
            results.mae_r.tolist(),
            results.mfe_r.tolist(),
            results.net_r.tolist(),
            strict=True,
        )
    ]
    yield figure(
        scatter(
            points,
            title=name,
            names=("MAE, R", "MFE, R"),
            kinds=("R after costs above 0", "0 or below"),
            line=RISK_AT_ENTRY,
        ),
        title=name,
        caption="MAE is the worst open result, MFE the best. Dashed: -1 R, the risk at entry.",
    )
    name = "Exits by rule"
    yield figure(
        rows(
            [
                Row(name=_spoken(share.rule), count=share.positions, mean=share.net_r)
                for share in summary.by_rule
            ],
            title=name,
            names=("closed by", "positions", "mean R after costs"),
        ),
        title=name,
        caption="What closed each position. open: the bars ended first.",
    )


def _trades(results: Results, trades: Sequence[tuple[Chosen, Trade]]) -> Iterator[str]:
    for chosen, trade in trades:
        row = chosen.row
        position = results.positions[row]
        name = f"{position.id}: {position.symbol}, {position.side}"
        yield figure(
            staircase(trade, title=name),
            title=name,
            caption=(
                f"{chosen.why}; {position.entry_at.astimezone(NEW_YORK):%Y-%m-%d %H:%M}, "
                f"{_r(results.net_r[row])} R after costs, {_r(results.gross_r[row])} before; "
                f"MAE {_r(results.mae_r[row])}, MFE {_r(results.mfe_r[row])}"
            ),
        )


def _positions(results: Results) -> Iterator[str]:
    shown = [_cells(row) for row in islice(rows_of(results), MOST_ROWS)]
    yield table(COLUMNS, shown, numbers=NUMBERS)
    rest = len(results) - len(shown)
    if rest:
        yield element(
            "p",
            f"The first {len(shown):,}, in the order of the file; {counted(rest)} more are "
            "not shown: --csv has them all.",
            class_="muted",
        )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    notes_of = {
        "still open": row["still_open"],
        "stop and target in one bar": row["ambiguous"],
        "R estimated": row["risk_estimated"],
        "bars are missing": row["misses_bars"],
    }
    return (
        str(row["position_id"]),
        str(row["symbol"]),
        str(row["side"]),
        _moment(row["entry_at"]),
        price_text(float(row["entry_price"])),
        _moment(row["exit_at"]),
        price_text(float(row["exit_price"])),
        _spoken(row["rule"]),
        _r(row["gross_r"]),
        _r(row["net_r"]),
        _r(row["mae_r"]),
        _r(row["mfe_r"]),
        ", ".join(name for name, holds in notes_of.items() if holds),
    )


def _spoken(rule: str) -> str:
    return rule.replace("_", " ")


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(NEW_YORK):%Y-%m-%d %H:%M}"


def _r(value: float) -> str:
    """Return R for people; what a file has is rounded, so that both come to the same."""
    return f"{round(round(float(value), DIGITS), 2) + 0.0:+.2f}"
