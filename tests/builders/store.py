"""Rows as a tick reads and writes them; each builder takes only what a test is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from stopward.domain.decision import Circumstances, Decision, Hold, Reason
from stopward.domain.identity import AccountId, OrderId, PositionId, Symbol, derive_order_id
from stopward.domain.market import Session
from stopward.domain.money import plain
from stopward.domain.orders import Order
from stopward.domain.position import Marks, Position
from stopward.domain.rule_set import RuleSet, rule_set_of
from stopward.domain.snapshot import (
    Acknowledgement,
    DecisionRow,
    SymbolState,
    TickRecord,
    TradeRow,
    ViewRow,
)
from stopward.rules.codes import RULE_VERSION
from stopward.rules.parameters import Breakeven, Distance, GiveBack, R, Rules
from stopward.rules.types import NAN, Bar

D = Decimal
NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
"""A Monday noon in New York, in the middle of A_SESSION."""
A_SESSION = Session(
    exchange="XNYS",
    day="2026-11-23",
    opens_at=datetime(2026, 11, 23, 14, 30, tzinfo=UTC),
    closes_at=datetime(2026, 11, 23, 21, 0, tzinfo=UTC),
)
ACCOUNT = AccountId("acc")
A_RULE_SET: RuleSet = rule_set_of(
    Rules(
        give_back=GiveBack(1.0, 0.5, 2.0, 0.7),
        breakeven=Breakeven(Distance(1.0, R), Distance(0.0, R)),
    )
)
"""Breakeven at +1R, and half of the best profit kept."""


def pulse(number: int) -> datetime:
    """Return the instant of a ten-second pulse; 0 is NOON."""
    return NOON + timedelta(seconds=10 * number)


def a_position(
    symbol: str = "AAPL", *, account_id: AccountId = ACCOUNT, **changes: Any
) -> Position:
    """Return 100 shares long from 100.00 with the stop at 98.00."""
    position = Position(
        id=PositionId(f"{account_id}/{symbol}"),
        account_id=account_id,
        symbol=Symbol(symbol),
        side="long",
        quantity=D("100"),
        initial_quantity=D("100"),
        average_entry=D("100"),
        initial_stop=D("98"),
        risk=D("2"),
        stop=D("98"),
        opened_at=NOON - timedelta(hours=1),
        adopted_at=NOON - timedelta(minutes=59),
        marks=Marks(best=101.5, worst=99.25),
    )
    return replace(position, **changes)


def an_order(position: Position, *, step: str = "sell", tick: int = 0, **changes: Any) -> Order:
    """Return an intent that reduces `position`; its id is derived as the guard does it."""
    attempt = changes.get("attempt", 1)
    price = position.stop if step in ("arm", "move") else None
    at: Decimal | None = changes.get("price", price)
    order = Order(
        id=derive_order_id(
            position.id,
            step,
            tick_at=pulse(tick),
            attempt=attempt,
            detail="" if at is None else plain(at),
        ),
        position_id=position.id,
        symbol=position.symbol,
        step="sell",
        side="sell" if position.side == "long" else "buy",
        quantity=position.quantity,
        price=price,
        on=None,
        rule="give_back",
        tick_at=pulse(tick),
        attempt=attempt,
    )
    return replace(order, **{"step": step, **changes})


def a_decision(
    position: Position, *, tick: int = 0, decision: Decision | None = None, **changes: Any
) -> DecisionRow:
    """Return a hold inside a bar, with no rule true."""
    row = DecisionRow(
        position_id=position.id,
        symbol=position.symbol,
        tick_at=pulse(tick),
        source="monitor",
        decision=Hold() if decision is None else decision,
        state=position.state(),
        account=(0.5, 0.01, 0.75, 0.0, 0.0, 0.0),
        fired=0.0,
        reasons=(),
        price=101.0,
        rules_hash="hash",
        rule_version=RULE_VERSION,
        mask="all",
        closed_bar=False,
    )
    return replace(row, **changes)


def circumstances(**changes: Any) -> Circumstances:
    """Return those of a position under A_RULE_SET whose stop rests whole."""
    found = Circumstances(
        rule_set=A_RULE_SET.digest, hand_loosened=False, covered=True, crossed=False
    )
    return replace(found, **changes)


def a_reason(rule: str = "breakeven", **changes: Any) -> Reason:
    """Return a rule that was true."""
    reason = Reason(
        rule=rule, wanted="MoveStop", price=100.0, quantity=None, sentence=f"{rule} was true"
    )
    return replace(reason, **changes)


def a_view(symbol: str = "AAPL", **changes: Any) -> ViewRow:
    """Return a market with a fresh quote around 101.00 and nothing known of indicators."""
    bar = Bar(*([NAN] * len(Bar._fields)))._replace(close=101.0, minutes=0.0, closed=0.0)
    view = ViewRow(
        symbol=Symbol(symbol),
        quote_at=NOON,
        bid=D("100.99"),
        ask=D("101.01"),
        feed="iex",
        bar_at=NOON - timedelta(minutes=1),
        bar=tuple(bar),
        fault=None,
    )
    return replace(view, **changes)


def a_symbol_state(symbol: str = "AAPL", **changes: Any) -> SymbolState:
    """Return three closed bars' worth of state."""
    state = SymbolState(
        symbol=Symbol(symbol),
        bar_at=NOON - timedelta(minutes=1),
        since=NOON - timedelta(minutes=3),
        highs=(101.0, 101.25, 101.5),
        lows=(100.0, 100.1, 100.2),
    )
    return replace(state, **changes)


def a_trade(position: Position, **changes: Any) -> TradeRow:
    """Return the trade that closes `position` at +1R by the give-back rule."""
    trade = TradeRow(
        position_id=position.id,
        symbol=position.symbol,
        closed_at=NOON,
        exit_price=D("102"),
        result=D("200"),
        result_r=1.0,
        mae_r=0.25,
        mfe_r=1.5,
        cause="give_back",
    )
    return replace(trade, **changes)


def a_record(
    fence: int, *, tick: int = 0, account_id: AccountId = ACCOUNT, **parts: Any
) -> TickRecord:
    """Return a tick's record with the parts given."""
    return TickRecord(
        **{
            "fence": fence,
            "account_id": account_id,
            "tick_at": pulse(tick),
            "at": pulse(tick) + timedelta(milliseconds=200),
            "source": "monitor",
            **parts,
        }
    )


def an_acknowledgement(
    fence: int, *, tick: int = 0, account_id: AccountId = ACCOUNT, **parts: Any
) -> Acknowledgement:
    """Return what came of a tick's orders."""
    return Acknowledgement(
        **{
            "fence": fence,
            "account_id": account_id,
            "tick_at": pulse(tick),
            "at": pulse(tick) + timedelta(seconds=1),
            **parts,
        }
    )


def ids(*orders: Order) -> frozenset[OrderId]:
    """Return the ids of orders."""
    return frozenset(order.id for order in orders)
