"""What was asked for at the command line, and how a reader of the answer is told of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from stopward.replay.freqtrade import OPTIMISTIC
from stopward.replay.terms import Gap, Timing

Policy = Literal["conservative", "freqtrade"]
IDEALISED: Final = (
    "Timing idealised, for comparison: live cannot fill a raised stop in the bar that raised it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for at the command line, as it was written.

    rules: one file, or two to compare; none for the standard rules. machine_code: the folder that
    keeps what was compiled. to: where a sweep is written for many machines; None
    walks it here. sets_a_shard: None chooses.
    """

    bars: Path
    positions: Path
    rules: tuple[Path, ...]
    grid: Path | None
    policy: Policy
    intrabar: Path | None
    timing: Timing
    gap: Gap
    slippage: str | None
    slip_exits: bool
    commission: str | None
    equity: str | None
    workers: int | None
    as_json: bool
    as_csv: bool
    page: Path | None
    trades: str | None
    machine_code: Path
    to: str | None = None
    sets_a_shard: int | None = None


def labels(wanted: Wanted) -> Iterator[str]:
    """Yield what must be said of every figure."""
    if wanted.policy == "freqtrade":
        yield f"Policy freqtrade: {OPTIMISTIC}."
    elif wanted.timing == "idealised":
        yield IDEALISED


def terms(wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Yield what a reader of the page must know of how it came about."""
    yield "bars", wanted.bars.name
    yield "positions", wanted.positions.name
    yield "rules", wanted.rules[0].name if wanted.rules else "the standard ones"
    yield "policy", wanted.policy
    if wanted.policy == "conservative":
        yield "finer bars", "none" if wanted.intrabar is None else wanted.intrabar.name
        yield "timing", wanted.timing
        yield "a favourable gap over a target", f"books the {wanted.gap}"
    slipped = "exits at the next open too" if wanted.slip_exits else "stops only"
    yield "slippage", f"{wanted.slippage or 'half the spread or one tick'}, {slipped}"
    yield "commission", wanted.commission or "none"
    if wanted.equity is not None:
        yield "equity at the start", f"{wanted.equity} dollars"
