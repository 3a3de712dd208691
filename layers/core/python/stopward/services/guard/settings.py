"""What one function needs to know of itself to guard an account."""

from dataclasses import dataclass

from stopward.domain.identity import AccountId
from stopward.domain.rulebook import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What one function needs to know of itself.

    source: its name, for the journal. mask: which rules it may apply. lease_seconds: how long a
    pulse may hold the account. busy_seconds: how long a busy lease is retried. account_number: the
    broker's number of the account; empty when any account that the keys open is meant.
    """

    account_id: AccountId
    source: str
    mask: Mask = "all"
    lease_seconds: float = 15.0
    lease_margin_seconds: float = 2.0
    busy_seconds: float = 2.0
    account_number: str = ""
