"""What every decision of one tick has in common."""

from dataclasses import dataclass
from datetime import datetime

from stopward.domain.day import is_carried
from stopward.domain.market import Session
from stopward.domain.measured import measured_for, with_measured
from stopward.domain.position import Position
from stopward.domain.rule_set import RuleSet
from stopward.domain.rulebook import Mask, RuleBook
from stopward.domain.snapshot import Alarm, Snapshot
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN
from stopward.services.guard.subject import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Snapshot, rules and market of one tick, with its identity."""

    snapshot: Snapshot
    book: RuleBook
    market: Market
    session: Session | None
    tick_at: datetime
    now: datetime
    mask: Mask
    source: str
    alarms: tuple[Alarm, ...] = ()

    @property
    def in_session(self) -> bool:
        """Whether the exchange is open, at the tick's instant and on the clock.

        The very close is outside, and so is a tick of 15:59 that runs after it.
        """
        session = self.session
        return session is not None and session.contains(self.tick_at) and session.contains(self.now)

    def rules_for(self, position: Position) -> Rules:
        """Return the rules of a position, before the mask of the function; what is measured is in.

        How far winners went against the account is read with the snapshot, so that a tick has one
        answer for all positions; the position's own score too, and how old it is the clock tells.
        """
        rules = self.book.rules_for(
            position.symbol,
            self._tags(position),
            held_overnight=is_carried(position, self.session),
        )
        measured = measured_for(rules, self.snapshot.excursions, self._score(position))
        return with_measured(rules, measured)

    def rule_set_for(self, position: Position) -> RuleSet:
        """Return the rules of a position as its file has them, for the journal."""
        return self.book.rule_set_for(
            position.symbol,
            self._tags(position),
            held_overnight=is_carried(position, self.session),
        )

    def _score(self, position: Position) -> float:
        found = self.snapshot.scores.get(position.id)
        return found.probability if found is not None and found.is_fresh(self.now) else NAN

    def _tags(self, position: Position) -> tuple[str, ...]:
        return (*position.tags, *self.snapshot.tags.get(position.symbol, ()))
