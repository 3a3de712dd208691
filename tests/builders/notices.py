"""Claims as a deliverer gets them."""

from dataclasses import replace
from typing import Any

from stopward.domain.notices import Claim


def a_claim(number: int = 1, **changes: Any) -> Claim:
    """Return a warning about a missing stop, on its way to a webhook."""
    claim = Claim(
        id=f"00000000-0000-4000-8000-{number:012d}",
        account_id="acc",
        account="Desk",
        channel="desk",
        kind="webhook",
        address="https://hooks.example.com/in",
        secret="s" * 24,
        attempt=1,
        about="alarm",
        key=f"k{number}",
        severity="warning",
        title="The stop was missing",
        said={"symbol": "AAPL"},
        at="2026-11-23T17:00:00+00:00",
    )
    return replace(claim, **changes)
