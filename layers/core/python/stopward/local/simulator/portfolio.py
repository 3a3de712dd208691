"""Cash and shares: how a fill changes them. Shares are signed, negative when short."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from stopward.domain.identity import Symbol

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Shares of one symbol, signed, and what they cost on average a share."""

    symbol: Symbol
    shares: Decimal
    average_entry: Decimal


class Portfolio:
    """Cash and holdings of the one account."""

    def __init__(self, cash: Decimal) -> None:
        self.cash = cash
        self._holdings: dict[Symbol, Holding] = {}

    def shares(self, symbol: Symbol) -> Decimal:
        """Return the signed shares of `symbol`, 0 when there are none."""
        holding = self._holdings.get(symbol)
        return ZERO if holding is None else holding.shares

    def holding(self, symbol: Symbol) -> Holding | None:
        """Return the holding of `symbol`, or None when it is flat."""
        return self._holdings.get(symbol)

    def holdings(self) -> tuple[Holding, ...]:
        """Return every holding, by symbol."""
        return tuple(self._holdings[symbol] for symbol in sorted(self._holdings))

    def fill(self, symbol: Symbol, *, change: Decimal, price: Decimal) -> Decimal:
        """Add signed shares at `price`; return the dollars realised on those that were closed.

        A fill beyond the holding closes it and opens the other side with the remainder.
        """
        self.cash -= change * price
        before = self._holdings.get(symbol)
        if before is None:
            self._put(symbol, change, price)
            return ZERO
        after = before.shares + change
        if before.shares * change > 0:
            cost = before.shares * before.average_entry + change * price
            self._put(symbol, after, cost / after)
            return ZERO
        closed = min(abs(change), abs(before.shares))
        direction = 1 if before.shares > 0 else -1
        crossed = after * before.shares < 0
        self._put(symbol, after, price if crossed else before.average_entry)
        return direction * closed * (price - before.average_entry)

    def split(self, symbol: Symbol, ratio: Decimal) -> None:
        """Multiply the shares and divide their cost by `ratio`."""
        holding = self._holdings.get(symbol)
        if holding is not None:
            self._put(symbol, holding.shares * ratio, holding.average_entry / ratio)

    def equity(self, prices: Mapping[Symbol, Decimal]) -> Decimal:
        """Return cash plus the value of all shares; a symbol without a price counts at its cost."""
        return self.cash + sum(
            (h.shares * prices.get(h.symbol, h.average_entry) for h in self._holdings.values()),
            ZERO,
        )

    def _put(self, symbol: Symbol, shares: Decimal, average: Decimal) -> None:
        if shares == 0:
            self._holdings.pop(symbol, None)
        else:
            self._holdings[symbol] = Holding(symbol=symbol, shares=shares, average_entry=average)
