"""Which rules read indicators: where none does, none are computed."""

from collections.abc import Mapping
from typing import Any, Final

from stopward.domain.rulebook import RuleBook
from stopward.rules.parameters import ATR, Distance

BY_NATURE: Final = frozenset({"momentum", "volume", "average_trail"})
"""They follow MACD, RSI and VWAP, the relative volume, the moving average."""


def reads_indicators(book: RuleBook) -> bool:
    """Return whether a rule that is on for anything reads one, the ATR of a distance included."""
    layers: tuple[Mapping[str, Any], ...] = (
        book.base._asdict(),
        *book.symbols.values(),
        *book.tags.values(),
    )
    return any(_reads(name, value) for layer in layers for name, value in layer.items())


def _reads(rule: str, parameters: Any) -> bool:
    if parameters is None:
        return False
    return rule in BY_NATURE or any(
        isinstance(value, Distance) and value.unit == ATR for value in parameters
    )
