"""What each rule saved or cost: the same positions under the same rules without it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopward.domain.rulebook import RuleBook
from stopward.replay.paired import Interval, differ, difference, entry_days, interval
from stopward.replay.results import Results
from stopward.replay.silence import book_without, is_unheard, rules_on
from stopward.replay.table import Floats

Replayed = Callable[[RuleBook], Results]
"""Replays the positions under rules; called once with all, and once without each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWorth:
    """One rule. fired: positions that come out otherwise without it.

    saved: sum of what those gained by it, in R; cost: of what the others lost, 0 or less; net: both
    with its interval. unknown: positions that outlive their bars with or without it, or are held
    over a hole in them, so that what it did is not known; they are in no sum.
    """

    rule: str
    fired: int
    saved: float
    cost: float
    net: Interval
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Positions under all their rules, and what each rule did.

    saved_r: by rule, R with it minus R without it for each position, after costs; 0 where it did
    nothing, nan where that is unknown.
    """

    results: Results
    worth: tuple[RuleWorth, ...]
    saved_r: Mapping[str, Floats]


def attribute(book: RuleBook, replayed: Replayed) -> Attribution:
    """Return what each rule that is on saved or cost; of one that a replay never hears, nothing.

    A limit of the day acts across positions: without a rule other positions may be cut at another
    time, and that counts as its doing. Figures of rules do not add up to the result: two rules may
    save the same loss.
    """
    with_all = replayed(book)
    days = entry_days(with_all)
    worth, saved_r = [], {}
    for rule in rules_on(book):
        if is_unheard(book, rule):
            # Both replays would be the same, and say nothing.
            saved_r[rule] = np.full(len(with_all), np.nan)
            worth.append(worth_of(rule, saved_r[rule], days, fired=0))
            continue
        without = replayed(book_without(book, rule))
        saved = difference(with_all, without)
        saved_r[rule] = saved
        fired = int(differ(with_all, without).sum())
        worth.append(worth_of(rule, saved, days, fired=fired))
    return Attribution(results=with_all, worth=tuple(worth), saved_r=saved_r)


def worth_of(rule: str, saved: Floats, days: NDArray[np.int64], *, fired: int) -> RuleWorth:
    """Return what a rule was worth. saved: R by position, nan unknown; days: of each position."""
    known = saved[~np.isnan(saved)]
    return RuleWorth(
        rule=rule,
        fired=fired,
        saved=float(known[known > 0].sum()),
        cost=float(known[known < 0].sum()),
        net=interval(saved, days),
        unknown=int(np.isnan(saved).sum()),
    )
