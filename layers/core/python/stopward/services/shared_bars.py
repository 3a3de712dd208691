"""Minute bars for many accounts at one time: each symbol's are asked for once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.errors import BrokerRejected, BrokerUnavailable
from stopward.services.feature_book import BarHistory

Span = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True)
class SharedBars:
    """The BarHistory of one minute. expected: symbols that the first question brings along.

    wanted: symbols that were asked for here, which is what to expect the next minute.
    """

    source: BarHistory
    expected: frozenset[Symbol] = frozenset()
    wanted: set[Symbol] = field(default_factory=set)
    _known: dict[Span, dict[Symbol, Sequence[ClosedBar]]] = field(default_factory=dict)
    _failed: BrokerUnavailable | BrokerRejected | None = None

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        """Return closed one-minute bars as the source has them; symbols without any are absent.

        Raises what the source raised, and from then on at once: patience with a broker that is gone
        costs half a minute, and the next account would fare no better. What is known stays.
        """
        self.wanted.update(symbols)
        known = self._known.get((since, until), {})
        more = () if known else sorted(self.expected)
        missing = [each for each in dict.fromkeys((*symbols, *more)) if each not in known]
        if missing:
            found = self._found(missing, since=since, until=until)
            known = {**known, **{each: found.get(each, ()) for each in missing}}
            self._known[since, until] = known
        return {each: known[each] for each in symbols if known[each]}

    def _found(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        if self._failed is not None:
            raise self._failed
        try:
            return self.source.bars(symbols, since=since, until=until)
        except (BrokerUnavailable, BrokerRejected) as error:
            self._failed = error
            raise

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        """Return daily bars; they are asked for anew."""
        return self.source.daily_bars(symbols, since=since, until=until)
