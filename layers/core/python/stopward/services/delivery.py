"""Deliver what waits in the outbox: claim, send, settle, until nothing is due or time is short.

A crash between sending and settling repeats the notice once its claim has run out, under the same
id. A channel whose other side does not answer rests, so that it costs one attempt and one time-out,
not one for each notice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from stopward.domain.notices import Claim, Dead, Delivered, Failed, Outcome, PutBack, Status
from stopward.errors import DatabaseUnavailable
from stopward.ports import Notifier, Outbox

BATCH = 20
"""Claims at a time: a crash delays so many for the length of a claim."""
CLAIM_SLACK_SECONDS = 30.0
"""A claim outlives the run that made it by this, so that no other sends what may be on its way."""
SETTLINGS = 2
"""How often settling is tried: what is lost there is sent again."""
OUT_OF_TIME = PutBack(reason="the deliverer ran out of time")


@dataclass(slots=True, kw_only=True)
class DeliverySummary:
    """What one run did; `oldest_pending_seconds` is what waits still."""

    claimed: int = 0
    delivered: int = 0
    retried: int = 0
    put_back: int = 0
    dead: int = 0
    nudged: int = 0
    trimmed: int = 0
    pending: int = 0
    oldest_pending_seconds: float = 0.0

    def counts(self) -> dict[str, float]:
        """Return all numbers by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One deliverer. margin_seconds: remaining time under which no further notice is sent; it must
    cover the longest that sending and settling one may take, for who is cut off in between sends
    it twice.
    """

    outbox: Outbox
    notifier: Notifier
    margin_seconds: float
    batch: int = BATCH

    def run(self, remaining_seconds: Callable[[], float], *, holder: str) -> DeliverySummary:
        """Deliver until nothing is due or time is short; holder names this very run.

        Raises DatabaseUnavailable when the database is gone: what was claimed is claimed again
        later.
        """
        summary = DeliverySummary(nudged=self.outbox.nudge())
        while (left := remaining_seconds()) > self.margin_seconds:
            claims = self.outbox.claim(
                holder=holder, limit=self.batch, seconds=left + CLAIM_SLACK_SECONDS
            )
            if not claims:
                break
            self._deliver(claims, remaining_seconds, holder=holder, summary=summary)
        if remaining_seconds() > self.margin_seconds:
            summary.trimmed = self.outbox.trim()
        backlog = self.outbox.backlog()
        summary.pending = backlog.pending
        summary.oldest_pending_seconds = backlog.oldest_pending_seconds
        return summary

    def _deliver(
        self,
        claims: tuple[Claim, ...],
        remaining_seconds: Callable[[], float],
        *,
        holder: str,
        summary: DeliverySummary,
    ) -> None:
        resting: dict[tuple[str, str], PutBack] = {}
        for claim in claims:
            channel = (claim.account_id, claim.channel)
            if remaining_seconds() <= self.margin_seconds:
                outcome: Outcome = OUT_OF_TIME
            elif channel in resting:
                outcome = resting[channel]
            else:
                outcome = self.notifier.send(claim)
            if (rest := _rest_after(outcome)) is not None:
                resting.setdefault(channel, rest)
            status = self._settle(claim, outcome, holder=holder)
            _count(summary, outcome, status)

    def _settle(self, claim: Claim, outcome: Outcome, *, holder: str) -> Status:
        # What is lost here is sent again, and a reader without memory would see it twice.
        for _ in range(SETTLINGS - 1):
            try:
                return self.outbox.settle(claim, outcome, holder=holder)
            except DatabaseUnavailable:
                continue
        return self.outbox.settle(claim, outcome, holder=holder)


def _rest_after(outcome: Outcome) -> PutBack | None:
    # What the other notices of a channel get once it asked for a rest, or did not answer.
    if isinstance(outcome, Failed | PutBack) and outcome.hold_seconds > 0:
        return PutBack(
            reason=f"its channel rests: {outcome.reason}",
            retry_after_seconds=outcome.hold_seconds,
            hold_seconds=outcome.hold_seconds,
        )
    return None


def _count(summary: DeliverySummary, outcome: Outcome, status: Status) -> None:
    summary.claimed += 1
    match outcome:
        case Delivered():
            summary.delivered += 1
        case Failed() | PutBack() | Dead() if status == "dead":
            summary.dead += 1
        case Failed() | Dead():
            summary.retried += 1
        case PutBack():
            summary.put_back += 1
        case _:
            assert_never(outcome)
