"""What a model of each kind says, and what is done above and below its threshold, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stopward.domain.features.row import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class KindWords:
    """A kind in words.

    meaning: what it says of what. seen: what it learned from, and so what it cannot know. above:
    what is done over the threshold; held, left: that in the past, and its opposite; leaving: the
    opposite as a name.
    """

    meaning: str
    seen: str
    above: str
    held: str
    left: str
    leaving: str


KINDS: Final[Mapping[Kind, KindWords]] = {
    "entry": KindWords(
        meaning="A model of entries: of a signal before it is taken it says the chance that the "
        "trade ends with a gain.",
        seen="It has seen trades that were made, and none of those that were not: it may say which "
        "entries to leave out, never which others to make.",
        above="take over",
        held="it took",
        left="left out",
        leaving="leaving out",
    ),
    "open": KindWords(
        meaning="A model of open positions: of a position as it stands now it says the chance that "
        "the trade ends with a gain.",
        seen="It has seen one minute of each trade, of an age that was drawn for it, and how the "
        "trade went on under your rules: it says how such trades end, not how they would end under "
        "others.",
        above="stay over",
        held="it stayed in",
        left="ended",
        leaving="ending at once",
    ),
}


def base_of(manifest: Mapping[str, Any]) -> str:
    """Return what a model was measured against; most are so against the share that won."""
    plain = manifest.get("plain")
    return f"a model of {', '.join(plain)} alone" if plain else "the share that won"
