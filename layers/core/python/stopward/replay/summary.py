"""What a replay comes to: over all positions, by rule, by day."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from stopward.replay.results import Results
from stopward.replay.table import Floats, moment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleShare:
    """The exits of one rule. positions: those it closed; gross_r: the mean of these, in R."""

    rule: str
    positions: int
    gross_r: float
    net_r: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Figures over positions; R is of each position's own initial risk.

    win_rate: share of positions with `net_r` above 0. total_r, mean_r, deviation_r: of `net_r`;
    deviation is nan for fewer than two. gross_r, slipped_r: means before costs and after slippage.
    profit_factor: gains over losses, nan without a loss. drawdown_r: the deepest fall of the sum of
    results in the order of closing, 0 or more. misses_bars: positions held over a hole in their
    bars. ambiguous: positions whose last bar held stop and target both; ambiguous_r: what the other
    outcome of all of them would add, in R. dollars: net.
    """

    positions: int
    still_open: int
    misses_bars: int
    estimated: int
    ambiguous: int
    ambiguous_r: float
    win_rate: float
    gross_r: float
    slipped_r: float
    mean_r: float
    deviation_r: float
    total_r: float
    profit_factor: float
    drawdown_r: float
    dollars: float
    by_rule: tuple[RuleShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Sum of results in the order of closing. day: UTC date of the exit; total_r: up to there."""

    day: tuple[date, ...]
    total_r: Floats


def summarize(results: Results) -> Summary:
    """Return the figures of a replay; raises ValueError when it has no position."""
    count = len(results)
    if count == 0:
        raise ValueError("a replay of no position has no figures")
    net, gross = results.net_r, results.gross_r
    gains, losses = net[net > 0].sum(), -net[net < 0].sum()
    added = np.where(results.is_ambiguous, results.other_r - gross, 0.0)
    return Summary(
        positions=count,
        still_open=int(results.is_open.sum()),
        misses_bars=int(results.misses_bars().sum()),
        estimated=int(results.is_estimated.sum()),
        ambiguous=int(results.is_ambiguous.sum()),
        ambiguous_r=float(added.sum()),
        win_rate=float((net > 0).mean()),
        gross_r=float(gross.mean()),
        slipped_r=float(results.slipped_r.mean()),
        mean_r=float(net.mean()),
        deviation_r=float(net.std(ddof=1)) if count > 1 else float("nan"),
        total_r=float(net.sum()),
        profit_factor=float(gains / losses) if losses > 0 else float("nan"),
        drawdown_r=drawdown(curve(results).total_r),
        dollars=float(results.net.sum()),
        by_rule=_by_rule(results),
    )


def curve(results: Results) -> Curve:
    """Return the sum of results, position by position, in the order in which they were closed."""
    closed = results.bar_at[np.asarray(results.outcomes.bar).astype(np.int64)]
    order = np.argsort(closed, kind="stable")
    days = tuple(moment_of(int(at)).date() for at in closed[order])
    return Curve(day=days, total_r=np.cumsum(results.net_r[order]))


def drawdown(total_r: Floats) -> float:
    """Return the deepest fall of a running sum below its peak so far, or below its start at 0."""
    if len(total_r) == 0:
        return 0.0
    peak = np.maximum.accumulate(np.maximum(total_r, 0.0))
    return float((peak - total_r).max())


def _by_rule(results: Results) -> tuple[RuleShare, ...]:
    names: Sequence[str] = [results.rule(row) for row in range(len(results))]
    column = np.array(names)
    return tuple(
        RuleShare(
            rule=rule,
            positions=count,
            gross_r=float(results.gross_r[column == rule].mean()),
            net_r=float(results.net_r[column == rule].mean()),
        )
        for rule, count in Counter(names).most_common()
    )
