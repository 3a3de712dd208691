"""What the broker's rate headers say: how many requests are left, and until when to wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LONGEST_WAIT_SECONDS = 120.0
"""A wait beyond this is a clock that disagrees with ours: rate windows last a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWindow:
    """One answer's rate headers; None where the header was absent or unreadable.

    limit: requests a window; remaining: those left in it; resets_at: when the window starts anew.
    retry_after_seconds: how long to stay away, when the broker said so.
    """

    limit: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None
    retry_after_seconds: float | None = None

    def remaining_at(self, now: datetime) -> int | None:
        """Return the requests left at `now`: the whole limit once the window has passed."""
        if self.resets_at is not None and now >= self.resets_at:
            return self.limit
        return self.remaining

    def wait_seconds(self, now: datetime) -> float | None:
        """Return how long to stay away after a 429; None when the broker did not say."""
        if self.retry_after_seconds is not None:
            return min(self.retry_after_seconds, LONGEST_WAIT_SECONDS)
        if self.resets_at is not None:
            return min(max((self.resets_at - now).total_seconds(), 0.0), LONGEST_WAIT_SECONDS)
        return None


def read_window(headers: Mapping[str, str]) -> RateWindow:
    """Read X-RateLimit-Limit, -Remaining, -Reset (epoch seconds) and Retry-After (seconds)."""
    reset = _number(headers.get("X-RateLimit-Reset"))
    limit = _number(headers.get("X-RateLimit-Limit"))
    remaining = _number(headers.get("X-RateLimit-Remaining"))
    return RateWindow(
        limit=None if limit is None else int(limit),
        remaining=None if remaining is None else int(remaining),
        resets_at=None
        if reset is None
        else datetime.fromtimestamp(0, UTC) + timedelta(seconds=reset),
        retry_after_seconds=_number(headers.get("Retry-After")),
    )


def _number(text: str | None) -> float | None:
    # A header is advice: one that cannot be read is as good as none. Dates in Retry-After count so.
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e11 else None
