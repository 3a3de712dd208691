"""An account whose trades wait for their attribution, and bars for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.domain.position import Position
from stopward.domain.rulebook import parse
from stopward.errors import BrokerUnavailable
from tests.builders.lived import Prices, bars_from
from tests.builders.store import D, a_decision, a_position, a_record, circumstances, pulse
from tests.builders.store_world import World, begin
from tests.builders.trades import Event, play

RULES_TOML = '[account]\nadopt = "all"\n[rules.time_stop]\nminutes = 2\nneed_best_r = 1\n'
"""Out after two minutes without +1R."""
BOOK = parse(RULES_TOML, source="test")
MINUTE = timedelta(minutes=1)
FLAT: Prices = (100.0, 100.2, 99.8, 99.9)
OUT: Prices = (99.9, 99.95, 99.85, 99.9)
"""The bar at whose open the time stop sells."""
DOWN: Prices = (99.9, 99.9, 97.9, 98.0)
"""The initial stop at 98 fills in it."""


@dataclass(slots=True)
class SomeBars:
    """The BarSource of a night: known bars by symbol, and what was asked for.

    fails: how many calls get no answer before one does.
    """

    known: Mapping[Symbol, Sequence[ClosedBar]]
    fails: int = 0
    asked: list[tuple[tuple[Symbol, ...], datetime, datetime]] = field(default_factory=list)

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        self.asked.append((tuple(symbols), since, until))
        if self.fails:
            self.fails -= 1
            raise BrokerUnavailable("GET /v2/stocks/bars: no answer")
        found = {
            symbol: tuple(
                bar
                for bar in self.known.get(symbol, ())
                if since <= bar.at and bar.at + MINUTE <= until
            )
            for symbol in symbols
        }
        return {symbol: bars for symbol, bars in found.items() if bars}


def timed_out(world: World, symbol: str = "AAPL", *, tick: int = 11, **changes: Any) -> Position:
    """Guard 100 shares from NOON on, and sell them by the time stop two minutes later, at 99.90.

    tick: the first of the two pulses that it takes, one before the sale's.
    """
    sold_at = pulse(tick + 1)
    position = a_position(
        symbol,
        account_id=world.account_id,
        **{"opened_at": sold_at - 2 * MINUTE, "adopted_at": sold_at - 2 * MINUTE, **changes},
    )
    rule_set = BOOK.rule_set_for(position.symbol, position.tags)
    world.people.put_rules(world.account_id, RULES_TOML, rules_hash=BOOK.hash)
    decision = a_decision(
        position, tick=tick, rules_hash=BOOK.hash,
        circumstances=circumstances(rule_set=rule_set.digest),
    )  # fmt: skip
    world.store.record_tick(
        a_record(
            begin(world, tick=pulse(tick)).fence,
            tick=tick,
            account_id=world.account_id,
            positions=(position,),
            rule_sets=(rule_set,),
            decisions=(decision,),
        )
    )
    sale = Event(kind="sell", quantity=D("100"), price=D("99.90"), rule="time_stop")
    play(world, position, [sale], tick=tick)
    return position


def night(*positions: Position, after: Sequence[Prices] = (DOWN,)) -> SomeBars:
    """Return bars of positions sold by the time stop, and what comes after the sale's bar."""
    return SomeBars(
        {
            each.symbol: bars_from(
                FLAT, FLAT, OUT, *after, start=each.opened_at, symbol=each.symbol
            )
            for each in positions
        }
    )
