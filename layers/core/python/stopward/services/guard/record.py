"""Put one tick into one record, to be written before anything is sent. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from stopward.domain.adoption import HALTED_TAG
from stopward.domain.decision import Hold
from stopward.domain.money import plain
from stopward.domain.orders import SIZED
from stopward.domain.rule_set import RuleSet
from stopward.domain.snapshot import Alarm, Observation, TickRecord
from stopward.errors import StopwardError
from stopward.services.guard.bench import Bench
from stopward.services.guard.judge import Judgement
from stopward.services.guard.plans import Planned
from stopward.services.guard.subject import Beliefs, Subject

TOLD_ANEW = (
    "broker_unavailable", "day_loss_near", "entry_missing", "journal_failed", "loss_streak",
    "market_data_unavailable", "other_account", "position_doubtful", "position_missing",
    "quantity_unexplained", "rules_invalid", "session_missing", "steps_unsent", "unguarded",
    "unprotected",
)  # fmt: skip
"""Kinds that a tick raises while they last: what it does not raise again is over."""


def tick_record(
    bench: Bench,
    beliefs: Beliefs,
    judgement: Judgement,
    planned: Sequence[Planned],
    *,
    at: datetime,
    lease_seconds: float,
) -> TickRecord:
    """Return everything the tick learned, decided and intends; the lease is kept only to act."""
    snapshot = bench.snapshot
    before = {position.id: position for position in snapshot.positions}
    positions = [each.subject.position for each in judgement.judged]
    orders = tuple(step for each in planned for step in each.steps)
    naked = [each.subject for each in judgement.judged if is_unprotected(each.subject)]
    return TickRecord(
        fence=snapshot.fence,
        account_id=snapshot.account.id,
        tick_at=bench.tick_at,
        at=at,
        source=bench.source,
        positions=tuple(
            p for p in (*positions, *beliefs.closed, *beliefs.aside) if before.get(p.id) != p
        ),
        symbols=judgement.symbols,
        views=judgement.views,
        rule_sets=_rule_sets(bench, judgement),
        decisions=tuple(each.row for each in judgement.judged if each.row is not None),
        orders=orders,
        settled=beliefs.settled,
        trades=beliefs.trades,
        observations=(*beliefs.observations, *beyond_fills(planned)),
        alarms=(
            *beliefs.alarms,
            *judgement.alarms,
            *bench.alarms,
            *(_unprotected_alarm(subject) for subject in naked),
            *_session_alarm(bench),
        ),
        cleared=(*beliefs.cleared, *TOLD_ANEW, *_resolved(bench)),
        day=None if bench.session is None else judgement.day,
        halted_symbols=beliefs.halted_symbols,
        lease_seconds=lease_seconds,
        release=not orders,
    )


def _rule_sets(bench: Bench, judgement: Judgement) -> tuple[RuleSet, ...]:
    """Return the rules that the decisions name, each once."""
    found = (
        bench.rule_set_for(each.subject.position)
        for each in judgement.judged
        if each.row is not None
    )
    return tuple({rule_set.digest: rule_set for rule_set in found}.values())


def beyond_fills(planned: Iterable[Planned]) -> tuple[Observation, ...]:
    """Return what the broker holds where orders go by that, because fills explain fewer shares."""
    return tuple(
        Observation(
            position_id=each.position.id,
            symbol=each.position.symbol,
            kind="held",
            cause="broker",
            detail={"quantity": plain(each.holding.quantity(each.position.side))},
        )
        for each in planned
        if sum(o.quantity for o in each.steps if o.step in SIZED) > each.position.quantity
    )


def _resolved(bench: Bench) -> tuple[str, ...]:
    """Return the kind `side_flipped` once a person took the last `halted` tag off."""
    halted = any(HALTED_TAG in tags for tags in bench.snapshot.tags.values())
    return () if halted else ("side_flipped",)


def without_holds(record: TickRecord, error: StopwardError) -> TickRecord:
    """Return the record without its holds and views: what protects must still be written.

    What is left cannot be decided again, and says so.
    """
    alarm = Alarm(
        key="journal_failed",
        kind="journal_failed",
        symbol=None,
        message=f"the journal of this tick could not be written: {error}",
        severity="critical",
    )
    acted = tuple(
        replace(row, circumstances=None)
        for row in record.decisions
        if not isinstance(row.decision, Hold)
    )
    return replace(record, decisions=acted, rule_sets=(), views=(), alarms=(*record.alarms, alarm))


def is_unprotected(subject: Subject) -> bool:
    """Whether shares of the position have neither a resting stop nor a working exit."""
    side = subject.position.side
    held = subject.holding.quantity(side)
    working = subject.exit_at_broker
    leaving = working.open_quantity if working is not None and working.is_working else 0
    return held > 0 and subject.holding.covered_quantity(side) + leaving < held


def _unprotected_alarm(subject: Subject) -> Alarm:
    position = subject.position
    held = subject.holding.quantity(position.side)
    covered = subject.holding.covered_quantity(position.side)
    return Alarm(
        key=f"unprotected:{position.symbol}",
        kind="unprotected",
        symbol=position.symbol,
        message=f"{position.symbol}: stops cover {covered} of {held} shares",
        severity="critical",
    )


def _session_alarm(bench: Bench) -> tuple[Alarm, ...]:
    """Without session rows the market counts as closed, loudly."""
    if bench.session is not None:
        return ()
    return (
        Alarm(
            key="session_missing",
            kind="session_missing",
            symbol=None,
            message=(
                f"no session row covers {bench.tick_at:%Y-%m-%d %H:%M} UTC: "
                "no rule acts, stops rest"
            ),
            severity="notice",
        ),
    )
