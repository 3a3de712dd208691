"""The tables of the rules that close a position, whole or in part."""

from typing import Final

from stopward.domain import excursions
from stopward.domain.rulebook.checks import less, rising, sum_at_most_one, without_gap
from stopward.domain.rulebook.schema import MEASURED, Parameter, Table
from stopward.rules import parameters as kernel

EXIT_TABLES: Final = (
    Table(
        name="session_flat",
        section="rules",
        summary="Close before the session ends.",
        source="exchange calendar rows; early closes shorten the session",
        build=kernel.SessionFlat,
        parameters=(
            Parameter(
                name="minutes", kind="minutes", default=10, minimum=1, maximum=390,
                meaning="Minutes before the session's close at which the position is closed.",
            ),
        ),
    ),
    Table(
        name="adverse_excursion",
        section="rules",
        summary="Cut a loser that went further against us than winners do.",
        source="John Sweeney, Maximum Adverse Excursion, 1997",
        build=excursions.adverse_excursion,
        parameters=(
            Parameter(
                name="limit_r", kind="r", default=MEASURED, optional=True, word=MEASURED,
                minimum=excursions.LEAST_R, maximum=1,
                meaning=(
                    "Adverse excursion beyond which the position is cut;"
                    ' `"measured"` is the 80th percentile of your last 500 winners\'.'
                ),
            ),
            Parameter(
                name="needed", kind="count", default=30, only_beside="limit_r",
                minimum=10, maximum=excursions.COUNTED,
                meaning="Winning trades that a measured `limit_r` must stand on; quiet under that.",
            ),
        ),
    ),
    Table(
        name="give_back",
        section="rules",
        summary="Close when too much of the best profit was given back.",
        source="Stendahl and Zamansky, 1999",
        build=kernel.GiveBack,
        parameters=(
            Parameter(
                name="arm_r", kind="r", default=1.5, minimum=0.1, maximum=50,
                meaning="Best profit, in R, from which the rule watches.",
            ),
            Parameter(
                name="keep", kind="fraction", default=0.5, minimum=0.05, maximum=0.95,
                meaning="Part of the best profit that must be kept.",
            ),
            Parameter(
                name="arm_2_r", kind="r", default=3.0, minimum=0.1, maximum=50, optional=True,
                meaning="Best profit, in R, from which `keep_2` replaces `keep`.",
            ),
            Parameter(
                name="keep_2", kind="fraction", default=0.6, minimum=0.05, maximum=0.95,
                meaning="Part of the best profit that must be kept from `arm_2_r` on.",
            ),
        ),
        checks=(less("arm_r", "arm_2_r"), less("keep", "keep_2", strict=False, when="arm_2_r")),
    ),
    Table(
        name="time_stop",
        section="rules",
        summary="Close a position that is not going anywhere.",
        source="John Sweeney; Van Tharp",
        build=kernel.TimeStop,
        parameters=(
            Parameter(
                name="minutes", kind="minutes", default=20, minimum=1, maximum=10_000,
                meaning="Session minutes after entry at which the position is judged.",
            ),
            Parameter(
                name="need_best_r", kind="r", default=0.3, minimum=0.01, maximum=10, optional=True,
                meaning='Best profit, in R, seen by then; `"off"` asks for a profit now instead.',
            ),
        ),
    ),
    Table(
        name="momentum",
        section="rules",
        summary="Close when momentum turns against the position on closed bars.",
        source="Gerald Appel (MACD); Welles Wilder (RSI)",
        build=kernel.Momentum,
        parameters=(
            Parameter(
                name="votes", kind="count", default=2, minimum=1, maximum=3,
                meaning="1: the MACD cross alone; 2 or 3: so many of MACD, RSI past 50 and VWAP.",
            ),
            Parameter(
                name="below_r", kind="r", default=1.0, minimum=-10, maximum=1000,
                meaning="Only while open profit is under this many R; beyond it the trail decides.",
            ),
        ),
    ),
    Table(
        name="volume",
        section="rules",
        summary="Close when nobody trades the symbol any more.",
        source="relative volume of the same minute over 20 days, closed bars only",
        build=kernel.Volume,
        parameters=(
            Parameter(
                name="limit", kind="fraction", default=0.5, minimum=0.01, maximum=1,
                meaning="Relative volume under which a closed bar counts as quiet.",
            ),
            Parameter(
                name="bars", kind="count", default=3, minimum=1, maximum=60,
                meaning="Quiet closed bars in a row after which the position is closed.",
            ),
        ),
    ),
    Table(
        name="target",
        section="rules",
        summary="Close at a fixed profit.",
        source="R-multiples, Van Tharp",
        build=kernel.Target,
        parameters=(
            Parameter(
                name="distance", kind="distance", default="3 r", minimum=0.01,
                meaning="Profit at which the position is closed, as a distance from entry.",
            ),
            Parameter(
                name="resting", kind="bool", default=False,
                meaning="Whether the target rests at the broker as an order of yours.",
            ),
        ),
    ),
    Table(
        name="aged_target",
        section="rules",
        summary="A profit target that asks for less the longer the position is held.",
        source="the profit-by-age table that freqtrade made popular, in R",
        build=kernel.AgedTarget,
        parameters=(
            Parameter(
                name="r_1", kind="r", default=3.0, minimum=-5, maximum=50,
                meaning="Open profit, in R, at which the position is closed from the start.",
            ),
            Parameter(
                name="minutes_2", kind="minutes", default=60, minimum=1, maximum=9_999,
                optional=True,
                meaning="Session minutes after entry from which `r_2` counts.",
            ),
            Parameter(
                name="r_2", kind="r", default=2.0, minimum=-5, maximum=50,
                meaning="Open profit, in R, that is enough from `minutes_2` on.",
            ),
            Parameter(
                name="minutes_3", kind="minutes", default=120, minimum=1, maximum=9_999,
                optional=True,
                meaning="Session minutes after entry from which `r_3` counts.",
            ),
            Parameter(
                name="r_3", kind="r", default=1.0, minimum=-5, maximum=50,
                meaning="Open profit, in R, that is enough from `minutes_3` on.",
            ),
        ),
        checks=(
            without_gap(("minutes_2", "minutes_3")),
            rising(("minutes_2", "minutes_3")),
            less("r_2", "r_1", when="minutes_2"),
            less("r_3", "r_2", when="minutes_3"),
        ),
    ),
    Table(
        name="partial",
        section="rules",
        summary="Take part of the profit and let the rest run.",
        source="the original specification: half at +2R, a quarter at +3R",
        build=kernel.Partial,
        parameters=(
            Parameter(
                name="at_1", kind="distance", default="2 r", minimum=0.01,
                meaning="Profit at which the first part is closed.",
            ),
            Parameter(
                name="fraction_1", kind="fraction", default=0.5, minimum=0.01, maximum=1,
                meaning="First part, as a fraction of the initial quantity.",
            ),
            Parameter(
                name="at_2", kind="distance", default="3 r", minimum=0.01, optional=True,
                meaning="Profit at which the second part is closed.",
            ),
            Parameter(
                name="fraction_2", kind="fraction", default=0.25, minimum=0.01, maximum=1,
                meaning="Second part, as a fraction of the initial quantity.",
            ),
            Parameter(
                name="at_3", kind="distance", default="off", minimum=0.01, optional=True,
                meaning="Profit at which the third part is closed.",
            ),
            Parameter(
                name="fraction_3", kind="fraction", default=0.25, minimum=0.01, maximum=1,
                meaning="Third part, as a fraction of the initial quantity.",
            ),
        ),
        checks=(
            without_gap(("at_1", "at_2", "at_3")),
            rising(("at_1", "at_2", "at_3")),
            sum_at_most_one(
                (("at_1", "fraction_1"), ("at_2", "fraction_2"), ("at_3", "fraction_3"))
            ),
        ),
    ),
)  # fmt: skip
