"""A closed trade with what its counterfactual needs, and what came of asking for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import Session
from stopward.domain.money import Side
from stopward.domain.rule_set import RuleSet
from stopward.rules.codes import RULE_VERSION
from stopward.rules.parameters import Rules

VERSION: Final = f"{RULE_VERSION}/1"
"""Of what is computed here: the rules, and the way of asking. Stored with every figure."""
RULES: Final = Rules._fields
"""Rules that can be left out; what a resting stop or a hand closed is no rule's doing."""

Because = Literal["no_rules", "entry_changed", "by_hand", "not_reproduced", "no_bars", "bars_end"]
BECAUSE: Final[Mapping[Because, str]] = {
    "no_rules": "the journal does not say any more which rules guarded it",
    "entry_changed": "shares were added while it was guarded, or it was split",
    "by_hand": "the trader or the broker closed part of it",
    "not_reproduced": "closed bars alone end it otherwise than it was lived",
    "no_bars": "there is no bar at its entry",
    "bars_end": "the bars end, or have a hole, before it would have ended",
}
"""Why a figure is unknown, in words."""
WAITING: Final[tuple[Because, ...]] = ("no_bars", "bars_end")
"""What more bars may change: such a figure is asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """Which rules guarded a position from a tick on.

    rule_set: digest of the numbers. rules_hash: of the file they come from. measured: as in
    `DecisionRow`.
    """

    since: datetime
    rule_set: str
    rules_hash: str
    measured: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A limit of the day that had acted: its rule, and when that was known."""

    rule: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """One trade of an account.

    quantity: shares when it was guarded first. result_r: after fees; None when it is no number.
    cause: what closed it last. exits: what closed parts of it: rules, `stop`, `by_hand`, ...
    asked: rules among them whose figure is wanted. guarded: in order of time; empty when the
    journal tells nothing. locks: limits of the day that acted in sessions that it lived in.
    """

    position_id: PositionId
    symbol: Symbol
    session_day: str
    side: Side
    quantity: Decimal
    average_entry: Decimal
    initial_stop: Decimal
    risk: Decimal
    target: Decimal | None = None
    lot: Decimal
    tick: Decimal
    fees_per_share: Decimal
    opened_at: datetime
    closed_at: datetime
    result_r: Decimal | None
    cause: str
    tags: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    exits: tuple[str, ...]
    asked: tuple[str, ...]
    guarded: tuple[Guarded, ...] = ()
    locks: tuple[Lock, ...] = ()


Place = tuple[str, str]
"""Of a trade among those that wait: session, position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePage:
    """Trades with rules whose figures are wanted, by session and position.

    rule_sets: those that the trades name, by digest. rules_toml: the files, by hash. sessions: of
    the exchange, from before the first trade to after the last. usual_volume: by symbol, of each
    minute of the session from 0 on, nan when unknown. unreadable: what is wrong with the rows of
    other trades, a sentence each. after: the place of the page's last trade, None on the last page.
    """

    trades: tuple[ClosedTrade, ...]
    unreadable: tuple[str, ...] = ()
    rule_sets: Mapping[str, RuleSet] = field(default_factory=dict)
    rules_toml: Mapping[str, str] = field(default_factory=dict)
    sessions: tuple[Session, ...] = ()
    usual_volume: Mapping[Symbol, tuple[float, ...]] = field(default_factory=dict)
    after: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one trade would have brought without one rule, in R after fees.

    without_r: None when unknown; because: why, None when it is known.
    """

    position_id: PositionId
    rule: str
    without_r: Decimal | None
    because: Because | None
    version: str = VERSION
