"""What one guard remembers between ticks; a cold start begins anew, and asks a little more."""

from dataclasses import dataclass, field

from stopward.services.guard.averages import Averages
from stopward.services.guard.entry_tags import EntryTags
from stopward.services.guard.forgotten import Forgotten
from stopward.services.guard.reentries import Reentries


@dataclass(frozen=True, slots=True)
class Remembered:
    """The memories of the look, each with its own subject; nothing of it is believed alone."""

    entry_tags: EntryTags = field(default_factory=EntryTags)
    averages: Averages = field(default_factory=Averages)
    reentries: Reentries = field(default_factory=Reentries)
    forgotten: Forgotten = field(default_factory=Forgotten)
