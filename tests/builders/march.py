"""All positions side by side, bar by bar, in plain Python: what a replay with limits must equal.

The day is summed by `domain.day` itself, from positions in Decimal, as a live tick does.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from stopward.domain.day import after_fills, day_now
from stopward.domain.identity import AccountId
from stopward.domain.market import Session
from stopward.domain.money import sign
from stopward.domain.position import Marks, Position
from stopward.domain.rulebook import RuleBook
from stopward.domain.sessions import is_overnight
from stopward.domain.snapshot import DayRow, TradeRow
from stopward.replay.entries import Opened
from stopward.replay.market import MarketColumns
from stopward.replay.terms import Conditions
from stopward.rules.booking import bar_of
from stopward.rules.codes import RULE_NAMES, fired_rules
from stopward.rules.course import opened as at_entry
from stopward.rules.kernel import book as booked
from stopward.rules.kernel import fill, observe, propose, settle, slipped
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN, Bar, State

D = Decimal
Sold = tuple[float, float, str, int]
"""Quantity, price, rule and bar of one fill."""


@dataclass(slots=True, kw_only=True)
class Marcher:
    """One position on its way. at: its next bar."""

    state: State
    at: int
    start: int
    end: int
    at_open: float
    position: Position
    sold: list[Sold] = field(default_factory=list)

    @property
    def is_in(self) -> bool:
        """Whether its entry has come."""
        return self.at > self.start


@dataclass(slots=True, kw_only=True)
class March:
    """Positions on their way through all sessions. day: of the account, as it stands."""

    marchers: list[Marcher]
    columns: MarketColumns
    book: RuleBook
    conditions: Conditions
    day: DayRow = field(default_factory=lambda: DayRow(session_day=""))

    def run(self) -> list[list[Sold]]:
        """Return the fills of each position; what is open at the end has none for that."""
        for number, session in enumerate(self.columns.table.sessions):
            equity = self.conditions.equity
            if equity is not None:
                equity += sum((self._worth(each) for each in self.marchers), D(0))
            self.day = DayRow(session_day=session.day, equity=equity)
            for minute in range((session.closes_at - session.opens_at) // timedelta(minutes=1)):
                self._minute(number, session, minute)
        return [each.sold for each in self.marchers]

    def _minute(self, number: int, session: Session, minute: int) -> None:
        table = self.columns.table
        asked: list[tuple[Marcher, Bar, Rules]] = []
        for each in self.marchers:
            if each.at >= each.end or not each.state.quantity > 0:
                continue
            if (table.session[each.at], table.minute[each.at]) == (number, minute):
                self._meet(each, session, asked)
        here = [each for each in self.marchers if each.is_in and each.position.quantity > 0]
        now = day_now(
            self.day,
            [each.position for each in here],
            {each.position.symbol: self._last(each) for each in here},
            session=session,
            halted=False,
        )
        locking = set()
        for each, bar, rules in asked:
            proposal = propose(each.state, bar, now.account, rules)
            locking |= {"day_loss", "day_profit"} & set(fired_rules(proposal.fired))
            each.state = settle(each.state, proposal, NAN)
        self.day = replace(now.row, locked_by=now.row.locked_by or min(locking, default=None))

    def _meet(
        self, each: Marcher, session: Session, asked: list[tuple[Marcher, Bar, Rules]]
    ) -> None:
        """Let resting and pending orders meet the bar, then observe it."""
        overnight = is_overnight(each.position.opened_at, session=session)
        position, terms = each.position, self.conditions.terms()
        rules = self.book.rules_for(position.symbol, position.tags, held_overnight=overnight)
        at_open = each.at_open if each.at == each.start else 0.0
        bar = bar_of(self.columns.market(rules, self.book.periods).bars, each.at, at_open)
        each.at += 1
        if each.at - 1 == each.start and not at_open:
            return
        while (filled := fill(each.state, bar, terms.gap)).quantity > 0:
            price = slipped(each.state, bar, filled, terms.slippage)
            rule = RULE_NAMES[int(filled.rule)]
            each.sold.append((filled.quantity, filled.price, rule, each.at - 1))
            each.position = _after_sale(each.position, filled.quantity, price)
            each.state = booked(each.state, filled)
        if each.position != position:
            trade = None if each.state.quantity > 0 else _trade(each.position)
            self.day = after_fills(self.day, position, each.position, trade, session=session)
        if each.state.quantity > 0:
            each.state = observe(each.state, bar, rules)
            if bar.to_close > 0:
                asked.append((each, bar, rules))

    def _last(self, each: Marcher) -> Decimal:
        return D(repr(float(self.columns.table.bars.close[each.at - 1])))

    def _worth(self, each: Marcher) -> Decimal:
        if not each.is_in:
            return D(0)
        held = each.position
        fees = held.fees_per_share * held.closed_quantity
        gain = sign(held.side) * (self._last(each) - held.average_entry) * held.quantity
        return held.realised - fees + gain


def march(
    opened: Opened, columns: MarketColumns, book: RuleBook, conditions: Conditions
) -> list[list[Sold]]:
    """Return the fills of each position under the limits of the account's day."""
    marchers = [_marcher(opened, row) for row in range(len(opened))]
    return March(marchers=marchers, columns=columns, book=book, conditions=conditions).run()


def _after_sale(position: Position, quantity: float, price: float) -> Position:
    sold = D(repr(quantity))
    gain = sign(position.side) * (D(repr(float(price))) - position.average_entry) * sold
    return replace(
        position,
        quantity=position.quantity - sold,
        closed_quantity=position.closed_quantity + sold,
        realised=position.realised + gain,
    )


def _trade(position: Position) -> TradeRow:
    result = position.realised - position.fees_per_share * position.closed_quantity
    return TradeRow(
        position_id=position.id,
        symbol=position.symbol,
        closed_at=position.opened_at,
        exit_price=position.average_entry,
        result=result,
        result_r=float(result / (position.risk * position.initial_quantity)),
        mae_r=0.0,
        mfe_r=0.0,
        cause="stop",
    )


def _marcher(opened: Opened, row: int) -> Marcher:
    entry, course = opened.positions[row], at_entry(opened.entries, row)
    state = State(*(float(number) for number in course.state))
    stop = D(repr(state.stop))
    position = Position(
        id=entry.id,
        account_id=AccountId("a"),
        symbol=entry.symbol,
        side=entry.side,
        quantity=entry.quantity,
        initial_quantity=entry.quantity,
        average_entry=entry.entry_price,
        initial_stop=stop,
        risk=D(repr(state.risk)),
        stop=stop,
        tags=entry.tags,
        fees_per_share=D(repr(state.fees)),
        opened_at=entry.entry_at,
        adopted_at=entry.entry_at,
        marks=Marks(best=state.entry, worst=state.entry),
    )
    return Marcher(
        state=state,
        at=int(course.at),
        start=int(course.at),
        end=int(opened.entries.end[row]),
        at_open=float(opened.entries.at_open[row]),
        position=position,
    )
