"""The tables of the rules that move a stop; none of them ever loosens it."""

from typing import Final

from stopward.domain.rulebook.checks import less, rising, without_gap
from stopward.domain.rulebook.schema import Parameter, Table
from stopward.domain.snapshot import WINDOW
from stopward.rules import parameters as kernel


def _arm(meaning: str = "Best profit from which the stop follows.") -> Parameter:
    return Parameter(name="arm", kind="distance", default="1 r", minimum=0.0, meaning=meaning)


def _step(name: str, default: float | str, *, optional: bool) -> Parameter:
    number = name[-1]
    if name.startswith("at"):
        return Parameter(
            name=name, kind="r", default=default, minimum=0.05, maximum=100, optional=optional,
            meaning=f"Best profit, in R, that reaches step {number}.",
        )  # fmt: skip
    return Parameter(
        name=name, kind="r", default=default, minimum=-1, maximum=100,
        meaning=f"Profit, in R, that the stop locks from step {number} on.",
    )  # fmt: skip


STOP_TABLES: Final = (
    Table(
        name="breakeven",
        section="rules",
        summary="Move the stop to where the trade can no longer lose.",
        source="common practice; the costs are counted so that breakeven is truly even",
        build=kernel.Breakeven,
        parameters=(
            _arm("Best profit at which the stop moves to breakeven."),
            Parameter(
                name="extra", kind="distance", default="0 ticks",
                meaning="Added beyond entry plus fees, half the spread and one tick.",
            ),
        ),
    ),
    Table(
        name="ratchet",
        section="rules",
        summary="Lock profit in steps.",
        source="Van Tharp's R-multiples",
        build=kernel.Ratchet,
        parameters=(
            _step("at_1", 1.5, optional=False),
            _step("lock_1", 0.5, optional=False),
            _step("at_2", 2.0, optional=True),
            _step("lock_2", 1.0, optional=False),
            _step("at_3", 3.0, optional=True),
            _step("lock_3", 2.0, optional=False),
            _step("at_4", "off", optional=True),
            _step("lock_4", 3.0, optional=False),
        ),
        checks=(
            without_gap(("at_1", "at_2", "at_3", "at_4")),
            rising(("at_1", "at_2", "at_3", "at_4")),
            *(less(f"lock_{step}", f"at_{step}", when=f"at_{step}") for step in (1, 2, 3, 4)),
            *(less(f"lock_{step - 1}", f"lock_{step}", when=f"at_{step}") for step in (2, 3, 4)),
        ),
    ),
    Table(
        name="chandelier",
        section="rules",
        summary="Hang the stop a few average ranges under the highest high.",
        source="Chuck LeBeau; Alexander Elder, Come Into My Trading Room",
        build=kernel.Chandelier,
        parameters=(
            _arm(),
            Parameter(
                name="distance", kind="distance", default="3 atr", minimum=0.01,
                meaning="How far under the highest high the stop hangs.",
            ),
            Parameter(
                name="window", kind="count", default=22, maximum=WINDOW,
                meaning="Closed bars searched for the high; 0 takes the best price since entry.",
            ),
        ),
    ),
    Table(
        name="percent_trail",
        section="rules",
        summary="Trail the best price at a distance, and closer once the profit is large.",
        source="what trailing stops of brokers and bots have in common",
        build=kernel.PercentTrail,
        parameters=(
            Parameter(
                name="arm", kind="distance", default="1 %",
                meaning="Best profit from which the stop trails.",
            ),
            Parameter(
                name="distance", kind="distance", default="1 %", minimum=0.01,
                meaning="How far behind the best price the stop trails.",
            ),
            Parameter(
                name="arm_2", kind="distance", default="2 %", minimum=0.01, optional=True,
                meaning="Best profit from which `distance_2` replaces `distance`.",
            ),
            Parameter(
                name="distance_2", kind="distance", default="0.5 %", minimum=0.01,
                meaning="The tighter distance.",
            ),
        ),
        checks=(less("arm", "arm_2"), less("distance_2", "distance", strict=False, when="arm_2")),
    ),
    Table(
        name="bar_trail",
        section="rules",
        summary="Keep the stop under the lows of the last bars.",
        source="common practice of discretionary traders and trade-management tools",
        build=kernel.BarTrail,
        parameters=(
            _arm(),
            Parameter(
                name="buffer", kind="distance", default="1 ticks",
                meaning="How far under the lowest low the stop lies.",
            ),
            Parameter(
                name="window", kind="count", default=3, minimum=1, maximum=WINDOW,
                meaning="Closed bars searched for the low.",
            ),
        ),
    ),
    Table(
        name="average_trail",
        section="rules",
        summary="Keep the stop under the moving average of closes.",
        source="common practice of discretionary traders and trade-management tools",
        build=kernel.AverageTrail,
        parameters=(
            _arm(),
            Parameter(
                name="buffer", kind="distance", default="0.25 atr",
                meaning="How far under the average the stop lies.",
            ),
        ),
    ),
    Table(
        name="follow_targets",
        section="rules",
        summary="Each target that is reached pulls the stop up to the one before.",
        source="trade managers in the manner of 3Commas and Cornix",
        build=kernel.FollowTargets,
        parameters=tuple(
            Parameter(
                name=f"target_{number}", kind="distance", default=f"{number} r", minimum=0.01,
                optional=number > 1,
                meaning=f"Target {number}; reached, the stop goes to {goal}.",
            )
            for number, goal in ((1, "breakeven"), (2, "target 1"), (3, "target 2"))
        ),
        checks=(
            without_gap(("target_1", "target_2", "target_3")),
            rising(("target_1", "target_2", "target_3")),
        ),
    ),
    Table(
        name="model_tighten",
        section="rules",
        summary="Pull the stop in while a model gives the trade too little chance.",
        source="the original specification",
        build=kernel.ModelTighten,
        parameters=(
            Parameter(
                name="below", kind="fraction", default=0.35, minimum=0.01, maximum=0.99,
                meaning="Probability of a gain, as a fresh score has it, under which it acts.",
            ),
            Parameter(
                name="distance", kind="distance", default="0.5 r", minimum=0.01,
                meaning="How far behind the price of the moment the stop goes.",
            ),
        ),
    ),
)  # fmt: skip
