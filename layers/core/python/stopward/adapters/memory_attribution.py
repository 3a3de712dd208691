"""Trades that wait for their attribution, of the store in memory."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby

from stopward.adapters.memory import MemoryStore
from stopward.adapters.memory_book import Book
from stopward.adapters.memory_exits import exit_at, exits_of
from stopward.adapters.memory_rows import KeptFigure
from stopward.adapters.memory_rules import refuse_if
from stopward.domain.attribution.trade import (
    BECAUSE,
    RULES,
    WAITING,
    ClosedTrade,
    Figure,
    Guarded,
    Lock,
    Place,
    TradePage,
)
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.position import Position
from stopward.rules.types import NAN

MONTH = timedelta(days=30)
DAY_RULES = ("day_loss", "day_profit")
NINTH_PLACE = Decimal("0.000000001")


class MemoryAttribution:
    """The AttributionBook of the store in memory, so many trades a page."""

    def __init__(self, store: MemoryStore, *, page_trades: int = 100) -> None:
        self._store = store
        self._page_trades = page_trades

    def read_unattributed(
        self,
        account_id: AccountId,
        *,
        at: datetime,
        since: date | None = None,
        more_bars: bool = False,
        again: bool = False,
        after: Place | None = None,
    ) -> TradePage:
        """Return the page of trades after a place, the first one after None."""
        book = self._store.book(account_id)
        sessions = self._store.sessions.of(book.exchange)
        closes = [session.closes_at for session in sessions if session.closes_at <= at]
        asked_before = at if more_bars else max(closes, default=None)
        waits_since = since or at.date() - MONTH
        found: list[tuple[Place, ClosedTrade]] = []
        for position_id, trade in book.trades.items():
            day = self._store.sessions.day_of(book.exchange, trade.closed_at)
            place = (day, position_id)
            is_waiting = asked_before is not None and day >= waits_since.isoformat()
            asked = [
                rule
                for rule in exits_of(book, book.positions[position_id])
                if rule in RULES
                and (since is None or day >= since.isoformat())
                and (after is None or place > after)
                and _is_asked(
                    book.figures.get((position_id, rule)),
                    again=again,
                    asked_before=asked_before if is_waiting else None,
                )
            ]
            if asked:
                found.append((place, self._trade(book, position_id, day, tuple(asked))))
        found.sort(key=lambda each: each[0])
        page = found[: self._page_trades]
        trades = tuple(trade for _, trade in page)
        symbols = {trade.symbol for trade in trades}
        hashes = {each.rules_hash for trade in trades for each in trade.guarded}
        digests = {each.rule_set for trade in trades for each in trade.guarded}
        return TradePage(
            trades=trades,
            rule_sets={name: each for name, each in book.rule_sets.items() if name in digests},
            rules_toml={name: text for name, text in book.rules.items() if name in hashes},
            sessions=tuple(
                session
                for session in sessions
                if trades
                and session.opens_at >= min(t.opened_at for t in trades) - timedelta(days=1)
                and session.opens_at <= max(t.closed_at for t in trades) + MONTH
            ),
            usual_volume={
                symbol: self._volumes(symbol) for symbol in symbols if symbol in self._store.volumes
            },
            after=page[-1][0] if len(page) == self._page_trades else None,
        )

    def put_figures(self, account_id: AccountId, figures: Sequence[Figure], *, at: datetime) -> int:
        """Store figures, the last word counts; return how many are other than before."""
        book = self._store.book(account_id)
        for each in figures:
            trade = book.trades.get(each.position_id)
            exits = () if trade is None else exits_of(book, book.positions[each.position_id])
            refuse_if(each.rule not in exits, "attribution_exit_known", each.position_id)
            is_said = each.because is None or (each.without_r is None and each.because in BECAUSE)
            refuse_if(not is_said, "position_exits_unknown_has_reason", each.position_id)
        names = [(each.position_id, each.rule) for each in figures]
        refuse_if(len(set(names)) < len(names), "attribution_once", account_id)
        new = {
            name: KeptFigure(figure=each, at=at)
            for name, each in zip(names, figures, strict=True)
            if name not in book.figures or book.figures[name].figure != each
        }
        book.figures.update(new)
        return len(new)

    def _trade(
        self, book: Book, position_id: PositionId, day: str, asked: tuple[str, ...]
    ) -> ClosedTrade:
        position, trade = book.positions[position_id], book.trades[position_id]
        return ClosedTrade(
            position_id=position_id,
            symbol=position.symbol,
            session_day=day,
            side=position.side,
            quantity=position.initial_quantity,
            average_entry=position.average_entry,
            initial_stop=position.initial_stop,
            risk=position.risk,
            target=position.target,
            lot=position.lot,
            tick=position.tick,
            fees_per_share=position.fees_per_share,
            opened_at=position.opened_at,
            closed_at=trade.closed_at,
            result_r=_in_r(trade.result_r),
            cause=trade.cause,
            tags=position.tags,
            flags=position.flags,
            exits=exits_of(book, position),
            asked=asked,
            guarded=tuple(_guarded(book, position, closed_at=trade.closed_at)),
            locks=tuple(
                lock
                for lock in self._locks(book)
                if position.opened_at <= lock.at <= trade.closed_at + MONTH
            ),
        )

    def _locks(self, book: Book) -> Iterator[Lock]:
        """Yield the limits of the day that acted: by what they closed first in each session."""
        found = sorted(
            (self._store.sessions.day_of(book.exchange, trade.closed_at), rule, at)
            for position_id, trade in book.trades.items()
            for rule in exits_of(book, book.positions[position_id])
            if rule in DAY_RULES
            for at in [exit_at(book, position_id, rule)]
        )
        for (_, rule), acts in groupby(found, key=lambda each: each[:2]):
            yield Lock(rule=rule, at=next(acts)[2])

    def _volumes(self, symbol: Symbol) -> tuple[float, ...]:
        known = self._store.volumes[symbol]
        return tuple(known.get(minute, NAN) for minute in range(max(known) + 1))


def _is_asked(kept: KeptFigure | None, *, again: bool, asked_before: datetime | None) -> bool:
    if kept is None or again:
        return True
    is_waiting = kept.figure.because in WAITING
    return is_waiting and asked_before is not None and kept.at < asked_before


def _guarded(book: Book, position: Position, *, closed_at: datetime) -> Iterator[Guarded]:
    """Yield where the rules that guarded a position changed."""
    minute = timedelta(minutes=1)
    told = sorted(
        (
            each
            for each in book.journal
            if each.row.position_id == position.id
            and position.adopted_at - minute <= each.row.tick_at <= closed_at + minute
        ),
        key=lambda each: (each.row.tick_at, each.row.source, each.telling),
    )
    before: str | None = None
    for each in told:
        row = each.row
        if row.circumstances is None:
            continue
        # Spelled, for nan is no number's equal.
        now = repr((row.circumstances.rule_set, row.rules_hash, row.measured))
        if now != before:
            yield Guarded(
                since=row.tick_at,
                rule_set=row.circumstances.rule_set,
                rules_hash=row.rules_hash,
                measured=row.measured,
            )
        before = now


def _in_r(result_r: float) -> Decimal | None:
    """Return a result in R as it is stored, nine places; None when it is no number."""
    if not abs(result_r) < 1_000_000_000:
        return None
    return Decimal(f"{result_r:.15g}").quantize(NINTH_PLACE, rounding=ROUND_HALF_UP)
