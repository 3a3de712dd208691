"""The tables that hold for the whole account: adoption, indicators, limits of the day."""

from typing import Final

from stopward.domain.rulebook.checks import at_least_one, less
from stopward.domain.rulebook.schema import Check, Parameter, Table, Values
from stopward.domain.rulebook.settings import AccountSettings, LossStreak
from stopward.domain.snapshot import WINDOW
from stopward.rules import parameters as kernel
from stopward.rules.indicators import Periods


def _apart(values: Values) -> str | None:
    match values["allow"], values["deny"]:
        case ((str(), *_) as allow, (str(), *_) as deny):
            both = sorted(symbol for symbol in allow if symbol in deny)
            return f"allow and deny both name {', '.join(both)}" if both else None
        case _:
            return None


def _useful(values: Values) -> str | None:
    if values["allow"] and values["adopt"] != "listed":
        return f'allow has no effect while adopt is "{values["adopt"]}": use adopt = "listed"'
    return None


def _period(name: str, default: int, meaning: str) -> Parameter:
    return Parameter(
        name=name, kind="count", default=default, minimum=2, maximum=WINDOW, meaning=meaning
    )


_ACCOUNT_CHECKS: tuple[Check, ...] = (_apart, _useful)

ACCOUNT_TABLE: Final = Table(
    name="account",
    section="account",
    summary="Whom Stopward may touch, and what an order costs.",
    source="adoption is opt-in",
    build=AccountSettings,
    parameters=(
        Parameter(
            name="adopt", kind="choice", default="listed", choices=("none", "listed", "all"),
            meaning="Which positions are guarded: none, those in `allow` or tagged, or all.",
        ),
        Parameter(
            name="allow", kind="symbols", default=(),
            meaning='Symbols that are guarded when `adopt = "listed"`.',
        ),
        Parameter(
            name="deny", kind="symbols", default=(),
            meaning="Symbols that are never touched.",
        ),
        Parameter(
            name="hands_off_tag", kind="text", default="hands-off",
            meaning="A position with this tag is never touched.",
        ),
        Parameter(
            name="session_flat_tag", kind="text", default="day",
            meaning="A position held overnight is closed by the session flat only with this tag.",
        ),
        Parameter(
            name="fees_per_share", kind="money", default="0", maximum=10,
            meaning="Dollars a share that a round trip costs; breakeven covers them.",
        ),
        Parameter(
            name="max_quote_age_seconds", kind="seconds", default=15, minimum=1, maximum=600,
            meaning="A quote older than this is not used.",
        ),
        Parameter(
            name="missing_stop_atr", kind="number", default=1.5, minimum=0.1, maximum=20,
            meaning="Daily ATRs from entry to the stop of an adopted position that had none.",
        ),
    ),
    checks=_ACCOUNT_CHECKS,
)  # fmt: skip

INDICATOR_TABLE: Final = Table(
    name="indicators",
    section="indicators",
    summary="How far back the indicators look, in closed one-minute bars.",
    source="the textbook values",
    build=Periods,
    parameters=(
        _period("macd_fast", 12, "Bars of MACD's fast average."),
        _period("macd_slow", 26, "Bars of MACD's slow average."),
        _period("macd_signal", 9, "Bars of MACD's signal line."),
        _period("rsi", 14, "Bars of the relative strength index."),
        _period("atr", 14, "Bars of the average true range."),
        _period("average", 20, "Bars of the moving average of closes."),
        _period("volume", 20, "Bars of the mean volume that relative volume falls back on."),
    ),
    checks=(less("macd_fast", "macd_slow"),),
)

LIMIT_TABLES: Final = (
    Table(
        name="day_loss",
        section="limits",
        summary="End the day when it has lost enough, open positions included.",
        source="the original specification; no peer acts on open positions",
        build=kernel.DayLoss,
        parameters=(
            Parameter(
                name="loss_fraction", kind="fraction", default=0.02, minimum=0.001, maximum=0.5,
                optional=True,
                meaning="The day's loss that trips it, as a fraction of the prior close's equity.",
            ),
            Parameter(
                name="loss_r", kind="r", default=3.0, minimum=0.5, maximum=1000, optional=True,
                meaning="Loss of the day, in R summed over positions, that trips it as well.",
            ),
            Parameter(
                name="act", kind="choice", default="flatten", choices=("tighten", "flatten"),
                coded=True, field="flatten",
                meaning="Close everything, or pull every stop in to `tighten`.",
            ),
            Parameter(
                name="tighten", kind="distance", default="0.25 r", minimum=0.01,
                meaning='Distance from the price of the stops when `act = "tighten"`.',
            ),
        ),
        checks=(at_least_one(("loss_fraction", "loss_r")),),
    ),
    Table(
        name="day_profit",
        section="limits",
        summary="End the day when it gives back too much of its best result.",
        source="the original specification",
        build=kernel.DayProfit,
        parameters=(
            Parameter(
                name="arm_r", kind="r", default=3.0, minimum=0.5, maximum=1000,
                meaning="Best result of the day, in R over all positions, from which it watches.",
            ),
            Parameter(
                name="give_back", kind="fraction", default=0.4, minimum=0.05, maximum=0.95,
                meaning="Part of the best result that, once lost, closes everything.",
            ),
        ),
    ),
    Table(
        name="loss_streak",
        section="limits",
        summary="Rest after losses in a row; a notice, open positions stay guarded.",
        source="the original specification",
        build=LossStreak,
        parameters=(
            Parameter(
                name="pause_after", kind="count", default=3, minimum=1, maximum=100,
                meaning="Losing trades in a row after which a pause is asked for.",
            ),
            Parameter(
                name="pause_minutes", kind="minutes", default=30, minimum=1, maximum=390,
                meaning="Length of the pause.",
            ),
            Parameter(
                name="stop_after", kind="count", default=5, minimum=2, maximum=100,
                meaning="Losing trades in a row after which the day is over.",
            ),
        ),
        checks=(less("pause_after", "stop_after"),),
    ),
)  # fmt: skip
