"""The single trades of a page: which are worth a look, and each with the bars around it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np

from stopward.domain.opening import PositionRow
from stopward.errors import InvalidInput
from stopward.local.data.calendar import NEW_YORK
from stopward.local.replay.telling import counted
from stopward.replay.results import Results
from stopward.replay.retrace import Trace
from stopward.replay.table import BarTable, Floats, microseconds, moment_of
from stopward.report.staircase import Exit, Trade, price_text

MOST_NAMED: Final = 50
"""That may be named: each is a chart."""
AROUND: Final = 5
"""Bars that are shown before the entry and after the last exit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One trade to be drawn. row: its place in the results; why: what is worth a look in it."""

    row: int
    why: str


def named_trades(
    text: str | None, positions: Sequence[PositionRow], left_alone: Mapping[str, str]
) -> tuple[int, ...]:
    """Return the rows of the positions that `--trades` names; none when it was not given.

    Raises InvalidInput for an id that is not replayed, or for too many.
    """
    if text is None:
        return ()
    rows = {str(position.id): row for row, position in enumerate(positions)}
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name in left_alone:
            raise InvalidInput(f'--trades: "{name}" is left alone: {left_alone[name]}')
        if name not in rows:
            raise InvalidInput(
                f'--trades was "{text}": no position is called "{name}"; write ids of the '
                f"positions file with commas between, such as {next(iter(rows))}"
            )
    if len(names) > MOST_NAMED:
        raise InvalidInput(
            f"--trades names {counted(len(names))}; a page shows {MOST_NAMED} at most"
        )
    return tuple(rows[name] for name in names)


def choose(results: Results, named: Sequence[int] = ()) -> tuple[Chosen, ...]:
    """Return the trades to draw: those named, or eight at most that are worth a look.

    These are the best and the worst by R after costs, those that gave back most of their best, and
    those whose other outcome of stop and target in one bar is farthest off; the first of each, then
    the second.
    """
    if named:
        return tuple(Chosen(row=row, why="named") for row in named)
    why: dict[int, list[str]] = {}
    orders = list(_orders(results))
    for rank in ("", "second "):
        for name, order in orders:
            place = 1 if rank else 0
            if place < len(order):
                why.setdefault(order[place], []).append(f"{rank}{name}")
    return tuple(Chosen(row=row, why=", ".join(reasons)) for row, reasons in why.items())


def trade_of(trace: Trace, results: Results, table: BarTable) -> Trade:
    """Return a trade with the bars of its symbol around it, its times those of New York."""
    position = results.positions[trace.row]
    begin, end = table.span(position.symbol)
    begin = max(begin, trace.first - AROUND)
    end = min(end, trace.first + len(trace.stops) + AROUND)
    bars = table.bars
    own = bars.at[begin:end]
    entered = position.entry_at.astimezone(NEW_YORK).date()
    exits = [
        Exit(
            bar=int(np.searchsorted(own, microseconds(sale.at))),
            price=sale.price,
            text=f"{sale.rule.replace('_', ' ')}, {sale.quantity:,g} at {price_text(sale.price)}, "
            f"{_time(sale.at, entered)}",
        )
        for sale in results.sales(trace.row)
    ]
    return Trade(
        at=[moment_of(at).astimezone(NEW_YORK) for at in own.tolist()],
        high=bars.high[begin:end].tolist(),
        low=bars.low[begin:end].tolist(),
        close=bars.close[begin:end].tolist(),
        entered=trace.first - begin,
        entry=float(position.entry_price),
        stops=trace.stops.tolist(),
        target=None if np.isnan(trace.target) else trace.target,
        exits=exits,
    )


def _time(moment: datetime, day: date) -> str:
    """Return a time of day in New York, with its date when it is another day's."""
    local = moment.astimezone(NEW_YORK)
    return f"{local:%H:%M}" if local.date() == day else f"{local:%Y-%m-%d %H:%M}"


def _orders(results: Results) -> Iterator[tuple[str, list[int]]]:
    net, gross = results.net_r, results.gross_r
    every = np.ones(len(results), np.bool_)
    yield "best", _farthest(net, every)
    yield "worst", _farthest(-net, every)
    yield "gave back most", _farthest(results.mfe_r - gross, every)
    other = np.abs(results.other_r - gross)
    yield "stop and target in one bar", _farthest(other, results.is_ambiguous)


def _farthest(values: Floats, allowed: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[int]:
    """Return the rows of the two greatest values that are allowed; the earlier row of equals."""
    rows = np.flatnonzero(allowed)
    order = rows[np.argsort(-values[rows], kind="stable")]
    found: list[int] = order[:2].tolist()
    return found
