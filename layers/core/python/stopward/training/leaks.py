"""Leaks: features that know the outcome, and edges that stay where there can be none."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from stopward.errors import InvalidInput
from stopward.training.bootstrap import DRAWS, estimates
from stopward.training.candidates import Candidate
from stopward.training.dataset import Booleans, Dataset, Floats, Integers
from stopward.training.fit import Unfittable, out_of_fold
from stopward.training.gates import Gate
from stopward.training.judging import metrics
from stopward.training.scores import Pairs, auc

MOST_AUC: Final = 0.75
"""Of a feature alone, in either direction; nothing known before a trade is that good. What is known
of one that is open can be: `stopward.training.kinds` says which."""
LEAST_OF_A_CLASS: Final = 30
"""Winners, and losers, under which a feature's AUC is not told apart from chance. [judgement]"""
TOGETHER: Final = 5
"""Trades that are permuted among each other at least; thin days are joined with the next."""
PERMUTED_TAIL: Final = 0.01
"""Of the bound under the permutation: honest days must not raise the alarm by chance."""
SEED: Final = 20260102
PLANTED: Final = "planted_leak"
NAMES_TOLD: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A feature and how well it alone tells winners from losers: 0.5 to 1, either direction."""

    name: str
    auc: float


def suspects(trades: Dataset) -> tuple[Suspect, ...]:
    """Return each feature's AUC, the highest first.

    Of its value where it is there, or of whether it is missing, whichever tells more. Nothing is
    said of a feature with too few winners or losers on a side of that.
    """
    won = trades.won
    found = []
    for place, name in enumerate(trades.names):
        column = trades.x[:, place].astype(np.float64)
        there = ~np.isnan(column)
        sides = [_one_sided(column[there], won[there])]
        if min(int(there.sum()), int((~there).sum())) >= LEAST_OF_A_CLASS:
            sides.append(_one_sided(there.astype(np.float64), won))
        found.append(Suspect(name=name, auc=max(sides)))
    return tuple(sorted(found, key=lambda suspect: (-suspect.auc, suspect.name)))


def feature_gate(trades: Dataset, *, allowed: Collection[str] = ()) -> Gate:
    """Return whether no feature alone is too good; `allowed` are those that a person looked at.

    Raises InvalidInput for an allowed name that is no feature.
    """
    unknown = sorted(set(allowed) - set(trades.names))
    if unknown:
        raise InvalidInput(f"allow-listed features were unknown: {', '.join(unknown)}")
    judged = [suspect for suspect in suspects(trades) if suspect.name not in allowed]
    over = [suspect for suspect in judged if suspect.auc > MOST_AUC]
    top = judged[0] if judged else Suspect(name="none", auc=0.5)
    told = ", ".join(f"{one.name} {one.auc:.3f}" for one in over[:NAMES_TOLD])
    more = f" and {len(over) - NAMES_TOLD} more" if len(over) > NAMES_TOLD else ""
    return Gate(
        name="single_feature_auc",
        kind="leak",
        passed=not over,
        figure=top.auc,
        bound=MOST_AUC,
        says=f"alone over {MOST_AUC}: {told}{more}; find out why, then leave out or allow-list"
        if over
        else f"the best feature alone is {top.name} with AUC {top.auc:.3f}; at most {MOST_AUC}",
    )


def planted_gate(trades: Dataset) -> Gate:
    """Return whether the detector fires at a feature made of the outcome: it must."""
    random = np.random.default_rng(SEED)
    leak = trades.won + random.normal(0.0, 0.5, len(trades))
    seeded = replace(
        trades,
        x=np.column_stack((trades.x, leak.astype(np.float32))),
        names=(*trades.names, PLANTED),
    )
    found = next(suspect for suspect in suspects(seeded) if suspect.name == PLANTED)
    return Gate(
        name="planted_leak_found",
        kind="leak",
        passed=found.auc > MOST_AUC,
        figure=found.auc,
        bound=MOST_AUC,
        says=f"a feature made of the outcome has AUC {found.auc:.3f}; must be over {MOST_AUC}",
    )


def permuted_gate(
    trades: Dataset,
    tried: Sequence[Candidate],
    *,
    folds: int,
    plain: Sequence[Candidate] = (),
    draws: int = DRAWS,
) -> Gate:
    """Return whether labels permuted within the day are refused, as they must be.

    A model may rightly know good days from bad ones, and that stays under the permutation: so it
    is pairs within a day that must not be told apart any more.
    """
    together = joined_days(trades.day)
    permuted = replace(trades, net_r=permute(trades.net_r, together))
    said = out_of_fold(permuted, tried, folds=folds, plain=plain)
    if isinstance(said, Unfittable):
        raise InvalidInput(f"fold {said.fold} was left with {said.trades} trades")
    found = metrics(permuted, said, draws=draws)
    won = permuted.won[said.rows]
    # A group of one fold and one day, so that no two models and no two days are compared.
    groups = said.fold * (int(together[-1]) + 1) + together[said.rows]
    pairs = Pairs(said.probability, groups)
    (within,) = estimates(
        lambda times: (pairs.auc(times * won, times * ~won),),
        trades.day[said.rows],
        draws=draws,
        tail=PERMUTED_TAIL,
    )
    published = found.gain.value > 0.0 and found.brier_skill.value > 0.0 and within.low > 0.5
    return Gate(
        name="permuted_is_refused",
        kind="leak",
        passed=not published,
        figure=within.low,
        bound=0.5,
        says=f"labels permuted within the day: gain {found.gain.value:+.4f}, Brier skill "
        f"{found.brier_skill.value:+.4f}, AUC within the day {within.value:.3f} (1 % bound "
        f"{within.low:.3f}); must not all be over 0, 0 and 0.5",
    )


def joined_days(day: Integers) -> Integers:
    """Return a number for each trade, the same for those of a day, rising; `day` in order of time.

    Days in a row are joined until they have TOGETHER trades; what is left over joins the last.
    """
    _, counts = np.unique(day, return_counts=True)
    numbers, begun, own = [], 0, 0
    left = int(counts.sum())
    for count in counts.tolist():
        numbers.append(begun)
        own, left = own + count, left - count
        if own >= TOGETHER and left >= TOGETHER:
            begun, own = begun + 1, 0
    return np.repeat(np.array(numbers, np.int64), counts)


def permute(net_r: Floats, groups: Integers) -> Floats:
    """Return results drawn without replacement within their group; groups are rising numbers."""
    random = np.random.default_rng(SEED)
    return net_r[np.lexsort((random.random(len(net_r)), groups))]


def _one_sided(column: Floats, won: Booleans) -> float:
    if min(int(won.sum()), int((~won).sum())) < LEAST_OF_A_CLASS:
        return 0.5
    found = auc(column, won)
    return max(found, 1.0 - found)
