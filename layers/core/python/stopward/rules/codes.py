"""Codes of the rules in order of priority; floats, for the kernel counts in floats only."""

from typing import Final

NO_RULE: Final = 0.0
STOP: Final = 1.0
DAY_LOSS: Final = 2.0
DAY_PROFIT: Final = 3.0
SESSION_FLAT: Final = 4.0
ADVERSE_EXCURSION: Final = 5.0
GIVE_BACK: Final = 6.0
TIME_STOP: Final = 7.0
MOMENTUM: Final = 8.0
VOLUME: Final = 9.0
TARGET: Final = 10.0
AGED_TARGET: Final = 11.0
PARTIAL: Final = 12.0
BREAKEVEN: Final = 13.0
RATCHET: Final = 14.0
CHANDELIER: Final = 15.0
PERCENT_TRAIL: Final = 16.0
BAR_TRAIL: Final = 17.0
AVERAGE_TRAIL: Final = 18.0
FOLLOW_TARGETS: Final = 19.0
MODEL_TIGHTEN: Final = 20.0

RULE_NAMES: Final = (
    "none",
    "stop",
    "day_loss",
    "day_profit",
    "session_flat",
    "adverse_excursion",
    "give_back",
    "time_stop",
    "momentum",
    "volume",
    "target",
    "aged_target",
    "partial",
    "breakeven",
    "ratchet",
    "chandelier",
    "percent_trail",
    "bar_trail",
    "average_trail",
    "follow_targets",
    "model_tighten",
)
"""Names by code; `RULE_NAMES[int(code)]` is also the TOML table and the word in the database."""

BITS: Final = tuple(0.0 if code == 0 else 2.0 ** (code - 1) for code in range(len(RULE_NAMES)))
"""The bit of each rule in `Proposal.fired`, by code."""

RULE_VERSION: Final = "2026.11.1"
"""Changes whenever a rule's outcome can change; stored with each decision."""


def fired_rules(fired: float) -> tuple[str, ...]:
    """Return the names of the rules whose bit is set in `fired`, in order of priority."""
    if not fired:
        return ()
    bits = int(fired)
    return tuple(name for code, name in enumerate(RULE_NAMES) if code and bits >> (code - 1) & 1)
