"""Sets of rules to start from, spelled as a rules file would."""

from typing import Final

PRESETS: Final = {
    "standard": """
[limits.day_loss]
[limits.day_profit]
[limits.loss_streak]

[rules.session_flat]
[rules.give_back]
[rules.time_stop]
[rules.momentum]
[rules.volume]
[rules.partial]
[rules.breakeven]
[rules.ratchet]
[rules.chandelier]
distance = "2.5 atr"  # the intraday form
window = 14
""",
}
"""TOML by name; a file that names a preset changes single values of it."""
