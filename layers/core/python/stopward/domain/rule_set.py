"""The rules of one position as numbers, named by their content: what a decision's row refers to."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final, get_type_hints

from stopward.errors import InvalidState
from stopward.rules import parameters as kinds
from stopward.rules.parameters import Distance, Rules

DIGITS: Final = 16
Parameters = tuple[object, ...]
"""One rule's parameters: numbers and distances."""


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """What a rules file means for one position: by rule its numbers, in field order.

    A rule that is off is absent; the two numbers of a distance follow each other; there is one
    zero, and nan is a missing number. The mask of a function and what is measured are not in it.
    digest: the first 16 hex digits of a SHA-256 of that content.
    Without slots, so that thousands of rows that name it share what was worked out once.
    """

    digest: str
    numbers: Mapping[str, tuple[float, ...]]

    @cached_property
    def is_whole(self) -> bool:
        """Whether the digest is that of the content."""
        return self.digest == _digest(self.numbers)

    def rules(self) -> Rules:
        """Return the kernel's parameters, equal to the bit in every process.

        Raises InvalidState for a rule that is not known, or has another count of numbers.
        """
        return self._rules

    @cached_property
    def _rules(self) -> Rules:
        unknown = sorted(self.numbers.keys() - set(Rules._fields))
        if unknown:
            raise InvalidState(
                f"rule set {self.digest} has a rule {unknown[0]}, which is not known"
            )
        return Rules._make(
            self._parameters_of(name) if name in self.numbers else None for name in Rules._fields
        )

    def _parameters_of(self, name: str) -> Parameters:
        numbers = self.numbers[name]
        make, widths = _layout(name)
        if len(numbers) != sum(widths):
            raise InvalidState(
                f"rule set {self.digest} has {len(numbers)} numbers of {name}, not {sum(widths)}"
            )
        rest = iter(numbers)
        return make(
            Distance(next(rest), next(rest)) if width > 1 else next(rest) for width in widths
        )


def rule_set_of(rules: Rules) -> RuleSet:
    """Return a position's rules as a rule set."""
    content = {
        name: tuple(_flat(parameters))
        for name, parameters in rules._asdict().items()
        if parameters is not None
    }
    return RuleSet(digest=_digest(content), numbers=content)


def _flat(parameters: Parameters) -> list[float]:
    found: list[float] = []
    for value in parameters:
        numbers = value if isinstance(value, tuple) else (value,)
        found.extend(float(number) or 0.0 for number in numbers)
    return found


@cache
def _layout(name: str) -> tuple[Callable[[Iterable[object]], Parameters], tuple[int, ...]]:
    # What makes a rule's parameters, and how many numbers each of their fields takes.
    kind = getattr(kinds, "".join(part.capitalize() for part in name.split("_")))
    hints = get_type_hints(kind)
    return kind._make, tuple(2 if hints[field] is Distance else 1 for field in kind._fields)


def _digest(content: Mapping[str, tuple[float, ...]]) -> str:
    spelled = {name: [repr(number) for number in numbers] for name, numbers in content.items()}
    text = json.dumps(spelled, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
