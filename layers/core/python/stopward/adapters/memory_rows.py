"""Rows that the store in memory keeps beside those of the domain."""

from dataclasses import dataclass
from datetime import datetime

from stopward.domain.attribution.trade import Figure
from stopward.domain.identity import PositionId
from stopward.domain.orders import Order
from stopward.domain.snapshot import Alarm, DecisionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may act: `until` by the store's clock; `fence` is one more for each new holder."""

    holder: str
    until: datetime
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """An order as it stood after a change."""

    order: Order
    tick_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """A decision, and how far it runs: its last pulse and the number of pulses.

    telling: more than 1 where a pulse was run again and decided otherwise.
    """

    row: DecisionRow
    last_tick_at: datetime
    ticks: int = 1
    telling: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRow:
    """An alarm and how often it was seen; open while `cleared_at` is None."""

    alarm: Alarm
    first_at: datetime
    last_tick_at: datetime
    count: int = 1
    cleared_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFigure:
    """What a trade would have brought without a rule, and when that was put."""

    figure: Figure
    at: datetime


VectorKey = tuple[PositionId, str, str, datetime | None]
"""Of a vector: position, kind, schema, and its time where a position has many of that kind."""
