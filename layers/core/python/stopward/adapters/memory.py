"""The Store in memory, for tests of what stands on it; it answers and refuses as Postgres does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import isnan

from stopward.adapters.memory_book import Book
from stopward.adapters.memory_rows import Lease
from stopward.adapters.memory_rules import UNSETTLED, check_now, refusal, refuse_if
from stopward.adapters.memory_sessions import MemorySessions
from stopward.domain.identity import AccountId, OrderId, Symbol
from stopward.domain.market import Instrument, Session
from stopward.domain.open_score import RECENT
from stopward.domain.position import Position
from stopward.domain.session_claims import SessionSource, SessionsPut, SessionStretch
from stopward.domain.snapshot import (
    AccountRow,
    Acknowledgement,
    Busy,
    DayRow,
    Mode,
    Snapshot,
    TickRecord,
)
from stopward.errors import DatabaseRejected


class MemoryStore:
    """Store and administration of any number of accounts; one call is one transaction.

    now: the clock of leases, as the database's is. sessions, volumes, feature_schemas: what all
    accounts share; volumes by symbol and minute of the session, names of features by schema.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._books: dict[AccountId, Book] = {}
        self.sessions = MemorySessions()
        self._instruments: dict[Symbol, Instrument] = {}
        self.volumes: dict[Symbol, dict[int, float]] = {}
        self.feature_schemas: dict[str, tuple[str, ...]] = {}

    def book(self, account_id: AccountId) -> Book:
        """Return what is stored of an account; refuses one that was not opened."""
        try:
            return self._books[account_id]
        except KeyError:
            raise DatabaseRejected(
                f"account {account_id} is not known: open it first", rule="unknown_account"
            ) from None

    def begin_tick(
        self, account_id: AccountId, *, tick_at: datetime, holder: str, lease_seconds: float
    ) -> Snapshot | Busy:
        """Take the lease and return the snapshot, or who has it."""
        book = self.book(account_id)
        now = self._now()
        held = book.lease
        if held is not None and held.until > now and held.holder != holder:
            return Busy(holder=held.holder, until=held.until)
        fence = 1
        if held is not None:
            fence = held.fence if held.holder == holder else held.fence + 1
        until = now + timedelta(seconds=lease_seconds)
        book.lease = Lease(holder=holder, until=until, fence=fence)
        return self._snapshot(book, tick_at, fence)

    def record_tick(self, record: TickRecord) -> frozenset[OrderId]:
        """Write a tick whole; return the ids of the orders that are new."""
        check_now(record, self._now())
        book = self.book(record.account_id).copy()
        book.require_fence(record.fence)
        book.observe(record.tick_at, record.observations)
        book.settle_orders(record.tick_at, record.at, record.settled)
        book.write_positions(record.positions, record.trades, book.seen_at(record.tick_at))
        book.write_trades(record.trades)
        book.symbols.update({state.symbol: state for state in record.symbols})
        book.write_rule_sets(record.rule_sets)
        book.write_journal(record.tick_at, record.decisions, record.views)
        new = book.write_intents(record.at, record.orders)
        book.write_alarms(record.tick_at, record.at, record.alarms, record.cleared)
        for symbol in record.halted_symbols:
            book.tag(symbol, "halted")
        book.write_day(record.day)
        book.write_gaps(record.tick_at, "record", record.unprotected_seconds)
        self._finish(
            record.account_id, book, release=record.release, renewed_seconds=record.lease_seconds
        )
        return new

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Write what came of the orders."""
        told = acknowledgement
        check_now(told, self._now())
        book = self.book(told.account_id).copy()
        book.require_fence(told.fence)
        book.observe(told.tick_at, told.observations)
        book.settle_orders(told.tick_at, told.at, told.orders)
        book.write_positions(told.positions, told.trades, book.seen_at(told.tick_at))
        book.write_trades(told.trades)
        book.write_alarms(told.tick_at, told.at, told.alarms, told.cleared)
        book.write_day(told.day)
        book.write_gaps(told.tick_at, "acknowledge", told.unprotected_seconds)
        self._finish(told.account_id, book, release=told.release)

    def open_account(
        self,
        account_id: AccountId,
        *,
        name: str,
        mode: Mode | None = None,
        exchange: str | None = None,
        equity_prior_close: Decimal | None = None,
    ) -> None:
        """Open an account, or change what is named of it; halt and rules stay."""
        book = self._books.get(account_id)
        if book is None:
            account = AccountRow(id=account_id, name=name, mode=mode or "observe")
            self._books[account_id] = Book(account=account, exchange=exchange or "XNYS")
        else:
            book.account = replace(book.account, name=name, mode=mode or book.account.mode)
            book.exchange = exchange or book.exchange
        if equity_prior_close is not None:
            self.put_equity(account_id, equity_prior_close)

    def put_rules(self, account_id: AccountId, rules_toml: str | None, *, rules_hash: str) -> None:
        """Make a rules file the account's; None: the one that is stored under its hash."""
        book = self.book(account_id)
        refuse_if(not rules_hash, "put_rules_request", account_id)
        found = book.rules.get(rules_hash, rules_toml)
        if found is None:
            raise refusal("accounts_rules_fkey", account_id)
        refuse_if(rules_toml not in (None, found), "settings_versions_append_only", account_id)
        book.rules[rules_hash] = found
        book.account = replace(book.account, rules_toml=found, rules_hash=rules_hash)

    def put_equity(self, account_id: AccountId, equity_prior_close: Decimal) -> None:
        """Store the equity of the prior close, in dollars; it counts until the next close."""
        book = self.book(account_id)
        book.equity_prior_close, book.equity_put_at = equity_prior_close, self._now()

    def put_sessions(
        self,
        sessions: Iterable[Session],
        *,
        source: SessionSource = "person",
        complete: SessionStretch | None = None,
    ) -> SessionsPut:
        """Store what a source says of sessions; the hours common to the calendars count."""
        return self.sessions.put(sessions, source=source, complete=complete)

    def forget_sessions(self, exchange: str, days: Iterable[str]) -> None:
        """Take back what a person said of some days; the calendars count again."""
        self.sessions.forget(exchange, days)

    def put_instruments(self, instruments: Iterable[Instrument]) -> None:
        """Store how symbols trade."""
        self._instruments.update({each.symbol: each for each in instruments})

    def put_usual_volume(self, symbol: Symbol, volumes: Sequence[float]) -> None:
        """Store the mean volume of each minute from the open on; nan leaves one as it is."""
        known = self.volumes.setdefault(symbol, {})
        known.update({place: each for place, each in enumerate(volumes) if not isnan(each)})

    def put_positions(self, account_id: AccountId, positions: Iterable[Position]) -> None:
        """Put positions under guard that a person declares; one that is known must be as put."""
        book = self.book(account_id).copy()
        is_held = book.lease is not None and book.lease.until > self._now()
        refuse_if(is_held, "lease_is_held", account_id)
        for position in positions:
            known = book.positions.get(position.id)
            refuse_if(known not in (None, position), "positions_pkey", position.id)
            book.write_positions((position,), (), ())
        self._books[account_id] = book

    def tag_symbol(self, account_id: AccountId, symbol: Symbol, tag: str) -> None:
        """Tag a symbol; `hands-off` means never touch."""
        self.book(account_id).tag(symbol, tag)

    def untag_symbol(self, account_id: AccountId, symbol: Symbol, tag: str) -> None:
        """Take a tag off a symbol."""
        book = self.book(account_id)
        left = tuple(each for each in book.tags.get(symbol, ()) if each != tag)
        book.tags.pop(symbol, None)
        if left:
            book.tags[symbol] = left

    def halt(self, account_id: AccountId, *, reason: str) -> None:
        """Stop the rules of an account; arming goes on. `reason` is not kept here."""
        book = self.book(account_id)
        book.account = replace(book.account, halted=True)

    def resume(self, account_id: AccountId) -> None:
        """End a halt, and a flatten."""
        book = self.book(account_id)
        book.account = replace(book.account, halted=False, flatten_at=None)

    def request_flatten(self, account_id: AccountId, *, at: datetime) -> None:
        """Ask to close everything, until `resume`; a second request keeps the time of the first."""
        book = self.book(account_id)
        book.account = replace(book.account, flatten_at=book.account.flatten_at or at)

    def _finish(
        self, account_id: AccountId, book: Book, *, release: bool, renewed_seconds: float = 0.0
    ) -> None:
        if book.lease is not None:
            now, until = self._now(), book.lease.until
            renewed = max(until, now + timedelta(seconds=renewed_seconds))
            book.lease = replace(book.lease, until=min(until, now) if release else renewed)
        self._books[account_id] = book

    def _snapshot(self, book: Book, tick_at: datetime, fence: int) -> Snapshot:
        session = self.sessions.at(book.exchange, tick_at)
        positions = book.open_positions()
        ours = {position.symbol for position in positions}
        return Snapshot(
            fence=fence,
            account=book.account,
            session=session,
            day=self._day(book, tick_at),
            positions=positions,
            orders=tuple(
                sorted(
                    (o for o in book.orders.values() if o.status in UNSETTLED),
                    key=lambda order: (order.tick_at, order.id),
                )
            ),
            symbols={
                symbol: state
                for symbol, state in book.symbols.items()
                if symbol in ours
                or (state.bar_at is not None and state.bar_at > tick_at - timedelta(days=1))
            },
            instruments={
                symbol: each
                for symbol, each in self._instruments.items()
                if symbol in ours or each.tick is not None or not each.fractionable
            },
            tags=dict(book.tags),
            usual_volume=self._usual_volume(ours, session, tick_at),
            excursions=book.excursions(),
            scores={
                position.id: book.scores[position.id]
                for position in positions
                if position.id in book.scores and book.scores[position.id].at > tick_at - RECENT
            },
        )

    def _day(self, book: Book, tick_at: datetime) -> DayRow:
        name = self.sessions.day_of(book.exchange, tick_at)
        day = book.days.get(name, DayRow(session_day=name))
        if day.equity is not None or book.equity_put_at is None:
            return day
        # What was put before the last close is the equity of a day that is over.
        closes = (each.closes_at for each in self.sessions.of(book.exchange) if each.day < name)
        is_of_the_day = book.equity_put_at >= max(closes, default=book.equity_put_at)
        return replace(day, equity=book.equity_prior_close) if is_of_the_day else day

    def _usual_volume(
        self, symbols: Iterable[Symbol], session: Session | None, tick_at: datetime
    ) -> dict[Symbol, float]:
        if session is None:
            return {}
        minute = (tick_at - session.opens_at) // timedelta(minutes=1) - 1
        return {
            symbol: self.volumes[symbol][minute]
            for symbol in symbols
            if minute in self.volumes.get(symbol, {})
        }
