"""What a rule that moves the stop does, in plain words with its own numbers."""

from math import isnan

from stopward.domain.rulebook.wording import distance_words, joined, percent_words, r_words
from stopward.rules.parameters import (
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    FollowTargets,
    ModelTighten,
    PercentTrail,
    Ratchet,
)

StopParameters = (
    Breakeven | Ratchet | Chandelier | PercentTrail | BarTrail | AverageTrail | FollowTargets
    | ModelTighten
)  # fmt: skip


def stop_words(params: StopParameters) -> str:
    """Return what the rule does, in one sentence."""
    match params:
        case Breakeven():
            extra = distance_words(params.extra, signed=False)
            costs = ["entry plus fees", "half the spread", "one tick"]
            if params.extra.value:
                costs.append(extra)
            return f"At {distance_words(params.arm)} the stop moves to {_sum(costs)}."
        case Ratchet():
            return _ratchet(params)
        case Chandelier():
            reach = distance_words(params.distance, signed=False)
            extreme = (
                f"the highest high of the last {params.window:.0f} bars"
                if params.window
                else "the best price since entry"
            )
            return f"From {distance_words(params.arm)} on the stop hangs {reach} under {extreme}."
        case PercentTrail():
            return _percent_trail(params)
        case BarTrail():
            buffer = distance_words(params.buffer, signed=False)
            return (
                f"From {distance_words(params.arm)} on the stop lies {buffer} under the lowest low"
                f" of the last {params.window:.0f} bars."
            )
        case AverageTrail():
            buffer = distance_words(params.buffer, signed=False)
            return (
                f"From {distance_words(params.arm)} on the stop lies {buffer} under the moving"
                " average of closes."
            )
        case FollowTargets():
            return _follow_targets(params)
        case ModelTighten():
            reach = distance_words(params.distance, signed=False)
            return (
                f"While a model's fresh score is under {percent_words(params.below)} the stop"
                f" follows {reach} behind the price."
            )


def _ratchet(params: Ratchet) -> str:
    steps = (
        (params.at_1, params.lock_1),
        (params.at_2, params.lock_2),
        (params.at_3, params.lock_3),
        (params.at_4, params.lock_4),
    )
    words = [f"{r_words(lock)} at {r_words(at)}" for at, lock in steps if not isnan(at)]
    return f"The stop locks {joined(words)} of best profit."


def _percent_trail(params: PercentTrail) -> str:
    words = (
        f"From {distance_words(params.arm)} on the stop trails"
        f" {distance_words(params.distance, signed=False)} behind the best price"
    )
    if isnan(params.arm_2.value):
        return f"{words}."
    return (
        f"{words}, and {distance_words(params.distance_2, signed=False)} from"
        f" {distance_words(params.arm_2)} on."
    )


def _follow_targets(params: FollowTargets) -> str:
    goals = ("breakeven", distance_words(params.target_1), distance_words(params.target_2))
    targets = (params.target_1, params.target_2, params.target_3)
    words = [
        f"to {goal} at {distance_words(target)}"
        for target, goal in zip(targets, goals, strict=True)
        if not isnan(target.value)
    ]
    return f"As targets are reached the stop moves {joined(words)}."


def _sum(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
