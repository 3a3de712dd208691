"""The exits of a freqtrade configuration, or of a strategy's settings, for replay."""

import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from stopward.domain.rulebook.problems import Problems, quoted
from stopward.errors import InvalidInput
from stopward.rules.freqtrade import MOST_ROI_STEPS, NO_STEP, FreqtradeRules, RoiStep
from stopward.rules.types import NAN

READ: Final = (
    "stoploss",
    "trailing_stop",
    "trailing_stop_positive",
    "trailing_stop_positive_offset",
    "trailing_only_offset_is_reached",
    "minimal_roi",
    "fee",
    "timeframe",
)
"""The keys that mean something here; a configuration holds many more."""
CANNOT: Final = {
    "use_custom_stoploss": "a callback sets the stop, and none runs here",
    "use_custom_roi": "a callback sets the profit, and none runs here",
    "position_adjustment_enable": "a callback adds and reduces, and none runs here",
    "ignore_roi_if_entry_signal": "positions carry no later signals",
    "timeframe_detail": "bars inside the bars are not looked at",
}
"""Keys that change exits in ways that are not reproduced; they are refused unless off."""
NEAR: Final = 0.88
"""From this likeness on an unknown key is taken for a slip of the keyboard. [judgement]"""
LONGEST_MINUTES: Final = 10_000_000
LARGEST_PROFIT: Final = 1000.0
ROI_ALLOWED: Final = (
    f"a table of at most {MOST_ROI_STEPS} steps, whole minutes to a ratio from -1 to "
    f'{LARGEST_PROFIT:g}, such as {{"0": 0.04, "30": 0.01}}'
)
TIMEFRAME: Final = re.compile(r"([1-9][0-9]{0,3})([mhdw])")
MINUTES: Final = {"m": 1.0, "h": 60.0, "d": 1440.0, "w": 10_080.0}
"""Of each unit of a timeframe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """What a text sets. timeframe_minutes: what its bars span; None when it names none."""

    rules: FreqtradeRules
    timeframe_minutes: float | None


def parse_freqtrade(text: str, *, source: str) -> Strategy:
    """Return the exits that a JSON or TOML text sets; `source` names it in messages.

    Text that begins with a brace is JSON. Without `minimal_roi` no profit by age is taken, without
    `fee` it is 0. Keys that have nothing to do with exits are passed over.

    Raises InvalidInput that lists every problem: the key, what was read and what is allowed.
    """
    document = _loaded(text, source)
    problems = Problems(source)
    _refuse_others(document, problems)
    rules = FreqtradeRules(
        stoploss=_number(
            document, "stoploss", problems, "a number over -1 and under 0, such as -0.1",
            lambda value: -1.0 < value < 0.0, default=None,
        ),
        trailing_stop=_switch(document, "trailing_stop", problems),
        trailing_stop_positive=_number(
            document, "trailing_stop_positive", problems, "a number over 0 and under 1, or null",
            lambda value: 0.0 < value < 1.0, default=NAN,
        ),
        trailing_stop_positive_offset=_number(
            document, "trailing_stop_positive_offset", problems, "a number from 0 to 1",
            lambda value: 0.0 <= value <= 1.0, default=0.0,
        ),
        trailing_only_offset_is_reached=_switch(
            document, "trailing_only_offset_is_reached", problems
        ),
        minimal_roi=_steps(document.get("minimal_roi"), problems),
        fee=_number(
            document, "fee", problems, "a number from 0 to 0.1, such as 0.001",
            lambda value: 0.0 <= value <= 0.1, default=0.0,
        ),
    )  # fmt: skip
    timeframe = _timeframe(document.get("timeframe"), problems)
    problems.raise_if_any()
    _refuse_contradictions(rules, problems)
    problems.raise_if_any()
    return Strategy(rules=rules, timeframe_minutes=timeframe)


def _loaded(text: str, source: str) -> Mapping[str, object]:
    is_json = text.lstrip().startswith("{")
    try:
        if is_json:
            document: object = json.loads(
                text, object_pairs_hook=_once, parse_constant=_no_constant
            )
        else:
            document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON, without comments and trailing commas" if is_json else "TOML"
        raise InvalidInput(f"{source}: not valid {kind}: {error}") from error
    if not isinstance(document, dict):
        raise InvalidInput(f"{source}: was not one object of keys and values")
    return document


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{quoted(key)} stands twice")
        found[key] = value
    return found


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not a number")


def _refuse_others(document: Mapping[str, object], problems: Problems) -> None:
    for key, raw in document.items():
        if key in CANNOT:
            if raw not in (False, None, ""):
                problems.note(key, f"is not reproduced: {CANNOT[key]}; leave it out or turn it off")
        elif key not in READ and get_close_matches(key, READ, n=1, cutoff=NEAR):
            problems.unknown(quoted(key), key, READ)


def _switch(document: Mapping[str, object], key: str, problems: Problems) -> float:
    raw = document.get(key, False)
    if not isinstance(raw, bool):
        problems.value(key, raw, "true or false")
        return 0.0
    return float(raw)


def _number(
    document: Mapping[str, object],
    key: str,
    problems: Problems,
    allowed: str,
    is_allowed: Callable[[float], bool],
    *,
    default: float | None,
) -> float:
    """Return a number; `default` where there is none. Without a default it must be there."""
    raw = document.get(key)
    if raw is None:
        if default is not None:
            return default
        problems.note(key, f"is missing; allowed: {allowed}")
        return NAN
    value = _float(raw)
    if value is None or not is_allowed(value):
        problems.value(key, raw, allowed)
        return NAN
    return value


def _float(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if -LARGEST_PROFIT <= raw <= LARGEST_PROFIT else None


def _timeframe(raw: object, problems: Problems) -> float | None:
    if raw is None:
        return None
    match = TIMEFRAME.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        problems.value("timeframe", raw, 'a number of minutes, hours, days or weeks such as "5m"')
        return None
    return float(match[1]) * MINUTES[match[2]]


def _steps(raw: object, problems: Problems) -> tuple[RoiStep, ...]:
    unused = (NO_STEP,) * MOST_ROI_STEPS
    if raw is None:
        return unused
    if not isinstance(raw, dict) or len(raw) > MOST_ROI_STEPS:
        problems.value("minimal_roi", raw, ROI_ALLOWED)
        return unused
    steps: dict[int, float] = {}
    for key, number in raw.items():
        path = f"minimal_roi.{quoted(key)}"
        value = _float(number)
        if not (key.isascii() and key.isdigit() and len(key) <= len(str(LONGEST_MINUTES))):
            problems.note(path, f"is not a whole number of minutes; allowed: {ROI_ALLOWED}")
        elif int(key) in steps:
            problems.note(path, f"{int(key)} minutes stand twice")
        elif value is None or value < -1.0:
            problems.value(path, number, ROI_ALLOWED)
        else:
            steps[int(key)] = value
    rows = tuple(RoiStep(float(minutes), steps[minutes]) for minutes in sorted(steps))
    return rows + unused[len(rows) :]


def _refuse_contradictions(rules: FreqtradeRules, problems: Problems) -> None:
    """Note what that peer refuses too: an offset that the trail makes meaningless."""
    positive, offset = rules.trailing_stop_positive, rules.trailing_stop_positive_offset
    if not rules.trailing_stop:
        return
    if rules.trailing_only_offset_is_reached and math.isnan(positive):
        problems.note(
            "trailing_only_offset_is_reached", "needs trailing_stop_positive, and there is none"
        )
    if 0.0 < offset <= positive:
        problems.value(
            "trailing_stop_positive_offset",
            offset,
            f"0, or a number over trailing_stop_positive ({positive:g})",
        )
