"""Walk positions over bars under an account's rules: the same rules that run live, compiled."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from stopward.domain.rulebook import RuleBook
from stopward.replay import compiled
from stopward.replay.arrays import blank_courses, blank_exits, blank_outcomes
from stopward.replay.entries import Opened
from stopward.replay.market import MarketColumns
from stopward.replay.reads import reads_indicators
from stopward.replay.silence import all_on
from stopward.replay.table import BarTable, Integers
from stopward.replay.terms import Conditions
from stopward.rules.columns import Courses, Day, Exits, Log, Market, Outcomes, StopPath
from stopward.rules.parameters import Rules
from stopward.rules.types import Account
from stopward.rules.walk import begin, finish, walk

QUIET_DAY = Account(day_r=0.0, day_fraction=0.0, peak_r=0.0, losses=0.0, locked=0.0, halted=0.0)
MANY_TIMES = 2
"""How often a bar is walked, from which blocks are made."""
PORTION = 20_000
"""Positions that are walked between two looks at the progress."""
P = ParamSpec("P")
T = TypeVar("T")
Progress = Callable[[int], None]
"""Told how many more positions came to their end, or to the end of a session."""


@dataclass(slots=True, kw_only=True)
class Walk:
    """Positions on their way through a market, under one account's rules.

    courses, exits: as `begin` leaves them until they are walked. path: where stops rested, when
    asked for. workers: threads; positions are shared out, so that the numbers do not depend on it.
    """

    opened: Opened
    columns: MarketColumns
    book: RuleBook
    conditions: Conditions
    workers: int = 1
    path: StopPath | None = None
    courses: Courses = field(init=False)
    exits: Exits = field(init=False)
    has_indicators: bool = field(init=False)

    def __post_init__(self) -> None:
        """Put every position at its entry."""
        self.has_indicators = reads_indicators(self.book)
        count = len(self.opened)
        self.courses, self.exits = blank_courses(count), blank_exits(count)
        twin = self.twin(begin)
        twin(np.arange(count), self.courses, self.opened.entries)

    @property
    def table(self) -> BarTable:
        """The bars."""
        return self.columns.table

    @property
    def steps(self) -> int:
        """About how many bars are walked: to the end of each position's first session."""
        return int((self.opened.fresh_until - np.asarray(self.opened.entries.start)).sum())

    @property
    def has_many_steps(self) -> bool:
        """Whether each bar is walked so often that blocks of them are worth making."""
        return self.steps > MANY_TIMES * len(self.table)

    def twin(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return what walks soonest: machine code, or for few steps the interpreter."""
        return compiled.soonest(function, steps=self.steps, small=compiled.SMALL_WALK)

    @property
    def log(self) -> Log:
        """What the kernel writes besides the courses."""
        return Log(self.exits, self.path)

    def groups(self, rows: Integers, *, overnight: bool) -> Iterator[tuple[Rules, Integers]]:
        """Yield the positions by the rules that hold for them, by day or once held overnight."""
        kind = self.opened.kind[rows]
        by_rules: dict[Rules, list[int]] = {}
        for place in np.unique(kind).tolist():
            rules = self.rules_of(place, overnight=overnight)
            by_rules.setdefault(rules, []).append(place)
        for rules, kinds in by_rules.items():
            yield rules, rows[np.isin(kind, kinds)]

    def rules_of(self, kind: int, *, overnight: bool) -> Rules:
        """Return the rules of positions of a kind."""
        symbol, tags = self.opened.kinds[kind]
        return self.book.rules_for(symbol, tags, held_overnight=overnight)

    def market(self, rules: Rules, *, blocks: bool = False) -> Market:
        """Return the bars as these rules read them, with blocks or without."""
        return self.columns.market(
            rules, self.book.periods, indicators=self.has_indicators, blocks=blocks
        )

    def on(self, rows: Integers, until: Integers, rules: Rules, day: Day | None = None) -> None:
        """Walk positions on to their bars `until` (exclusive), under these rules."""
        market = self.market(
            rules, blocks=day is None and self.path is None and self.has_many_steps
        )
        terms = self.conditions.terms()
        twin = self.twin(walk)
        asked = all_on(rules)

        def some(part: slice) -> None:
            twin(
                rows[part], until[part], self.courses, self.opened.entries, market, QUIET_DAY,
                asked, terms, self.log, day,
            )  # fmt: skip

        if self.workers == 1 or day is not None:
            some(slice(None))
            return
        with ThreadPoolExecutor(self.workers) as threads:
            list(threads.map(some, shares(len(rows), self.workers)))

    def outcomes(self) -> Outcomes:
        """Book what is still open at its last close, and return what became of every position."""
        rows = np.arange(len(self.opened))
        outcomes = blank_outcomes(len(rows))
        twin = self.twin(finish)
        market = self.market(Rules())
        terms = self.conditions.terms()
        twin(rows, self.courses, self.opened.entries, market, terms, self.log, outcomes)
        return outcomes


def walk_alone(walking: Walk, *, progress: Progress = lambda _: None) -> None:
    """Walk every position to its end, each for itself; the limits of the day stay quiet.

    A position first walks under the rules of its day, and from the next session on under those of
    a position held overnight, where they differ. They are walked in the order of their bars, so
    that the bars of one are still at hand for the next.
    """
    opened, end = walking.opened, np.asarray(walking.opened.entries.end)
    order = np.argsort(np.asarray(opened.entries.start), kind="stable")
    for begin_at in range(0, len(opened), PORTION):
        rows = order[begin_at : begin_at + PORTION]
        for rules, found in walking.groups(rows, overnight=False):
            same = _same_overnight(walking, found)
            walking.on(found, np.where(same, end[found], opened.fresh_until[found]), rules)
        left = rows[np.asarray(walking.courses.quantity)[rows] > 0]
        left = left[np.asarray(walking.courses.at)[left] < end[left]]
        for rules, found in walking.groups(left, overnight=True):
            walking.on(found, end[found], rules)
        progress(len(rows))


def _same_overnight(walking: Walk, rows: Integers) -> NDArray[np.bool_]:
    """Return whose rules do not change when they are held overnight."""
    same = [
        walking.rules_of(kind, overnight=False) == walking.rules_of(kind, overnight=True)
        for kind in range(len(walking.opened.kinds))
    ]
    return np.array(same, np.bool_)[walking.opened.kind[rows]]


def shares(count: int, workers: int) -> Sequence[slice]:
    """Return where the shares of so many workers begin and end."""
    edges = np.linspace(0, count, workers + 1).astype(int).tolist()
    return [slice(first, last) for first, last in pairwise(edges)]
