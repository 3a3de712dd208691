"""The trader's own input: bars and positions as CSV files, all right or not loaded at all."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import ClosedBar
from stopward.domain.money import Side
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook.reading import SYMBOL
from stopward.local.data.csv_reading import (
    PLACES,
    Fault,
    Faults,
    check_no_pipe,
    decimal,
    moment,
    positive,
    rows,
)
from stopward.local.data.rows import Bars

BAR_COLUMNS: Final = ("symbol", "at", "open", "high", "low", "close", "volume")
POSITION_COLUMNS: Final = (
    "position_id", "symbol", "side", "quantity", "entry_at", "entry_price", "initial_stop",
)  # fmt: skip

_MINUTE: Final = timedelta(minutes=1)
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:/-]{1,64}")


def read_bars(path: Path, *, whole_minutes: bool = True) -> Bars:
    """Return bars by symbol, in order of time; the file is read as a stream.

    Rows of several symbols may be mixed; those of one symbol must rise in time. `at` is the start
    of the bar, on the minute unless `whole_minutes` is False. Raises InvalidInput with up to 20
    problems: line, column, what was read, remedy.
    """
    found: dict[Symbol, list[ClosedBar]] = {}
    for bar in each_bar(path, whole_minutes=whole_minutes):
        found.setdefault(bar.symbol, []).append(bar)
    return {symbol: tuple(bars) for symbol, bars in found.items()}


def each_bar(path: Path, *, whole_minutes: bool = True) -> Iterator[ClosedBar]:
    """Yield the bars of `read_bars` in the file's order; what is bad is raised behind the last."""
    faults = Faults(path)
    last: dict[Symbol, datetime] = {}
    for line, row in rows(path, columns=BAR_COLUMNS, faults=faults):
        try:
            bar = read_bar(row, whole_minutes=whole_minutes)
            check_bar_order(bar, last.get(bar.symbol), row["at"])
        except Fault as fault:
            faults.add(line, fault)
        else:
            last[bar.symbol] = bar.at
            yield bar
    faults.raise_if_any()


def ends_of(bars: Bars) -> dict[Symbol, datetime]:
    """Return when the last bar of each symbol ends."""
    return {symbol: own[-1].at + _MINUTE for symbol, own in bars.items()}


def read_positions(
    path: Path, *, ends: Mapping[Symbol, datetime], at_once: bool = True
) -> tuple[PositionRow, ...]:
    """Return the positions to open, in the file's order; `ends`: when the bars of each symbol end.

    An empty `initial_stop` means that no stop rests. A position may be older than the bars, never
    younger. at_once: they are held at the same time, so that a symbol can have but one. Raises
    InvalidInput like `read_bars`.
    """
    faults = Faults(path)
    found: list[PositionRow] = []
    known: dict[tuple[str, str], PositionRow] = {}
    for line, row in rows(path, columns=POSITION_COLUMNS, faults=faults):
        try:
            position = _position(row)
            _check_market(position, ends, row)
            _check_unique(position, known, at_once=at_once)
            known["id", position.id] = known["symbol", position.symbol] = position
            found.append(position)
        except Fault as fault:
            faults.add(line, fault)
    faults.raise_if_any()
    return tuple(found)


def symbols_named(path: Path) -> frozenset[Symbol]:
    """Return the symbols that a file of positions names, right rows or not.

    Raises InvalidInput when the file cannot be read, has another header, or is a pipe: its rows are
    read again with the bars at hand.
    """
    check_no_pipe(path)
    named = (row["symbol"] for _, row in rows(path, columns=POSITION_COLUMNS, faults=Faults(path)))
    return frozenset(Symbol(name) for name in named if SYMBOL.fullmatch(name))


