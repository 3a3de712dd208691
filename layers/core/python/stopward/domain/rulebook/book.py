"""The rules of one account, resolved: what holds for which symbol and tag, and their hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Final, Literal

from stopward.domain.rule_set import RuleSet, rule_set_of
from stopward.domain.rulebook.settings import AccountSettings, Limits, LossStreak
from stopward.errors import InvalidState
from stopward.rules.indicators import Periods
from stopward.rules.parameters import (
    AdverseExcursion,
    AgedTarget,
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    DayLoss,
    DayProfit,
    FollowTargets,
    GiveBack,
    ModelTighten,
    Momentum,
    Partial,
    PercentTrail,
    Ratchet,
    Rules,
    SessionFlat,
    Target,
    TimeStop,
    Volume,
)

Mask = Literal["all", "breakeven"]
BREAKEVEN_RULES: Final = ("breakeven", "ratchet", "follow_targets")
"""The rules of `check_breakeven`: they tighten stops and never close."""

Parameters = (
    DayLoss | DayProfit | SessionFlat | AdverseExcursion | GiveBack | TimeStop | Momentum | Volume
    | Target | AgedTarget | Partial | Breakeven | Ratchet | Chandelier | PercentTrail | BarTrail
    | AverageTrail | FollowTargets | ModelTighten
)  # fmt: skip
"""One rule's parameters."""
LATER: Final = frozenset({"model_tighten"})
"""Rules that came after hashes were stored: a file that leaves one off keeps the hash it had."""
Override = Mapping[str, Parameters | None]
"""Parameters by rule, for the rules that a symbol or tag sets for itself; None turns one off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """One account's rules. Build it with `parse`.

    base: what holds without overrides, day limits included.
    symbols, tags: overrides, a rule's parameters whole; of tags the one later in the file wins.
    hash: SHA-256 of what the file means; comments, spacing and key order do not matter.
    """

    source: str
    account: AccountSettings
    periods: Periods
    limits: Limits
    base: Rules
    symbols: Mapping[str, Override] = field(default_factory=dict)
    tags: Mapping[str, Override] = field(default_factory=dict)
    hash: str = field(init=False)
    _resolved: dict[tuple[str, tuple[str, ...], bool], tuple[RuleSet, Rules]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Hash the content once, for every decision carries it."""
        object.__setattr__(self, "hash", _hash(self))

    def rules_for(self, symbol: str, tags: Sequence[str], *, held_overnight: bool = False) -> Rules:
        """Return the rules of one position: its symbol's over its tags' over the account's.

        held_overnight: the position was opened in an earlier session; unless it carries
        `account.session_flat_tag` the session flat then leaves it alone.
        """
        return self._rules_of(symbol, tags, held_overnight)[1]

    def rule_set_for(
        self, symbol: str, tags: Sequence[str], *, held_overnight: bool = False
    ) -> RuleSet:
        """Return what `rules_for` returns as the journal keeps it, for the same arguments."""
        return self._rules_of(symbol, tags, held_overnight)[0]

    def _rules_of(
        self, symbol: str, tags: Sequence[str], held_overnight: bool
    ) -> tuple[RuleSet, Rules]:
        key = (symbol, tuple(sorted(tags)), held_overnight)
        if key not in self._resolved:
            rule_set = rule_set_of(self._resolve(symbol, frozenset(tags), held_overnight))
            # From what is kept, so that it is decided by what is kept.
            self._resolved[key] = rule_set, rule_set.rules()
        return self._resolved[key]

    @property
    def known_tags(self) -> frozenset[str]:
        """The tags that mean something in this file: those with rules, and the two of `account`."""
        named = (self.account.hands_off_tag, self.account.session_flat_tag)
        return frozenset((*self.tags, *named))

    def _resolve(self, symbol: str, tags: frozenset[str], held_overnight: bool) -> Rules:
        chosen: dict[str, Parameters | None] = self.base._asdict()
        for tag, override in self.tags.items():
            if tag in tags:
                chosen.update(override)
        chosen.update(self.symbols.get(symbol, {}))
        if held_overnight and self.account.session_flat_tag not in tags:
            chosen["session_flat"] = None
        return Rules._make(chosen[name] for name in Rules._fields)


def masked(rules: Rules, mask: Mask) -> Rules:
    """Return the rules a function may apply: "all", or "breakeven" for those that only tighten."""
    if mask == "all":
        return rules
    if mask == "breakeven":
        return Rules(
            breakeven=rules.breakeven, ratchet=rules.ratchet, follow_targets=rules.follow_targets
        )
    raise InvalidState(f'rule mask was "{mask}"; it is "all" or "breakeven"')


def _hash(book: RuleBook) -> str:
    content = {
        "account": {item.name: getattr(book.account, item.name) for item in fields(book.account)},
        "periods": book.periods._asdict(),
        "loss_streak": _named(book.limits.loss_streak),
        "base": _override(
            {
                name: params
                for name, params in book.base._asdict().items()
                if params is not None or name not in LATER
            }
        ),
        "symbols": {symbol: _override(rules) for symbol, rules in book.symbols.items()},
        # A list, for of two tags the later one wins.
        "tags": [[tag, _override(rules)] for tag, rules in book.tags.items()],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _override(rules: Override) -> dict[str, dict[str, object] | None]:
    return {rule: _named(parameters) for rule, parameters in rules.items()}


def _named(parameters: Parameters | LossStreak | None) -> dict[str, object] | None:
    if parameters is None:
        return None
    return {name: _spelled(value) for name, value in parameters._asdict().items()}


def _spelled(value: object) -> object:
    # nan has no place in JSON; tuples of numbers (distances) are spelled number by number.
    if isinstance(value, tuple):
        return [_spelled(item) for item in value]
    return repr(value)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value.normalize())
    raise InvalidState(f"{value!r} has no place in a hash")
