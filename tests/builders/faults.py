"""One schedule of faults as a value: what is held, which guards wake when, and what goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from stopward.domain.identity import Symbol
from stopward.domain.money import Side
from stopward.domain.rulebook import Mask
from stopward.domain.snapshot import Mode
from stopward.local.simulator import Settling
from tests.builders.guard import ADOPT_ALL
from tests.builders.simulator import AAPL, Prices, flat

GuardName = Literal["monitor", "breakeven"]
MASKS: Mapping[GuardName, Mask] = {"monitor": "all", "breakeven": "breakeven"}

FaultKind = Literal[
    "no_answer", "lost_answer", "rate_limited", "late_effect", "stale", "hidden", "slow", "overlap",
    "kill_before", "kill_after", "server_error", "timeout_after", "half_answer",
]  # fmt: skip
"""no_answer: nothing happened, no answer. lost_answer: it happened, no answer. late_effect: no
answer, and it happens some calls later. stale: reads answer as before, for some calls. hidden: an
order sent is in no answer for some calls. slow: time passes before the call. overlap: another tick
runs before the call. kill_before, kill_after: the process ends around the call. At the wire only:
server_error, 500 and nothing is done; timeout_after, 504 and it is done; half_answer, it is done
and the body is cut."""

HandKind = Literal[
    "close", "reduce", "reduce_keep", "add", "tighten", "loosen", "cancel", "stop", "open", "split",
    "hands_off", "opt_in", "halt", "resume", "flatten", "cap", "reject",
]  # fmt: skip
"""What a person does: mostly at the broker; tags, halt and flatten at Stopward; `cap` and `reject`
are the market's: the next fill is small, the next order is rejected after it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """One act of a person. amount: a share of the position, a share of the price, or a ratio."""

    kind: HandKind
    symbol: Symbol = AAPL
    amount: Decimal = Decimal("0.5")
    side: Side = "long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """One run of a guard's tick. seconds: its place on the grid; late_seconds: how late it runs.

    number: what disturbances name. cold: the process was started anew for it.
    """

    number: int
    guard: GuardName
    seconds: float
    late_seconds: float = 0.0
    cold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """Something that happens at a boundary call (counted from 1) of a wake; `hand`, or a fault.

    what: count only the calls that begin with these words, such as `submit market`. amount: seconds
    for `slow`, calls for `late_effect`, `stale` and `hidden`.
    """

    wake: int
    call: int
    kind: FaultKind | Literal["hand"]
    what: str = ""
    amount: float = 1.0
    hand: Hand | None = None
    overlap: Wake | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A position that is there at the start. stop, target: distance from the price, as a share.

    covered: the share of the quantity that the stop is for.
    """

    symbol: Symbol = AAPL
    side: Side = "long"
    quantity: Decimal = Decimal(100)
    stop: Decimal | None = Decimal("0.02")
    target: Decimal | None = None
    covered: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A whole run. start_minute: from the first open; seconds of wakes count from there.

    volume_share: how much of a bar's volume fills may take. spread_ticks: ask minus bid.
    skew_seconds: how far the clock of `breakeven` is ahead of everybody else's. pulse_seconds: of
    the functions as they are deployed; a guard in memory wakes once for each of `wakes`.
    """

    seed: int = 0
    start_minute: int = 1
    prices: Mapping[Symbol, tuple[Prices, ...]] = field(
        default_factory=lambda: {AAPL: tuple(flat(100, 30))}
    )
    openings: tuple[Opening, ...] = (Opening(),)
    rules: str = ADOPT_ALL
    mode: Mode = "guard"
    hands_off: tuple[Symbol, ...] = ()
    latency: timedelta = timedelta(milliseconds=20)
    settling: Settling = field(default_factory=Settling)
    volume_share: Decimal | None = None
    spread_ticks: int = 1
    skew_seconds: float = 0.0
    pulse_seconds: int = 20
    wakes: tuple[Wake, ...] = ()
    disturbances: tuple[Disturbance, ...] = ()


def grid(count: int, *, pulse: float = 10.0, first: float = 0.0) -> tuple[Wake, ...]:
    """Return `count` wakes of both guards by turns, half a pulse apart."""
    names: tuple[GuardName, GuardName] = ("monitor", "breakeven")
    return tuple(
        Wake(number=number, guard=names[number % 2], seconds=first + number * pulse / 2)
        for number in range(count)
    )