def read_bar(row: Mapping[str, str], *, whole_minutes: bool = True) -> ClosedBar:
    """Return the bar that a row tells; raises Fault. whole_minutes: it must start on the minute."""
    symbol = _symbol(row["symbol"])
    at = moment("at", row["at"])
    if whole_minutes and (at.second or at.microsecond):
        raise Fault("at", row["at"], "one-minute bars start on the whole minute")
    prices = {name: positive(name, row[name]) for name in ("open", "high", "low", "close")}
    high, low = prices["high"], prices["low"]
    if high < low:
        raise Fault("high", row["high"], f"must not be below low ({row['low']})")
    for name in ("open", "close"):
        if not low <= prices[name] <= high:
            raise Fault(
                name, row[name], f"must lie from low ({row['low']}) to high ({row['high']})"
            )
    volume = decimal("volume", row["volume"])
    if volume < 0:
        raise Fault("volume", row["volume"], "must be 0 or more")
    return ClosedBar(
        symbol=symbol,
        at=at,
        open=float(prices["open"]),
        high=float(high),
        low=float(low),
        close=float(prices["close"]),
        volume=float(volume),
    )


def check_bar_order(bar: ClosedBar, last: datetime | None, text: str) -> None:
    """Raise Fault unless the bar is later than the last one of its symbol."""
    if last is None or bar.at > last:
        return
    if bar.at == last:
        raise Fault("at", text, f"{bar.symbol} has this minute twice: keep one row")
    raise Fault("at", text, f"earlier than the {bar.symbol} row before it: sort by time")


def _position(row: Mapping[str, str]) -> PositionRow:
    identifier = row["position_id"]
    if not _IDENTIFIER.fullmatch(identifier):
        raise Fault("position_id", identifier, "use 1 to 64 letters, digits or any of . _ : / -")
    entry_price = positive("entry_price", row["entry_price"])
    side = _side(row["side"])
    return PositionRow(
        id=PositionId(identifier),
        symbol=_symbol(row["symbol"]),
        side=side,
        quantity=_quantity(row["quantity"]),
        entry_at=moment("entry_at", row["entry_at"]),
        entry_price=entry_price,
        initial_stop=_stop(row["initial_stop"], side, entry_price),
    )


def _symbol(text: str) -> Symbol:
    if not SYMBOL.fullmatch(text):
        raise Fault("symbol", text, "write a symbol in capitals, such as AAPL or BRK.B")
    return Symbol(text)


def _side(text: str) -> Side:
    match text:
        case "long" | "short":
            return text
        case _:
            raise Fault("side", text, "write long or short")


def _quantity(text: str) -> Decimal:
    quantity = decimal("quantity", text)
    if quantity <= 0:
        raise Fault("quantity", text, "must be above 0; the side says long or short")
    exponent = quantity.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > PLACES:
        raise Fault("quantity", text, f"has more than {PLACES} decimal places")
    return quantity


def _stop(text: str, side: Side, entry_price: Decimal) -> Decimal | None:
    if text == "":
        return None
    stop = positive("initial_stop", text)
    if side == "long" and stop >= entry_price:
        raise Fault("initial_stop", text, f"a long's stop lies below its entry ({entry_price})")
    if side == "short" and stop <= entry_price:
        raise Fault("initial_stop", text, f"a short's stop lies above its entry ({entry_price})")
    return stop


def _check_market(
    position: PositionRow, ends: Mapping[Symbol, datetime], row: Mapping[str, str]
) -> None:
    end = ends.get(position.symbol)
    if end is None:
        raise Fault(
            "symbol", row["symbol"], f"the bars have no such symbol; they have {_listed(ends)}"
        )
    if position.entry_at >= end:
        raise Fault("entry_at", row["entry_at"], f"must be before the bars end ({_iso(end)})")


def _check_unique(
    position: PositionRow, known: Mapping[tuple[str, str], PositionRow], *, at_once: bool
) -> None:
    if ("id", position.id) in known:
        raise Fault("position_id", position.id, "is used twice: give each position its own")
    other = known.get(("symbol", position.symbol))
    if at_once and other is not None:
        raise Fault(
            "symbol", position.symbol,
            f"is held by {other.id}: a broker nets a symbol into one position, so merge them",
        )  # fmt: skip


def _listed(bars: Collection[Symbol], most: int = 8) -> str:
    names = sorted(bars)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _iso(moment_: datetime) -> str:
    return moment_.isoformat()
