"""Limits of the day across positions: walk a session, and again where a limit was reached.

Until a limit is reached the account says nothing to any position, so a first walk of the session
under a quiet day is right up to that minute. What all positions have gained by then is known too,
so the day is; the session is walked again with it, right up to the next minute in which another
limit is reached, and so on until nothing new is. Without a limit reached, once is enough.
"""

import numpy as np

from stopward.replay.arrays import copied, restore
from stopward.replay.engine import Progress, Walk
from stopward.replay.table import Floats, Integers
from stopward.rules.columns import Day, DayPath
from stopward.rules.day import correct, first_wrong, make_day
from stopward.rules.parameters import Rules


def has_limits(rules: Rules) -> bool:
    """Whether a limit of the day is on, so that positions must be walked side by side."""
    return rules.day_loss is not None or rules.day_profit is not None


def walk_together(walking: Walk, *, progress: Progress = lambda _: None) -> None:
    """Walk all positions session by session, under the limits of the account's day.

    The day is what `domain.day` makes of it live, at the cadence of closed bars: positions of
    today count from their entry, what is held overnight counts when it is sold, and the fraction is
    of the equity at the prior close.
    """
    entries = walking.opened.entries
    session_of = walking.table.session
    start, end = np.asarray(entries.start), np.asarray(entries.end)
    equity = 0.0 if walking.conditions.equity is None else float(walking.conditions.equity)
    made = np.zeros(len(walking.opened))
    quantity = np.asarray(walking.courses.quantity)
    order = np.argsort(session_of[start], kind="stable")
    first_session = session_of[start][order]
    open_rows = np.empty(0, np.int64)
    for number in np.unique(session_of):
        new = order[
            np.searchsorted(first_session, number) : np.searchsorted(
                first_session, number, side="right"
            )
        ]
        rows = np.sort(np.concatenate((open_rows, new)))
        if len(rows) == 0:
            continue
        until = _session_ends(walking, rows, int(number))
        prior_close = equity + float(made.sum()) if equity > 0 else 0.0
        _Session(walking, rows, until, int(number), prior_close).walk()
        made[rows] = _worth(walking, rows, until)
        open_rows = rows[(quantity[rows] > 0) & (until < end[rows])]
        progress(len(rows) - len(open_rows))


def _session_ends(walking: Walk, rows: Integers, number: int) -> Integers:
    """Return where the bars of a session end for each position, never past its last bar."""
    table = walking.table
    ends: dict[int, int] = {}
    for place, own in enumerate(table.series()):
        ends[place] = own.start + int(np.searchsorted(table.session[own], number, side="right"))
    places = np.searchsorted(table.first, np.asarray(walking.opened.entries.start)[rows], "right")
    found = np.array([ends[place] for place in (places - 1).tolist()], np.int64)
    last: Integers = np.asarray(walking.opened.entries.end)[rows]
    return np.minimum(found, last)


class _Session:
    """One session of some positions, walked until the day it assumes is the day it makes."""

    def __init__(
        self, walking: Walk, rows: Integers, until: Integers, number: int, equity: float
    ) -> None:
        self._walking, self._rows, self._until, self._equity = walking, rows, until, equity
        session = walking.table.sessions[number]
        self._minutes = round((session.closes_at - session.opens_at).total_seconds() / 60)
        self._limits = walking.book.base
        count = len(walking.opened)
        courses, entries = walking.courses, walking.opened.entries
        carried = np.zeros(count)
        carried[rows] = np.asarray(courses.at)[rows] >= walking.opened.fresh_until[rows]
        before = np.zeros(count)
        before[rows] = np.asarray(courses.slipped_r)[rows]
        sold = np.zeros(count)
        sold[rows] = np.asarray(entries.quantity)[rows] - np.asarray(courses.quantity)[rows]
        self._carried, self._before, self._sold = carried, before, sold

    def walk(self) -> None:
        """Walk the session until the day that was assumed is the day that was made."""
        saved = copied(self._walking.courses, self._rows)
        assumed, made = _quiet(self._minutes), _quiet(self._minutes)
        while True:
            day = self._walked(assumed)
            self._walking.twin(make_day)(day, self._equity, made)
            wrong = self._walking.twin(first_wrong)(assumed, made, self._limits)
            if wrong == self._minutes:
                return
            restore(self._walking.courses, self._rows, saved)
            self._walking.twin(correct)(assumed, made, wrong, self._limits)

    def _walked(self, assumed: DayPath) -> Day:
        day = Day(
            minute=self._walking.table.minute,
            carried=self._carried,
            before_r=self._before,
            before_sold=self._sold,
            assumed=assumed,
            gained_r=np.zeros(self._minutes),
            gained=np.zeros(self._minutes),
            lost=np.zeros(self._minutes),
            gave_back=np.zeros(self._minutes),
        )
        until = dict(zip(self._rows.tolist(), self._until.tolist(), strict=True))
        for overnight in (False, True):
            held = self._rows[self._carried[self._rows] == float(overnight)]
            for rules, found in self._walking.groups(held, overnight=overnight):
                ends = np.array([until[row] for row in found.tolist()], np.int64)
                self._walking.on(found, ends, rules, day)
        return day


def _quiet(minutes: int) -> DayPath:
    return DayPath(*(np.zeros(minutes) for _ in DayPath._fields))


def _worth(walking: Walk, rows: Integers, until: Integers) -> Floats:
    """Return what positions have made by their bar before `until`, in dollars, after fees."""
    entries, courses = walking.opened.entries, walking.courses
    side, entry, risk, quantity, fees = (
        np.asarray(column)[rows]
        for column in (entries.side, entries.entry, entries.risk, entries.quantity, entries.fees)
    )
    left = np.asarray(courses.quantity)[rows]
    sold = np.asarray(courses.slipped_r)[rows] * risk * quantity - fees * (quantity - left)
    worth: Floats = sold + side * (walking.table.bars.close[until - 1] - entry) * left
    return worth
