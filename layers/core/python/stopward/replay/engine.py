"""Walk positions over bars under an account's rules: the same rules that run live, compiled."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from math import isnan
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from stopward.domain.rulebook import RuleBook
from stopward.replay import compiled
from stopward.replay.arrays import blank_courses, blank_exits, blank_outcomes
from stopward.replay.entries import Opened
from stopward.replay.market import MarketColumns
from stopward.replay.reads import reads_indicators
from stopward.replay.resolved import Resolved
from stopward.replay.silence import put_on, rules_on
from stopward.replay.table import BarTable, Integers
from stopward.replay.terms import Conditions
from stopward.rules.columns import Courses, Day, Entries, Exits, Log, Market, Outcomes, StopPath
from stopward.rules.levels import volume_floor
from stopward.rules.parameters import Rules
from stopward.rules.types import Account
from stopward.rules.walk import begin, finish, walk

QUIET_DAY = Account(day_r=0.0, day_fraction=0.0, peak_r=0.0, losses=0.0, locked=0.0, halted=0.0)
MANY_TIMES = 2
"""How often a bar is walked, from which blocks are made."""
PORTION = 100_000
"""Positions that are walked between two looks at the progress."""
P = ParamSpec("P")
T = TypeVar("T")
Progress = Callable[[int], None]
"""Told how many more positions came to their end, or to the end of a session."""


@dataclass(slots=True, kw_only=True)
class Walk:
    """Positions on their way through a market, under one account's rules.

    courses, exits: as `begin` leaves them until they are walked; log: what is written besides the
    courses. steps: about how many bars are walked, to the end of each position's first session.
    path: where stops rested, when asked for. workers: threads; positions are shared out, so that
    the numbers do not depend on it.
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
    steps: int = field(init=False)
    log: Log = field(init=False)
    _resolved: Resolved = field(init=False)
    _on: tuple[str, ...] = field(init=False)
    _held: dict[int, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Put every position at its entry."""
        self.has_indicators = reads_indicators(self.book)
        self.steps = int((self.opened.fresh_until - np.asarray(self.opened.entries.start)).sum())
        self._resolved, self._on = Resolved(self.book, self.opened.kinds), rules_on(self.book)
        count = len(self.opened)
        self.courses, self.exits = blank_courses(count), blank_exits(count)
        self.log = Log(self.exits, self.path)
        twin = self.twin(begin)
        twin(np.arange(count), self._hold(self.courses), self._hold(self.opened.entries))

    def _hold(self, value: T) -> T:
        """Return what is handed over again and again (`compiled.held`); markets share bars."""
        if id(value) not in self._held:
            whole: Any = value
            if isinstance(value, Market):
                whole = value._replace(bars=self._hold(value.bars))
            self._held[id(value)] = compiled.held(whole)
        known: T = self._held[id(value)]
        return known

    @property
    def table(self) -> BarTable:
        """The bars."""
        return self.columns.table

    @property
    def has_many_steps(self) -> bool:
        """Whether each bar is walked so often that blocks of them are worth making."""
        return self.steps > MANY_TIMES * len(self.table)

    def twin(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return what walks soonest: machine code, or for few steps the interpreter."""
        return compiled.soonest(function, steps=self.steps, small=compiled.SMALL_WALK)

    def groups(self, rows: Integers, *, overnight: bool) -> Iterator[tuple[Rules, Integers]]:
        """Yield the positions by the rules that hold for them, by day or once held overnight."""
        return self._resolved.groups(rows, self.opened.kind[rows], overnight=overnight)

    def same_overnight(self, rows: Integers) -> NDArray[np.bool_]:
        """Return whose rules do not change when they are held overnight."""
        return self._resolved.same_overnight(self.opened.kind[rows])

    def market(self, rules: Rules, *, blocks: bool | None = None) -> Market:
        """Return the bars as these rules read them, with blocks or without (`MarketColumns`)."""
        return self.columns.market(
            rules, self.book.periods, indicators=self.has_indicators, blocks=blocks
        )

    def on(self, rows: Integers, until: Integers, rules: Rules, day: Day | None = None) -> None:
        """Walk positions on to their bars `until` (exclusive), under these rules."""
        tells_of_every_bar = day is not None or self.path is not None
        passes = self.has_many_steps and not isnan(volume_floor(rules.volume))
        market = self.market(rules, blocks=None if tells_of_every_bar else passes)
        held = map(self._hold, (self.courses, self.opened.entries, market, self.log))
        courses, entries, bars, log = cast(tuple[Courses, Entries, Market, Log], tuple(held))
        terms = self.conditions.terms()
        twin = self.twin(walk)
        asked = put_on(rules, self._on)

        def some(part: slice) -> None:
            twin(rows[part], until[part], courses, entries, bars, QUIET_DAY, asked, terms, log, day)

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
        market = self.columns.market(Rules(), self.book.periods, indicators=False)
        terms = self.conditions.terms()
        twin(
            rows, self._hold(self.courses), self._hold(self.opened.entries), self._hold(market),
            terms, self._hold(self.log), outcomes,
        )  # fmt: skip
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
            same = walking.same_overnight(found)
            walking.on(found, np.where(same, end[found], opened.fresh_until[found]), rules)
        left = rows[np.asarray(walking.courses.quantity)[rows] > 0]
        left = left[np.asarray(walking.courses.at)[left] < end[left]]
        for rules, found in walking.groups(left, overnight=True):
            walking.on(found, end[found], rules)
        progress(len(rows))


def shares(count: int, workers: int) -> Sequence[slice]:
    """Return where the shares of so many workers begin and end."""
    edges = np.linspace(0, count, workers + 1).astype(int).tolist()
    return [slice(first, last) for first, last in pairwise(edges)]
