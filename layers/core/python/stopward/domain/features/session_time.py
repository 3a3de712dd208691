"""Where in the session and in the week it is."""

from datetime import date
from typing import Final

from stopward.domain.features.inputs import MINUTE
from stopward.domain.features.row import VOCABULARY, Feature
from stopward.domain.features.sight import Sight
from stopward.rules.types import NAN

CALENDAR: Final = ("sessions",)


def _minute(sight: Sight) -> float:
    return NAN if sight.session is None else (sight.at - sight.session.opens_at) / MINUTE


def _to_close(sight: Sight) -> float:
    return NAN if sight.session is None else sight.session.minutes_to_close(sight.at)


def _weekday(sight: Sight) -> float:
    if sight.session is None:
        return NAN
    return [*VOCABULARY["weekday"].values()][date.fromisoformat(sight.session.day).weekday()]


TO_CLOSE: Final = Feature(
    name="minutes_to_close",
    unit="minutes",
    low=-720.0,
    high=1_440.0,
    needs=CALENDAR,
    meaning="Minutes to the session's close, early closes included; negative after it.",
    read=_to_close,
)
SESSION_TIME: Final = (
    Feature(
        name="minute_of_session",
        unit="minutes",
        low=-720.0,
        high=1_440.0,
        needs=CALENDAR,
        meaning="Minutes since the session's open; negative before it.",
        read=_minute,
    ),
    TO_CLOSE,
    Feature(
        name="weekday",
        unit="code",
        low=0.0,
        high=6.0,
        needs=CALENDAR,
        meaning="Day of the week of the session.",
        read=_weekday,
    ),
)
