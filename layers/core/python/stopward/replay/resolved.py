"""Which rules hold for which positions, found once a kind of them."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stopward.domain.identity import Symbol
from stopward.domain.rulebook import RuleBook
from stopward.replay.entries import Kind
from stopward.replay.table import Integers
from stopward.rules.parameters import Rules

Found = tuple[list[Rules], Integers]
"""The different rules there are, and which of them hold for each kind."""


class Resolved:
    """The rules of positions of some kinds, by day and once they are held overnight."""

    def __init__(self, book: RuleBook, kinds: Sequence[Kind]) -> None:
        self._book = book
        # Symbols without rules of their own are alike.
        self._keys: list[tuple[Symbol | None, tuple[str, ...]]] = [
            (symbol if symbol in book.symbols else None, tags) for symbol, tags in kinds
        ]
        self._different = dict(zip(self._keys, kinds, strict=True))

    def groups(
        self, rows: Integers, kind: Integers, *, overnight: bool
    ) -> Iterator[tuple[Rules, Integers]]:
        """Yield rows by the rules that hold for them; `kind` is that of each row."""
        if len(rows) == 0:
            return
        rules, of_kind = self._held_overnight if overnight else self._of_the_day
        if len(rules) == 1:
            yield rules[0], rows
            return
        place = of_kind[kind]
        for number in np.unique(place).tolist():
            yield rules[number], rows[place == number]

    def same_overnight(self, kind: Integers) -> NDArray[np.bool_]:
        """Return for which kinds, a row each, the rules do not change overnight."""
        (by_day, of_kind), (later, of_kind_later) = self._of_the_day, self._held_overnight
        same = np.array([[one == other for other in later] for one in by_day], np.bool_)
        found: NDArray[np.bool_] = same[of_kind[kind], of_kind_later[kind]]
        return found

    @cached_property
    def _of_the_day(self) -> Found:
        return self._found(overnight=False)

    @cached_property
    def _held_overnight(self) -> Found:
        return self._found(overnight=True)

    def _found(self, *, overnight: bool) -> Found:
        places: dict[Rules, int] = {}
        of_key = {}
        for key, (symbol, tags) in self._different.items():
            rules = self._book.rules_for(symbol, tags, held_overnight=overnight)
            of_key[key] = places.setdefault(rules, len(places))
        return list(places), np.array([of_key[key] for key in self._keys], np.int64)
