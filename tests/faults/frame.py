"""A tick in progress, how it ends at once, and the timeline's lines."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.snapshot import Snapshot
from tests.builders.faults import Wake


class KillTick(BaseException):
    """The process ends here; nothing that catches errors may catch this."""


class Broken(BaseException):
    """An invariant does not hold. Not an Exception, so that no guard survives it."""


@dataclass(slots=True, kw_only=True)
class Frame:
    """One tick in progress, as the boundary sees it.

    listed_at: when it last read the list of positions; at first when it began. told: shares by
    symbol, as last answered to this tick. fresh: symbols read after the last change that this tick
    asked for. canceled: orders that it asked to cancel and has not seen final, with their symbol.
    writes: requests to change something at the broker. watched: symbols that were off limits when
    it began. unanswered: orders sent without an answer, which may be sent again as they were. seen:
    calls by the words they begin with. closed: symbols of which this tick wrote a trade. snapshot:
    what it began with, once it has the lease.
    """

    wake: Wake
    began_at: datetime
    listed_at: datetime = field(init=False)
    calls: int = 0
    faults: int = 0
    hands: int = 0
    writes: int = 0
    told: dict[Symbol, Decimal] = field(default_factory=dict)
    fresh: set[Symbol] = field(default_factory=set)
    canceled: dict[BrokerOrderId, Symbol] = field(default_factory=dict)
    watched: frozenset[Symbol] = frozenset()
    unanswered: set[str] = field(default_factory=set)
    seen: dict[str, set[int]] = field(default_factory=dict)
    closed: set[Symbol] = field(default_factory=set)
    snapshot: Snapshot | None = None

    def __post_init__(self) -> None:
        """Nothing was read yet."""
        self.listed_at = self.began_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the timeline."""

    at: datetime
    depth: int
    who: str
    what: str
    effect: str
