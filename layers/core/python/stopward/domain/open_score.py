"""What a model last said of an open position, as a tick may read it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from stopward.domain.identity import PositionId

RECENT: Final = timedelta(minutes=5)
"""How old a score may be that a snapshot tells, by the instant of its tick. [judgement]"""
FRESH: Final = timedelta(minutes=3)
"""How old a score may be that a rule goes by: two minutes may fail, then there is none. [judgement]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenScore:
    """The probability, 0 to 1, that the trade ends with a gain after costs; one that binds.

    at: nothing later is in it. threshold: of the model; under it the model would not be in it.
    """

    position_id: PositionId
    model_id: str
    at: datetime
    probability: float
    threshold: float

    def is_fresh(self, now: datetime) -> bool:
        """Return whether a rule may go by it; one of the future may not."""
        return timedelta(0) <= now - self.at <= FRESH


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedScore:
    """A logged prediction that is its position's score. at: what its vector is as of."""

    position_id: PositionId
    model_id: str
    signal_id: str
    at: datetime
