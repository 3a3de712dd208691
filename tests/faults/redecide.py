"""What a tick wrote is decided again, from nothing but what it wrote: the journal tells all."""

from stopward.domain.day import is_carried
from stopward.domain.decide import admit, decide_from
from stopward.domain.decision import Decision, Exit, Hold
from stopward.domain.excursions import with_measured
from stopward.domain.market import Quote
from stopward.domain.position import Position
from stopward.domain.rulebook import RuleBook, masked
from stopward.domain.snapshot import DecisionRow, Snapshot, TickRecord, ViewRow
from stopward.rules.types import Account, Bar
from tests.faults.frame import Broken


def check_decided_again(record: TickRecord, snapshot: Snapshot, book: RuleBook) -> None:
    """Decide each row again, from its view, state, account and the rules of its hash."""
    views = {view.symbol: view for view in record.views}
    positions = {each.id: each for each in (*snapshot.positions, *record.positions)}
    for row in record.decisions:
        if row.rules_hash != book.hash:
            raise Broken(f"9: {row.symbol} was decided by rules {row.rules_hash}, not {book.hash}")
        position = positions[row.position_id]
        fired, decision = _again(row, views[row.symbol], position, snapshot, book)
        if fired != row.fired or not _is_same(row.decision, decision):
            raise Broken(
                f"9: {row.symbol} was decided {row.decision} (fired {row.fired:.0f}), "
                f"and again {decision} (fired {fired:.0f})"
            )


def _again(
    row: DecisionRow, view: ViewRow, position: Position, snapshot: Snapshot, book: RuleBook
) -> tuple[float, Decision]:
    tags = (*position.tags, *snapshot.tags.get(row.symbol, ()))
    rules = book.rules_for(row.symbol, tags, held_overnight=is_carried(position, snapshot.session))
    quote = _quote(view)
    verdict = decide_from(
        row.state,
        position,
        Bar(*view.bar),
        Account(*row.account),
        masked(with_measured(rules, row.measured), row.mask),
        usable=row.closed_bar or quote is not None,
    )
    return verdict.proposal.fired, admit(verdict.decision, position, quote)


def _quote(view: ViewRow) -> Quote | None:
    if view.fault is not None or view.quote_at is None or view.bid is None or view.ask is None:
        return None
    return Quote(symbol=view.symbol, at=view.quote_at, bid=view.bid, ask=view.ask, feed=view.feed)


def _is_same(decided: Decision, again: Decision) -> bool:
    # A breach is left to the stop that rests, for a pulse: the broker's part is in no row.
    left_to_the_stop = isinstance(decided, Hold) and again == Exit(rule="stop")
    return decided == again or left_to_the_stop
