"""Walk a lived trade again over closed bars, with all its rules and without one of them.

Both are walks, so that what bars get wrong is in both and falls out: a rule saved what the trade
brings with it less what it brings without it. The walk with all rules must end as the trade was
lived; where it does not, what bars cannot show decided, and nothing is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from stopward.domain.attribution.stints import Stint, stints
from stopward.domain.attribution.track import HOLE_MINUTES, MINUTE, Track
from stopward.domain.attribution.trade import Because, ClosedTrade, Figure
from stopward.domain.money import decimal_of, sign
from stopward.domain.position import REBASED
from stopward.domain.rule_set import RuleSet
from stopward.domain.split import SPLIT
from stopward.rules.booking import EXECUTABLE, HALF_SPREAD_OR_TICK, Terms
from stopward.rules.codes import RULE_NAMES
from stopward.rules.columns import Entries, Exits, Log, Market
from stopward.rules.course import MOST_EXITS, opened
from stopward.rules.kernel import BOOKS_TARGET
from stopward.rules.parameters import Rules
from stopward.rules.profit import target_price
from stopward.rules.types import NAN, Account, Bar
from stopward.rules.walk import ended, run

TERMS: Final = Terms(EXECUTABLE, BOOKS_TARGET, HALF_SPREAD_OR_TICK)
"""What live can do; stops slip, and of stop and target in one bar the stop: pessimistic."""
NEAR_R: Final = 0.25
"""So far from what was lived the walk with all rules may end, in R. [judgement]"""
STOPS: Final = frozenset(
    {"stop", "day_loss", "breakeven", "ratchet", "chandelier", "percent_trail", "bar_trail",
     "average_trail", "follow_targets"}
)  # fmt: skip
"""What may have put a stop where it filled: live it is named, in a walk it is the stop."""
BY_SCORE: Final = "model_tighten"
"""It goes by scores, which are no bars: what it closed no walk tells, and never as nothing."""
NO_BAR: Final = Bar(*([NAN] * len(Bar._fields)))
NINTH_PLACE: Final = Decimal("0.000000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a walk ended. result_r: after slippage, before fees; rules: of its fills, in order.

    is_open: the bars ended first, and the last close was booked.
    """

    result_r: float
    is_open: bool
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A trade with the bars that it may live in: from `first` to `end`, exclusive.

    at_open: 1 when the entry is at the open of the first; 0 when it is inside it, and the bar is
    passed over.
    """

    trade: ClosedTrade
    track: Track
    first: int
    at_open: float
    end: int
    stints: Sequence[Stint]


def figures(
    trade: ClosedTrade,
    track: Track,
    rule_sets: Mapping[str, RuleSet],
    *,
    session_flat_tag: str,
) -> tuple[Figure, ...]:
    """Return what a trade would have brought without each rule that is asked for.

    track: from the open of the session of its entry on, as far as bars are known. session_flat_tag:
    as in `AccountSettings`. Raises InvalidState for a rule set that cannot be read.
    """
    because = _unfit(trade, rule_sets)
    found = None if because is not None else _entry_bar(trade, track)
    if found is None:
        return _all_unknown(trade, because or "no_bars")
    first, at_open = found
    end = track.hole(first)
    course = Course(
        trade=trade,
        track=track,
        first=first,
        at_open=at_open,
        end=end,
        stints=tuple(
            stints(trade, track, rule_sets, first=first, end=end, session_flat_tag=session_flat_tag)
        ),
    )
    lived = walked(course)
    because = _doubt(course, lived)
    if because is not None:
        return _all_unknown(trade, because)
    return tuple(_figure(course, lived, rule) for rule in trade.asked)


def walked(course: Course, *, without: str | None = None) -> Ending:
    """Walk a trade to its end, or to that of its bars, `without` one of its rules."""
    exits = Exits(*([0.0] * MOST_EXITS for _ in Exits._fields))
    log = Log(exits, None)
    entries = _entries(course, _less(course.stints[0].rules, without))
    here = opened(entries, 0)
    for stint in course.stints:
        rules = _less(stint.rules, without)
        market = Market(course.track.columns(rules), None)
        account = Account(0.0, 0.0, 0.0, 0.0, stint.locked, 0.0)
        if here.state.quantity > 0.0:
            here = run(here, 0, stint.until, entries, market, account, rules, TERMS, log, None)
    is_open = here.state.quantity > 0.0
    here = ended(here, 0, entries, market, TERMS, log)
    sold = int(here.tally.sold)
    return Ending(
        result_r=here.tally.slipped_r,
        is_open=is_open,
        rules=tuple(RULE_NAMES[int(exits.rule[slot])] for slot in range(sold)),
    )


def _figure(course: Course, lived: Ending, rule: str) -> Figure:
    trade = course.trade
    if all(getattr(stint.rules, rule) is None for stint in course.stints):
        # Such as a target of the trader's own, which has the name of a rule.
        return _unknown(trade, rule, "by_hand")
    other = walked(course, without=rule)
    if trade.result_r is None or (rule not in STOPS and rule not in lived.rules):
        return _unknown(trade, rule, "not_reproduced")
    if other.is_open:
        return _unknown(trade, rule, "bars_end")
    saved = decimal_of(lived.result_r - other.result_r, NINTH_PLACE)
    return Figure(
        position_id=trade.position_id, rule=rule, without_r=trade.result_r - saved, because=None
    )


def _all_unknown(trade: ClosedTrade, because: Because) -> tuple[Figure, ...]:
    return tuple(_unknown(trade, rule, because) for rule in trade.asked)


def _unknown(trade: ClosedTrade, rule: str, because: Because) -> Figure:
    return Figure(position_id=trade.position_id, rule=rule, without_r=None, because=because)


def _unfit(trade: ClosedTrade, rule_sets: Mapping[str, RuleSet]) -> Because | None:
    """Return why a trade cannot be walked at all."""
    if not {REBASED, SPLIT}.isdisjoint(trade.flags):
        return "entry_changed"
    if not set(trade.exits) <= set(RULE_NAMES):
        return "by_hand"
    if BY_SCORE in (*trade.exits, trade.cause):
        return "not_reproduced"
    if not trade.guarded or any(each.rule_set not in rule_sets for each in trade.guarded):
        return "no_rules"
    return None


def _doubt(course: Course, lived: Ending) -> Because | None:
    """Return why the walk with all rules is not the trade that was lived."""
    trade = course.trade
    if lived.is_open:
        known_until = course.track.bars[course.end - 1].at + MINUTE
        return "bars_end" if known_until < trade.closed_at else "not_reproduced"
    if trade.result_r is None:
        return "not_reproduced"
    before_fees = float(trade.result_r + trade.fees_per_share / trade.risk)
    ends = {lived.rules[-1], trade.cause}
    is_near = abs(lived.result_r - before_fees) <= NEAR_R
    return None if is_near and (len(ends) == 1 or ends <= STOPS) else "not_reproduced"


def _less(rules: Rules, rule: str | None) -> Rules:
    return rules if rule is None else rules._replace(**{rule: None})


def _entry_bar(trade: ClosedTrade, track: Track) -> tuple[int, float] | None:
    """Return its first bar, and 1 when the entry is at its open; None when none is near."""
    place = track.after(trade.opened_at)
    if place > 0:
        at = track.bars[place - 1].at
        if trade.opened_at < at + MINUTE:
            return place - 1, float(at == trade.opened_at)
    if place == len(track) or track.gap_minutes(trade.opened_at, place) > HOLE_MINUTES:
        return None
    return place, 1.0


def _entries(course: Course, rules: Rules) -> Entries:
    trade = course.trade
    entries = Entries(
        side=[float(sign(trade.side))],
        entry=[float(trade.average_entry)],
        risk=[float(trade.risk)],
        quantity=[float(trade.quantity)],
        lot=[float(trade.lot)],
        per_unit=[float(1 / trade.tick)],
        stop=[float(trade.initial_stop)],
        target=[NAN if trade.target is None else float(trade.target)],
        fees=[float(trade.fees_per_share)],
        start=[course.first],
        end=[course.end],
        at_open=[course.at_open],
    )
    if trade.target is not None:
        return entries
    return entries._replace(target=[target_price(opened(entries, 0).state, NO_BAR, rules.target)])
