"""One execution of the trader's past, as a broker's export tells it, and its id."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from hashlib import sha256
from typing import Final, Literal, NewType

from stopward.domain.identity import Symbol
from stopward.domain.money import plain
from stopward.errors import InvalidState

ExecutionId = NewType("ExecutionId", str)
ExecutionSide = Literal["buy", "sell"]
Source = Literal["tradervue", "alpaca", "ibkr"]
"""Where an export comes from; ids are unique within one source of one account."""
Effect = Literal["open", "close"]
"""What the export says that an execution does: open (a short sale), or close, and no more."""

LARGEST: Final = Decimal(1_000_000_000)
QUANTITY_PLACES: Final = 9
PRICE_PLACES: Final = 6
EXACT: Final = Context(prec=60)
"""A price has 15 digits and a quantity 18: sums of their products lose nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Shares bought or sold at one price in one instant.

    quantity: shares, above 0. price: dollars a share, above 0. at: UTC. fees: dollars, what was
    charged; below 0 for a rebate. effect: None where the export does not say. initial_stop:
    dollars a share, where the trader wrote it beside the entry, below a buy and above a sell.

    Raises InvalidState for what is none of that, or has more places than are stored.
    """

    id: ExecutionId
    symbol: Symbol
    side: ExecutionSide
    quantity: Decimal
    price: Decimal
    at: datetime
    fees: Decimal
    source: Source
    effect: Effect | None = None
    initial_stop: Decimal | None = None

    def __post_init__(self) -> None:
        _check(self, "quantity", self.quantity, places=QUANTITY_PLACES)
        _check(self, "price", self.price, places=PRICE_PLACES)
        _check(self, "fees", self.fees, places=PRICE_PLACES, may_be_negative=True)
        if self.initial_stop is not None:
            _check(self, "initial stop", self.initial_stop, places=PRICE_PLACES)
            if (self.initial_stop < self.price) != (self.side == "buy"):
                raise InvalidState(
                    f"execution {self.id}: its initial stop was {self.initial_stop}; it lies below "
                    "a buy and above a sell"
                )
        if self.at.tzinfo is None:
            raise InvalidState(f"execution {self.id}: its time was {self.at}, without a zone")

    @property
    def signed(self) -> Decimal:
        """Shares: above 0 when bought, below when sold."""
        return self.quantity if self.side == "buy" else -self.quantity


def derived_id(*, source: Source, account: str, content: str, ordinal: int) -> ExecutionId:
    """Return an id for an execution of an export that gives none; the same for the same row.

    account: the broker's own, empty where the file has none. content: what the row says. ordinal:
    its place among rows that say the same, from 0.
    """
    text = "\n".join((source, account, content, str(ordinal)))
    return ExecutionId(f"derived-{sha256(text.encode()).hexdigest()[:32]}")


def distinct(executions: Iterable[Execution]) -> tuple[Execution, ...]:
    """Return each execution once, in order of source and id.

    Raises InvalidState when one id tells two different executions.
    """
    found: dict[tuple[Source, ExecutionId], Execution] = {}
    for each in executions:
        known = found.setdefault((each.source, each.id), each)
        if known != each:
            raise InvalidState(f"execution {each.id} was told twice, and differently")
    return tuple(found[key] for key in sorted(found))


def _check(
    execution: Execution, name: str, number: Decimal, *, places: int, may_be_negative: bool = False
) -> None:
    exponent = number.as_tuple().exponent
    if (
        not isinstance(exponent, int)
        or (number <= 0 and not may_be_negative)
        or abs(number) >= LARGEST
        or Decimal(plain(number)).as_tuple().exponent < -places  # type: ignore[operator]
    ):
        raise InvalidState(
            f"execution {execution.id}: its {name} was {number}; allowed is a number"
            f"{'' if may_be_negative else ' above 0'}, under {LARGEST:,}, of {places} places"
        )
