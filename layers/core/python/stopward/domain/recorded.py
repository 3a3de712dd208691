"""Decisions as the journal gives them back, to be decided again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopward.domain.identity import AccountId
from stopward.domain.rule_set import RuleSet
from stopward.domain.snapshot import DecisionRow, ViewRow

Key = tuple[str, str, str, str]
"""Of a decision in an account: time (ISO, UTC), position, source, telling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision as it was written; `view` is None where it was not written along.

    telling: more than 1 where a pulse was run again and decided otherwise.
    """

    account_id: AccountId
    telling: int
    row: DecisionRow
    view: ViewRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """Decisions of this program's rule version, by time, position, source and telling.

    other_versions: how many lay between them that other versions of the rules decided; their
    numbers mean something else. rule_sets: those that the page names, by digest. after: the key of
    the page's last decision, None on the last page.
    """

    decisions: tuple[RecordedDecision, ...]
    other_versions: int = 0
    rule_sets: Mapping[str, RuleSet] = field(default_factory=dict)
    after: Key | None = None
