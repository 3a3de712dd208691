"""A broker fact, how it is checked, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stopward.errors import StopwardError

if TYPE_CHECKING:
    from stopward.local.verify.venue import Venue

Verdict = Literal["holds", "fails", "not checkable now", "no answer"]
"""no answer: the check itself broke off, so that nothing is known."""


class FactFails(StopwardError):
    """The broker does otherwise than we rely on; the message says what was seen."""


class NotCheckable(StopwardError):
    """The fact needs what is not there now, such as an open market; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One fact. run returns what was seen, or raises FactFails or NotCheckable."""

    name: str
    fact: str
    run: Callable[["Venue"], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one check; `seen` is the evidence or the reason."""

    name: str
    fact: str
    verdict: Verdict
    seen: str


def require(condition: bool, seen: str) -> None:
    """Raise FactFails with what was seen unless the fact holds."""
    if not condition:
        raise FactFails(seen)
