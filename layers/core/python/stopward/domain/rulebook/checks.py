"""Checks of values against each other, inside one table."""

from collections.abc import Sequence
from itertools import pairwise

from stopward.domain.rulebook.schema import Check, Value, Values, is_off
from stopward.rules.parameters import Distance


def less(first: str, second: str, *, strict: bool = True, when: str = "") -> Check:
    """Return a check that `first` is under `second` (or equal, unless strict) if `when` is on."""

    def check(values: Values) -> str | None:
        if when and is_off(values[when]):
            return None
        low, high = _comparable(values[first], values[second])
        if low is None or high is None or low < high or (low == high and not strict):
            return None
        return f"{first} must be {'under' if strict else 'at most'} {second}"

    return check


def rising(names: Sequence[str]) -> Check:
    """Return a check that the values of `names` rise, as far as they are on and of one unit."""

    def check(values: Values) -> str | None:
        used = [name for name in names if not is_off(values[name])]
        for before, after in pairwise(used):
            low, high = _comparable(values[before], values[after])
            if low is not None and high is not None and low >= high:
                return f"{after} must be above {before}"
        return None

    return check


def without_gap(names: Sequence[str]) -> Check:
    """Return a check that no step is on after one that is off."""

    def check(values: Values) -> str | None:
        for before, after in pairwise(names):
            if is_off(values[before]) and not is_off(values[after]):
                return f"{after} is on while {before} is off: use the earlier step first"
        return None

    return check


def sum_at_most_one(pairs: Sequence[tuple[str, str]]) -> Check:
    """Return a check that the fractions of the steps that are on sum to at most 1.

    pairs: (step, fraction) names.
    """

    def check(values: Values) -> str | None:
        total = 0.0
        for step, fraction in pairs:
            value = values[fraction]
            if not is_off(values[step]) and isinstance(value, float):
                total += value
        if total <= 1.0 + 1e-9:
            return None
        names = " + ".join(fraction for _, fraction in pairs)
        return f"{names} is {total:.10g}: the parts must not be more than the whole (1)"

    return check


def at_least_one(names: Sequence[str]) -> Check:
    """Return a check that not every value is off; such a rule would only seem to be on."""

    def check(values: Values) -> str | None:
        if all(is_off(values[name]) for name in names):
            return f'{" and ".join(names)} are all "off": write enabled = false instead'
        return None

    return check


def _comparable(first: Value, second: Value) -> tuple[float | None, float | None]:
    # Distances of different units cannot be compared without a price, nor can one that is off.
    if is_off(first) or is_off(second):
        return None, None
    if isinstance(first, Distance) and isinstance(second, Distance):
        if first.unit != second.unit:
            return None, None
        first, second = first.value, second.value
    if isinstance(first, float) and isinstance(second, float):
        return first, second
    return None, None
