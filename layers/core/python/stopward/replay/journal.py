"""Decide recorded decisions again, from nothing but what was recorded. Pure, but for the reader."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Protocol, cast

from stopward.domain.decide import decide_from, settled_by
from stopward.domain.decision import Circumstances, Reason
from stopward.domain.identity import AccountId
from stopward.domain.market import Quote
from stopward.domain.measured import with_measured
from stopward.domain.reasons import reasons_of
from stopward.domain.recorded import DecisionPage, Key, RecordedDecision
from stopward.domain.rule_set import RuleSet
from stopward.domain.rulebook import Mask, masked
from stopward.domain.snapshot import ViewRow
from stopward.errors import InvalidState
from stopward.rules.codes import RULE_VERSION
from stopward.rules.types import Account, Bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field of a row that came out otherwise, both as Python shows them."""

    field: str
    written: str
    again: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The same came out, to the last bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreed:
    """Something else came out, or what was written is not what it says it is."""

    recorded: RecordedDecision
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherVersion:
    """Another version of the rules decided it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """It cannot be decided again, for this was not written: `circumstances`, `view`, `rules`."""

    what: str


Outcome = Agreed | Disagreed | OtherVersion | Lacking


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rows were looked at, and what became of them; the last three were not decided.

    lacking_circumstances: written before these were kept, or when the journal failed.
    """

    agreed: int = 0
    disagreed: int = 0
    other_versions: int = 0
    lacking_circumstances: int = 0
    lacking_view: int = 0
    lacking_rules: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.agreed + self.disagreed + self.other_versions + self.lacking

    @property
    def lacking(self) -> int:
        """Rows that cannot be decided again, for not all they stand on was written."""
        return self.lacking_circumstances + self.lacking_view + self.lacking_rules


class DecisionReader(Protocol):
    """Who reads an account's decisions page by page."""

    def read_decisions(
        self,
        account_id: AccountId,
        *,
        since: datetime | None,
        until: datetime | None,
        after: Key | None,
    ) -> DecisionPage:
        """Return the page after a key, the first one after None; since <= time < until."""


def pages_of(
    reader: DecisionReader,
    account_id: AccountId,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[DecisionPage]:
    """Yield an account's decisions in order, a page at a time."""
    after: Key | None = None
    while True:
        page = reader.read_decisions(account_id, since=since, until=until, after=after)
        yield page
        after = page.after
        if after is None:
            return


def decide_page_again(page: DecisionPage, *, on_disagreement: Callable[[Disagreed], None]) -> Tally:
    """Decide every row of a page again and return what became of them."""
    counts = {"other_versions": page.other_versions}
    for recorded in page.decisions:
        outcome = decide_again(recorded, page.rule_sets)
        match outcome:
            case Agreed():
                name = "agreed"
            case Disagreed():
                name = "disagreed"
                on_disagreement(outcome)
            case OtherVersion():
                name = "other_versions"
            case Lacking(what=what):
                name = f"lacking_{what}"
        counts[name] = counts.get(name, 0) + 1
    return Tally(**counts)


def added(one: Tally, other: Tally) -> Tally:
    """Return the sum of two tallies."""
    names = Tally.__dataclass_fields__
    return Tally(**{name: getattr(one, name) + getattr(other, name) for name in names})


def decide_again(recorded: RecordedDecision, rule_sets: Mapping[str, RuleSet]) -> Outcome:
    """Decide one row again, from its state, view, account, rule set and circumstances.

    Compared are the decision, the rules that were true, and what each wanted; a reason's sentence
    is prose, and may be worded anew.
    """
    row, view = recorded.row, recorded.view
    if row.rule_version != RULE_VERSION:
        return OtherVersion()
    if row.circumstances is None:
        return Lacking(what="circumstances")
    if view is None:
        return Lacking(what="view")
    if row.circumstances.rule_set not in rule_sets:
        return Lacking(what="rules")
    rule_set = rule_sets[row.circumstances.rule_set]
    try:
        differences = _differences(recorded, view, row.circumstances, rule_set)
    except (InvalidState, ValueError, TypeError) as error:
        # What was changed by hand may be no state, bar or rule at all.
        differences = (Difference(field="inputs", written=str(error), again="unreadable"),)
    return Disagreed(recorded=recorded, differences=differences) if differences else Agreed()


def _differences(
    recorded: RecordedDecision, view: ViewRow, circumstances: Circumstances, rule_set: RuleSet
) -> tuple[Difference, ...]:
    row = recorded.row
    if not rule_set.is_whole:
        return (Difference(field="rules", written=rule_set.digest, again="another digest of them"),)
    bar, account, quote = Bar._make(view.bar), Account._make(row.account), _quote(view)
    verdict = decide_from(
        row.state,
        bar,
        account,
        masked(with_measured(rule_set.rules(), row.measured), cast("Mask", row.mask)),
        hand_loosened=circumstances.hand_loosened,
        usable=bar.closed > 0 or quote is not None,
    )
    decision = settled_by(
        verdict, quote, covered=circumstances.covered, crossed=circumstances.crossed
    )
    pairs = (
        ("decision", row.decision, decision),
        ("fired", _bits(row.fired), _bits(verdict.proposal.fired)),
        ("price", _bits(row.price), _bits(bar.close)),
        ("closed_bar", row.closed_bar, bar.closed > 0),
        ("reasons", _wishes(row.reasons), _wishes(reasons_of(verdict, bar, account))),
    )
    return tuple(
        Difference(field=name, written=_shown(written), again=_shown(again))
        for name, written, again in pairs
        if written != again
    )


def _quote(view: ViewRow) -> Quote | None:
    """Return the quote that could be used, as the tick saw it; None when none could."""
    if view.fault is not None or view.quote_at is None or view.bid is None or view.ask is None:
        return None
    return Quote(symbol=view.symbol, at=view.quote_at, bid=view.bid, ask=view.ask, feed=view.feed)


def _bits(number: float | None) -> bytes | None:
    """Return what tells a number from every other; all nan are one."""
    if number is None:
        return None
    return b"nan" if isnan(number) else struct.pack(">d", number)


def _wishes(reasons: Sequence[Reason]) -> tuple[tuple[object, ...], ...]:
    return tuple((r.rule, r.wanted, _bits(r.price), _bits(r.quantity)) for r in reasons)


def _shown(value: object) -> str:
    match value:
        case b"nan":
            return "nan"
        case bytes():
            return repr(struct.unpack(">d", value)[0])
        case tuple():
            return "(" + ", ".join(_shown(each) for each in value) + ")"
        case _:
            return repr(value)
