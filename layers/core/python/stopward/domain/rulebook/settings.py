"""What a rules file says besides rules: whom we may touch, and the limits of the day."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple, cast

from stopward.domain.identity import Symbol
from stopward.domain.snapshot import Adoption
from stopward.rules.parameters import DayLoss, DayProfit

WARN_AT: Final = (0.75, 0.9)
"""Shares of the daily loss limit at which the trader is warned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """Whom we may touch, and what an order costs.

    hands_off_tag: a symbol or position that carries it is never touched, whatever else is said.
    session_flat_tag: the session flat closes a position held overnight only when it carries this.
    fees_per_share: dollars a share for the round trip. max_quote_age_seconds: an older quote is not
    used. missing_stop_atr: daily ATRs from entry to the stop of an adopted position that had none.
    """

    adopt: Adoption = "listed"
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    hands_off_tag: str = "hands-off"
    session_flat_tag: str = "day"
    fees_per_share: Decimal = Decimal(0)
    max_quote_age_seconds: float = 15.0
    missing_stop_atr: float = 1.5

    def refusal(self, symbol: Symbol, tags: Collection[str]) -> str | None:
        """Return why a position must not be touched, in words; None when it may be."""
        if self.hands_off_tag in tags:
            return f'it is tagged "{self.hands_off_tag}"'
        if symbol in self.deny:
            return "account.deny names it"
        if self.adopt == "all":
            return None
        if self.adopt == "none":
            return 'account.adopt is "none"'
        if symbol in self.allow or tags:
            return None
        return 'account.adopt is "listed": account.allow does not name it and it has no tag'


class LossStreak(NamedTuple):
    """Losing trades in a row: `pause_after` ask for `pause_minutes` of rest, `stop_after` end it.

    A notice and a veto for signals; open positions stay guarded.
    """

    pause_after: float
    pause_minutes: float
    stop_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of the day, over all positions of the account; None where one is off."""

    day_loss: DayLoss | None = None
    day_profit: DayProfit | None = None
    loss_streak: LossStreak | None = None


def account_settings(**values: object) -> AccountSettings:
    """Build the settings from values as the schema read them."""
    return AccountSettings(
        adopt=cast("Adoption", values["adopt"]),
        allow=cast("tuple[str, ...]", values["allow"]),
        deny=cast("tuple[str, ...]", values["deny"]),
        hands_off_tag=cast("str", values["hands_off_tag"]),
        session_flat_tag=cast("str", values["session_flat_tag"]),
        fees_per_share=cast("Decimal", values["fees_per_share"]),
        max_quote_age_seconds=cast("float", values["max_quote_age_seconds"]),
        missing_stop_atr=cast("float", values["missing_stop_atr"]),
    )
