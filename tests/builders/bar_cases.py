"""What becomes of a position in a few bars: each line of the table in docs/replay.md, as a case."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.money import Side
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import parse
from stopward.replay.freqtrade import NO_SLIPPAGE
from stopward.replay.results import Results
from stopward.replay.retrace import Trace, retrace
from stopward.replay.run import replay
from stopward.replay.table import BarTable, bar_table
from stopward.replay.terms import Conditions
from tests.builders.replay import MINUTES, OPENS, columns_from, some_sessions

D = Decimal
ACME = Symbol("ACME")
FREE = Conditions(slippage=NO_SLIPPAGE)
PLAIN = '[account]\nadopt = "all"\n'
BREAKEVEN = PLAIN + '[rules.breakeven]\narm = "0.5 r"\n'
TIME_STOP = PLAIN + '[rules.time_stop]\nminutes = 2\nneed_best_r = "off"\n'

Prices = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarCase:
    """A position of 100 shares from 100 dollars, and bars from its entry on.

    happens, booked: as they are told. bars: open, high, low, close. fills: place of the bar, price
    and rule of each; the rule is `open` for what the end of the bars closed. at: minutes from the
    open of the first of two sessions at which bars begin, where they are not the first ones.
    """

    name: str
    happens: str
    booked: str
    bars: Sequence[Prices]
    fills: Sequence[tuple[int, float, str]]
    side: Side = "long"
    stop: str = "99"
    target: str | None = None
    rules: str = PLAIN
    conditions: Conditions = field(default=FREE)
    entry_seconds: int = 0
    at: Sequence[int] = ()
    ambiguous: bool = False

    def starts(self) -> list[datetime]:
        """Return the start of each bar."""
        minutes = self.at or range(len(self.bars))
        return [
            OPENS + timedelta(days=minute // MINUTES, minutes=minute % MINUTES)
            for minute in minutes
        ]

    def position(self) -> PositionRow:
        """Return the position as a file tells it."""
        return PositionRow(
            id=PositionId(self.name),
            symbol=ACME,
            side=self.side,
            quantity=D(100),
            entry_at=self.starts()[0] + timedelta(seconds=self.entry_seconds),
            entry_price=D(100),
            initial_stop=D(self.stop),
            target=None if self.target is None else D(self.target),
        )

    def table(self) -> BarTable:
        """Return the bars as the engine reads them."""
        rows = [(at, *bar) for at, bar in zip(self.starts(), self.bars, strict=True)]
        return bar_table({ACME: columns_from(rows)}, sessions=some_sessions(2))

    def walked(self) -> Results:
        """Return what became of it."""
        book = parse(self.rules, source=self.name)
        return replay([self.position()], self.table(), book, self.conditions)

    def traced(self) -> Trace:
        """Return where its stop rested, bar by bar."""
        book = parse(self.rules, source=self.name)
        (trace,) = retrace([0], self.walked(), self.table(), book, self.conditions)
        return trace


CALM: Prices = (100, 100.4, 99.6, 100.2)
CASES = (
    BarCase(
        name="opens-beyond-the-stop",
        happens="the bar opens at or beyond the stop",
        booked="the open, also when the bar recovers",
        bars=(CALM, (98.6, 100.2, 98.5, 99.9)),
        fills=((1, 98.6, "stop"),),
    ),
    BarCase(
        name="opens-beyond-the-target",
        happens="the bar opens beyond a resting target",
        booked="the target",
        bars=(CALM, (101.6, 101.9, 101.3, 101.5)),
        target="101",
        fills=((1, 101, "target"),),
    ),
    BarCase(
        name="opens-beyond-the-target-gap-open",
        happens="the same with `--gap open`",
        booked="the open, as a real limit order would",
        bars=(CALM, (101.6, 101.9, 101.3, 101.5)),
        target="101",
        conditions=replace(FREE, gap="open"),
        fills=((1, 101.6, "target"),),
    ),
    BarCase(
        name="touches-the-stop",
        happens="the adverse extreme touches the stop",
        booked="the stop",
        bars=(CALM, (100.2, 100.3, 99, 100.1)),
        fills=((1, 99, "stop"),),
    ),
    BarCase(
        name="touches-the-stop-of-a-short",
        happens="the same for a short",
        booked="the stop",
        bars=(CALM, (100.2, 101, 99.9, 100.1)),
        side="short",
        stop="101",
        fills=((1, 101, "stop"),),
    ),
    BarCase(
        name="touches-the-target",
        happens="the favourable extreme touches a target",
        booked="nothing: others were first in the queue",
        bars=(CALM, (100.2, 101, 100, 100.6), (100.6, 100.8, 100.3, 100.5)),
        target="101",
        fills=((2, 100.5, "open"),),
    ),
    BarCase(
        name="trades-through-the-target",
        happens="it trades through the target",
        booked="the target",
        bars=(CALM, (100.2, 101.2, 100, 100.6)),
        target="101",
        fills=((1, 101, "target"),),
    ),
    BarCase(
        name="holds-both",
        happens="one bar holds stop and target",
        booked="the stop, flagged `ambiguous`; `other_r` is the result had the target come first",
        bars=(CALM, (100.2, 101.4, 98.8, 100.3)),
        target="101",
        ambiguous=True,
        fills=((1, 99, "stop"),),
    ),
    BarCase(
        name="a-rule-closes",
        happens="a rule closes on the closed bar (here `time_stop`, two minutes)",
        booked="the next bar's open",
        bars=(CALM, (100.2, 100.5, 99.8, 100), (100.3, 100.6, 100.1, 100.4)),
        rules=TIME_STOP,
        fills=((2, 100.3, "time_stop"),),
    ),
    BarCase(
        name="a-rule-raises-the-stop",
        happens="a rule raises the stop on the closed bar (here `breakeven`)",
        booked="it rests from the next bar on",
        bars=((100, 100.7, 99.5, 100.4), (100.4, 100.5, 99.7, 100.1)),
        rules=BREAKEVEN,
        fills=((1, 100.01, "stop"),),
    ),
    BarCase(
        name="the-close-is-beyond-the-raised-stop",
        happens="the close is beyond the raised stop already",
        booked="the next open",
        bars=((100, 100.8, 99.6, 99.8), (99.7, 100.3, 99.5, 100.2)),
        rules=BREAKEVEN,
        fills=((1, 99.7, "breakeven"),),
    ),
    BarCase(
        name="the-last-bar-of-a-session",
        happens="a rule would close on the last bar of a session",
        booked="nothing is decided, as live the close is outside the session: held overnight",
        bars=(CALM, (100.2, 100.5, 99.8, 100), (99.8, 100.1, 99.6, 99.9), (99.7, 100, 99.5, 99.6)),
        rules=TIME_STOP,
        at=(MINUTES - 2, MINUTES - 1, MINUTES, MINUTES + 1),
        fills=((3, 99.7, "time_stop"),),
    ),
    BarCase(
        name="the-entry-is-at-the-open",
        happens="the entry is at a bar's open",
        booked="the stop and the target live in that bar",
        bars=((100, 100.3, 98.8, 99.6), CALM),
        fills=((0, 99, "stop"),),
    ),
    BarCase(
        name="the-entry-is-inside",
        happens="the entry is inside a bar",
        booked="that bar is passed over, for nobody knows what came before the entry",
        bars=((100, 100.3, 98.8, 99.6), CALM, (100.2, 100.3, 98.9, 99.4)),
        entry_seconds=20,
        fills=((2, 99, "stop"),),
    ),
    BarCase(
        name="the-bars-end-first",
        happens="the bars end first",
        booked="the last close, and `still_open` says so",
        bars=(CALM, (100.2, 100.6, 99.9, 100.5)),
        fills=((1, 100.5, "open"),),
    ),
)
