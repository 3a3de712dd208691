"""What a run lives on: the market, positions and rules, read whole before anything starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from stopward.domain.identity import Symbol
from stopward.domain.market import Instrument, Session
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import RuleBook, parse
from stopward.errors import InvalidInput
from stopward.local.data.calendar import NEW_YORK, new_york_day, sessions_between
from stopward.local.data.csv_files import ends_of, read_bars, read_positions
from stopward.local.data.demo import EQUITY, demo_market, demo_positions, demo_rules
from stopward.local.data.rows import Bars
from stopward.local.rules_command import read_text
from stopward.local.screen.words import listed

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SESSIONS_BEFORE = 60 * DAY
"""Calendar days before the bars whose sessions the simulated broker knows, for daily bars."""
SESSIONS_AFTER = 10 * DAY
DEFAULT_RULES = '[account]\nadopt = "all"\n\n[rules]\npreset = "standard"\n'
"""Rules for a trader's own positions when no file says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that is read before anything is written.

    sessions: those that the bars cover, in order; calendar: all that the broker knows of.
    equity: of the account at the prior close, dollars.
    """

    label: str
    sessions: tuple[Session, ...]
    calendar: tuple[Session, ...]
    bars: Bars
    positions: tuple[PositionRow, ...]
    rules_toml: str
    book: RuleBook
    equity: Decimal = EQUITY
    daily_bars: Bars = field(default_factory=dict)
    instruments: Mapping[Symbol, Instrument] = field(default_factory=dict)
    usual_volume: Mapping[Symbol, Sequence[float]] = field(default_factory=dict)

    def end_of_bars(self, symbol: Symbol | None = None) -> datetime:
        """Return when the last bar ends, of a symbol or of all; no quote comes after it."""
        bars = self.bars.values() if symbol is None else (self.bars[symbol],)
        return max(own[-1].at for own in bars) + MINUTE

    def standing_still(self, last: datetime) -> tuple[str, ...]:
        """Return a sentence when bars of positions end before `last`, else nothing."""
        symbols = dict.fromkeys(row.symbol for row in self.positions)
        ends = {symbol: self.end_of_bars(symbol) for symbol in symbols}
        early = [f"{symbol} at {_hour(end)}" for symbol, end in ends.items() if end < last]
        if not early:
            return ()
        return (
            f"bars end before the run, and a price stands still after: {listed(early, most=8)}",
        )

    @property
    def ticks(self) -> dict[Symbol, Decimal]:
        """Price steps of the symbols that do not follow the US equity rule."""
        return {
            symbol: instrument.tick
            for symbol, instrument in self.instruments.items()
            if instrument.tick is not None
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The stretch of simulated time to run: first <= time < last."""

    first: datetime
    last: datetime


def read_inputs(
    *,
    bars: Path | None,
    positions: Path | None,
    rules: Path | None,
    data_folder: Path,
    cache: Path,
) -> Inputs:
    """Read the trader's files, or else the demo. Raises InvalidInput before anything runs."""
    if (bars is None) != (positions is None):
        raise InvalidInput("--bars and --positions belong together: give both, or neither")
    rules_toml = None if rules is None else read_text(rules)
    book = None if rules_toml is None else parse(rules_toml, source=str(rules))
    if bars is None or positions is None:
        return _demo(rules_toml, book, data_folder=data_folder, cache=cache)
    found = read_bars(bars)
    opened = read_positions(positions, ends=ends_of(found))
    calendar = _calendar(found)
    text = DEFAULT_RULES if rules_toml is None else rules_toml
    return Inputs(
        label=f"{bars.name} and {positions.name}",
        sessions=_covered(calendar, found, name=bars),
        calendar=calendar,
        bars=found,
        positions=opened,
        rules_toml=text,
        book=book or parse(text, source="the standard rules"),
    )


def window(inputs: Inputs, *, until: str | None, minutes: int | None) -> Window:
    """Return the stretch to run: all sessions, or up to `until` (HH:MM New York), or `minutes`.

    It ends with the last bar at the latest: beyond it a price would stand still. Raises
    InvalidInput when nothing is left of it.
    """
    first = inputs.sessions[0].opens_at
    last = min(inputs.sessions[-1].closes_at, inputs.end_of_bars())
    if until is not None:
        day = new_york_day(last)
        wanted = datetime.fromisoformat(f"{day.isoformat()}T{until}").replace(tzinfo=NEW_YORK)
        if not first < wanted <= last.astimezone(NEW_YORK):
            raise InvalidInput(
                f"--until was {until}; allowed is after {_hour(first)} to {_hour(last)}"
            )
        last = wanted
    if minutes is not None:
        last = min(last, first + timedelta(minutes=minutes))
    return Window(first=first, last=last)


def _demo(
    rules_toml: str | None, book: RuleBook | None, *, data_folder: Path, cache: Path
) -> Inputs:
    market = demo_market(data_folder, cache=cache)
    text = demo_rules() if rules_toml is None else rules_toml
    return Inputs(
        label="a demo on chosen real days, the path inside each stock's day simulated; no record",
        sessions=(market.session,),
        calendar=_calendar(market.bars),
        bars=market.bars,
        positions=demo_positions(market),
        rules_toml=text,
        book=book or parse(text, source="the demo's rules"),
        daily_bars=market.daily_bars,
        instruments=market.instruments,
        usual_volume=market.usual_volume,
    )


def _calendar(bars: Bars) -> tuple[Session, ...]:
    first = min(own[0].at for own in bars.values())
    last = max(own[-1].at for own in bars.values())
    return sessions_between(
        new_york_day(first - SESSIONS_BEFORE), new_york_day(last + SESSIONS_AFTER)
    )


def _covered(calendar: tuple[Session, ...], bars: Bars, *, name: Path) -> tuple[Session, ...]:
    days = {
        new_york_day(bar.at).isoformat()
        for own in bars.values()
        for bar in own
    }  # fmt: skip
    with_bars = tuple(
        session
        for session in calendar
        if session.day in days
        and any(session.contains(bar.at) for own in bars.values() for bar in own)
    )
    if not with_bars:
        raise InvalidInput(
            f"{name}: no bar lies in a session of the New York exchange (09:30 to 16:00 there): "
            "check the offsets of `at`"
        )
    return with_bars


def _hour(moment: datetime) -> str:
    return moment.astimezone(NEW_YORK).strftime("%H:%M")
