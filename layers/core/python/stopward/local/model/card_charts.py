"""The pictures of a model card, from figures as a manifest or a night has them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stopward.domain.share import wilson
from stopward.report.calibration import Part, calibration
from stopward.report.document import figure
from stopward.report.intervals import Between, intervals

TAIL: Final = 0.05
MOST_DRAWN: Final = 12
"""Features in the chart; the table has them all."""


def curve_figure(curve: Sequence[Sequence[float]], *, title: str, caption: str) -> str:
    """Return what was said beside what came.

    curve: mean probability, share that won and count of each part. Not empty.
    """
    parts = []
    for said, came, count in curve:
        low, high = wilson(round(came * count), int(count), tail=TAIL)
        parts.append(Part(said=said, came=came, low=low, high=high, count=int(count)))
    chart = calibration(parts, title=title, names=("probability that was said", "share that won"))
    return figure(chart, title=title, caption=caption)


def ranked(manifest: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return what features tell, in thousandths of a nat, those that tell most first.

    Features that no model reads are left out; all are where a manifest is from before importances.
    """
    told = {
        name: {key: 1000.0 * each[key] for key in ("value", "low", "high")}
        for name, each in manifest.get("importances", {}).items()
        if None not in each.values() and any(each.values())
    }
    return dict(sorted(told.items(), key=lambda pair: (-pair[1]["value"], pair[0])))


def importances_figure(told: Mapping[str, Mapping[str, float]]) -> str:
    """Return what the first features tell; nothing where none tells anything."""
    first = list(told.items())[:MOST_DRAWN]
    if not first:
        return ""
    title = "What features tell"
    chart = intervals(
        [Between(name=name, **each) for name, each in first],
        title=title,
        names=("feature", "log loss, 1/1000"),
        decimals=1,
    )
    caption = (
        "What shuffling one feature costs on trades that were not learned from, with 90 % bounds. "
        "Around 0 it is not missed."
    )
    return figure(chart, title=title, caption=caption)
