"""The rules of an account, as one TOML file sets them."""

from stopward.domain.rulebook.book import BREAKEVEN_RULES, Mask, RuleBook, masked
from stopward.domain.rulebook.explain import explain, rule_words
from stopward.domain.rulebook.parse import parse, parse_document
from stopward.domain.rulebook.sentences import sentence
from stopward.domain.rulebook.settings import WARN_AT, AccountSettings, Limits, LossStreak

__all__ = [
    "BREAKEVEN_RULES",
    "WARN_AT",
    "AccountSettings",
    "Limits",
    "LossStreak",
    "Mask",
    "RuleBook",
    "explain",
    "masked",
    "parse",
    "parse_document",
    "rule_words",
    "sentence",
]
