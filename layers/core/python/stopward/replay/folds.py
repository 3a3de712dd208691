"""Walk-forward splits of days: fit on some, leave a few out, test on those that follow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from stopward.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How days are split, counted in days on which something was entered.

    fit: to choose by; embargo: left out after them, for a position entered on the last day of the
    fit may still run; test: to judge by.
    """

    fit: int = 60
    embargo: int = 1
    test: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One step of the walk: places in the sorted days, ends exclusive."""

    fit: range
    test: range


def folds(days: Sequence[date], split: Split) -> tuple[Fold, ...]:
    """Return the folds over sorted, different days; each test begins where the last one ended.

    The last test may be shorter. Raises InvalidInput when the days do not reach for one fold.
    """
    _check(split)
    found = tuple(_folds(len(days), split))
    if not found:
        needed = split.fit + split.embargo + 1
        raise InvalidInput(
            f"positions were entered on {len(days)} days; the split needs {needed} at least "
            f"(fit {split.fit}, embargo {split.embargo}, and one to test)"
        )
    return found


def _folds(count: int, split: Split) -> Iterator[Fold]:
    begin = split.fit + split.embargo
    while begin < count:
        first = begin - split.embargo - split.fit
        yield Fold(
            fit=range(first, first + split.fit), test=range(begin, min(begin + split.test, count))
        )
        begin += split.test


def _check(split: Split) -> None:
    for name, least in (("fit", 2), ("embargo", 0), ("test", 1)):
        if getattr(split, name) < least:
            raise InvalidInput(
                f"split.{name} was {getattr(split, name)}; allowed is {least} or more days"
            )
