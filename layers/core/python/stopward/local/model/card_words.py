"""Sentences of a model card: what the model is for, and what nobody may read into it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from stopward.local.model.kind_words import KINDS

FEW: Final = 500
"""Separate trades under which a model's figures say little. [judgement]"""
MOSTLY_MISSING: Final = 0.5
VERDICTS: Final = {
    "published": "It passed every gate and may be asked.",
    "no_model_beats_base_rate": (
        "It was refused: out of fold it is not better than {base}. Nobody may ask it."
    ),
    "leak_suspected": (
        "It was refused: what it knows looks like the outcome itself. Nobody may ask it."
    ),
    "parity_failed": ("It was refused: the graph does not say what was fitted. Nobody may ask it."),
}
MARKS: Final = {True: "passed", False: "refused", None: "not run"}
DRIFTS: Final = {
    "worse_than_base_rate": (
        "Over its last 100 trades it did worse than who always says the share that won, bounds "
        "included."
    ),
    "features_moved": (
        "Two or more of the features that it leans on lie otherwise than in training."
    ),
}
UNKNOWN_INDEX: Final = {
    "few_rows": "fewer than 200 vectors are stored; so few lie far away by chance",
    "no_spreads": "its manifest does not say how rows lay between deciles",
    "other_vector": "vectors of another length are stored",
}


def limits(manifest: Mapping[str, Any], *, now: datetime) -> Iterator[str]:
    """Yield what must be known before anything is believed, the gravest first."""
    if datetime.fromisoformat(manifest["expires_at"]) <= now:
        yield f"It expired on {day(manifest['expires_at'])} and is not asked any more."
    metrics, n = manifest["metrics"], manifest["effective_n"]
    auc = metrics["auc"]
    if n < FEW:
        yield (
            f"It learned from few trades: {manifest['trades']:,} that teach as much as {n:,.0f} "
            f"separate ones. Its area under the curve may be anything between "
            f"{number(auc['low'], 2)} and {number(auc['high'], 2)}."
        )
    yield (
        f"It learned from trades that were closed between {day(manifest['trained_from'])} and "
        f"{day(manifest['trained_to'])}. Markets, symbols and habits that are not among them are "
        "unknown to it."
    )
    own = KINDS[manifest["kind"]]
    yield own.seen
    yield (
        "It gives the chance of a result over zero after costs, not its size; the threshold stands "
        "on the mean win and the mean loss of these trades."
    )
    told = manifest.get("decision")
    if told is not None and not (told["paired_r"]["low"] or 0.0) > 0.0:
        yield (
            f"Whether {own.leaving} brings anything is not known: out of fold "
            f"{bounded(told['paired_r'], signed=True)} R a trade."
        )
    chosen = sorted(set(manifest["chosen_in_folds"]))
    if len(chosen) > 1:
        yield (
            f"The steps of the walk chose differently ({'; '.join(chosen)}): what is published is "
            "the choice over all trades, and the figures are of what each step chose."
        )
    spreads: Mapping[str, Mapping[str, Any]] = manifest["baseline"]
    never = [name for name, each in spreads.items() if each["missing"] == 1.0]
    seldom = [name for name, each in spreads.items() if MOSTLY_MISSING < each["missing"] < 1.0]
    if never:
        yield f"In training these features were never there: {listed(never)}."
    if seldom:
        yield f"These were missing in more than half of the trades: {listed(seldom)}."


def listed(names: Sequence[str]) -> str:
    """Return names in a sentence."""
    return ", ".join(names)


def day(moment: str) -> str:
    """Return the UTC day of an ISO moment."""
    return datetime.fromisoformat(moment).date().isoformat()


def number(value: float | None, decimals: int = 3, *, signed: bool = False) -> str:
    """Return a figure for people; `unknown` where it is none."""
    if value is None:
        return "unknown"
    held = round(value, decimals) + 0.0
    return f"{held:+.{decimals}f}" if signed else f"{held:.{decimals}f}"


def short(value: float | None) -> str:
    """Return a figure with four decimals, or by its power of ten where those would be noughts."""
    if value is None or value == 0.0 or abs(value) >= 5e-4:
        return number(value, 4)
    return f"{value:.1e}"


def bounded(told: Mapping[str, Any], decimals: int = 3, *, signed: bool = False) -> str:
    """Return a figure with its bounds: `0.620 [0.571 to 0.669]`."""
    value, low, high = (number(told[key], decimals, signed=signed) for key in _KEYS)
    return value if told["low"] is None else f"{value} [{low} to {high}]"


_KEYS = ("value", "low", "high")
