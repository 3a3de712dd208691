"""What one tick did, in counts: the log line and the metrics are made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

from stopward.domain.decision import Exit, Reduce
from stopward.services.guard.confirm import Confirmed
from stopward.services.guard.judge import Judgement
from stopward.services.guard.plans import Planned
from stopward.services.guard.record import is_unprotected
from stopward.services.guard.subject import Beliefs


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of one tick, or of several added up.

    ticks: pulses that held the lease; busy: pulses that did not get it. positions: guarded ones.
    orders_rejected: ours that were refused, also those of an earlier tick that was not told so.
    unprotected: guarded positions that were found without a full stop. failures: positions or calls
    that failed; the tick went on. unprotected_seconds: time between the release of a stop and the
    acceptance of what follows, or until arming.
    """

    ticks: int = 0
    busy: int = 0
    positions: int = 0
    adopted: int = 0
    decisions: int = 0
    exits: int = 0
    reduces: int = 0
    moves: int = 0
    arms: int = 0
    orders_sent: int = 0
    orders_rejected: int = 0
    trades: int = 0
    alarms: int = 0
    unprotected: int = 0
    unusable_views: int = 0
    failures: int = 0
    unprotected_seconds: float = 0.0

    def plus(self, other: Self) -> Self:
        """Return the sum of both, field by field."""
        return type(self)(
            **{
                item.name: getattr(self, item.name) + getattr(other, item.name)
                for item in fields(self)
            }
        )

    def counts(self) -> dict[str, float]:
        """Return the counts by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def summarize(
    beliefs: Beliefs,
    judgement: Judgement,
    planned: Sequence[Planned],
    confirmed: Confirmed,
    *,
    failures: int = 0,
) -> Summary:
    """Return the counts of a tick that looked, judged and acted."""
    decisions = [each.decision for each in judgement.judged if each.decision is not None]
    steps = [order.step for order in confirmed.orders]
    return Summary(
        ticks=1,
        positions=len(judgement.judged),
        adopted=sum(subject.is_new for subject in beliefs.subjects),
        decisions=len(decisions),
        exits=sum(isinstance(decision, Exit) for decision in decisions),
        reduces=sum(isinstance(decision, Reduce) for decision in decisions),
        moves=steps.count("move"),
        arms=steps.count("arm"),
        orders_sent=len(confirmed.orders),
        orders_rejected=sum(
            order.status == "rejected" for order in (*beliefs.settled, *confirmed.orders)
        ),
        trades=len(beliefs.trades) + len(confirmed.trades),
        alarms=len(beliefs.alarms) + len(judgement.alarms) + len(confirmed.alarms),
        unprotected=sum(is_unprotected(each.subject) for each in judgement.judged),
        unusable_views=sum(view.fault is not None for view in judgement.views),
        failures=failures,
        unprotected_seconds=sum(confirmed.unprotected_seconds.values()),
    )
