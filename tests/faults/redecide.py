"""What a tick wrote is decided again, from nothing but what it wrote: the journal tells all."""

from stopward.domain.recorded import RecordedDecision
from stopward.domain.rulebook import RuleBook
from stopward.domain.snapshot import TickRecord
from stopward.replay.journal import Agreed, Disagreed, decide_again
from tests.faults.frame import Broken


def check_decided_again(record: TickRecord, book: RuleBook) -> None:
    """Decide each row again as `stopward replay --journal` does; a tick writes all it takes."""
    views = {view.symbol: view for view in record.views}
    rule_sets = {rule_set.digest: rule_set for rule_set in record.rule_sets}
    for row in record.decisions:
        if row.rules_hash != book.hash:
            raise Broken(f"9: {row.symbol} was decided by rules {row.rules_hash}, not {book.hash}")
        recorded = RecordedDecision(
            account_id=record.account_id, telling=1, row=row, view=views.get(row.symbol)
        )
        outcome = decide_again(recorded, rule_sets)
        match outcome:
            case Agreed():
                pass
            case Disagreed(differences=differences):
                raise Broken(f"9: {row.symbol} was decided otherwise again: {differences}")
            case _:
                raise Broken(f"9: {row.symbol} cannot be decided again: {outcome}")
