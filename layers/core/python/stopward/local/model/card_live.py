"""The part of a model card that only a database knows: how the model does live."""

from collections.abc import Iterator, Mapping
from typing import Any

from stopward.local.model.card_charts import curve_figure
from stopward.local.model.card_source import Live
from stopward.local.model.card_words import DRIFTS, UNKNOWN_INDEX, bounded, number
from stopward.report.document import definitions
from stopward.report.markup import element, words


def live_section(live: Live | None) -> Iterator[str]:
    """Yield the markup of the section; nothing without a database."""
    if live is None:
        return
    yield element("h2", "Live")
    told = live.figures
    if not told or not told["predictions"]:
        yield element("p", "It has said nothing yet.", class_="muted")
        return
    notes = [DRIFTS[each] for each in told["drift"] or ()]
    if told["psi_unknown"]:
        notes.append(f"Features are not compared: {UNKNOWN_INDEX[told['psi_unknown']]}.")
    if notes:
        inside = "".join(element("p", words(each)) for each in notes)
        yield element("div", inside, class_="notes")
    yield definitions(_figures(live, told), class_="figures")
    curve = (told["more"] or {}).get("calibration_curve")
    if curve:
        drawn = curve_figure(
            curve,
            title="What it said live and what came",
            caption=(
                f"{told['resolved']:,} trades of {told['session_days']:,} sessions in which every "
                f"signal was traded, up to {told['statistics_day']}."
            ),
        )
        yield element("div", drawn, class_="charts")


def _figures(live: Live, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if live.stage is not None:
        yield "stage, weight", f"{live.stage}, {live.weight}"
    yield "said, resolved", f"{told['predictions']:,}, {told['resolved']:,}"
    yield "area under the curve", bounded(_between(told, "auc"))
    yield "calibration slope", bounded(_between(told, "slope"), 2)
    if told["nights_skill"] is not None:
        skill = {
            "value": told["nights_skill"],
            "low": told["brier_skill_low"],
            "high": told["brier_skill_high"],
        }
        yield "Brier skill", bounded(skill, signed=True)
    if told["recent_skill"] is not None:
        yield "of the last 100 trades", bounded(_between(told, "recent_skill"), signed=True)
    yield "share that won", number(told["base_rate"])
    paired = number(told["mean_paired_r"], signed=True)
    yield "leaving out would have changed", f"{paired} R a trade"
    yield "scoring took", f"{number(told['mean_latency_ms'], 1)} ms on the average"


def _between(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"value": told[name], "low": told[f"{name}_low"], "high": told[f"{name}_high"]}
