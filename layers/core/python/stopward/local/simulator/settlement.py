"""Changes that the broker has acknowledged and not yet carried out.

A new order, a cancel and a replace are answered at once and take effect later: just before the
`calls`-th request after the one that asked for them is served, or when the clock reaches `after`
past the asking, whichever comes first. By default that is the next request or the next step of the
clock, so that the answer always shows the pending status and a read after it the outcome.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from stopward.domain.identity import BrokerOrderId

ChangeKind = Literal["accept", "cancel", "replace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """How long an acknowledged change takes; calls None: wait for the clock alone."""

    calls: int | None = 1
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """One change to be carried out; calls_left None when only the clock brings it about."""

    kind: ChangeKind
    order_id: BrokerOrderId
    due_at: datetime
    calls_left: int | None


class Queue:
    """Pending changes, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._pending: list[Pending] = []

    def add(
        self, kind: ChangeKind, order_id: BrokerOrderId, *, now: datetime, settling: Settling
    ) -> None:
        """Put a change in the queue."""
        self._pending.append(
            Pending(
                kind=kind, order_id=order_id, due_at=now + settling.after, calls_left=settling.calls
            )
        )

    def count_call(self) -> list[Pending]:
        """Count one request; remove and return the changes that are due before it is served."""
        counted = [
            p if p.calls_left is None else replace(p, calls_left=p.calls_left - 1)
            for p in self._pending
        ]
        due = [p for p in counted if p.calls_left is not None and p.calls_left <= 0]
        self._pending = [p for p in counted if p.calls_left is None or p.calls_left > 0]
        return due

    def due_by(self, moment: datetime) -> list[Pending]:
        """Remove and return the changes that are due by the clock at `moment`."""
        if not self._pending:
            return []
        due = [p for p in self._pending if p.due_at <= moment]
        self._pending = [p for p in self._pending if p.due_at > moment]
        return due

    def drain(self) -> list[Pending]:
        """Remove and return every pending change."""
        pending, self._pending = self._pending, []
        return pending

    def next_due(self, after: datetime, *, latest: datetime) -> datetime:
        """Return when the next change falls due; `latest` when none does before that."""
        due = (p.due_at for p in self._pending if after < p.due_at < latest)
        return min(due, default=latest)
