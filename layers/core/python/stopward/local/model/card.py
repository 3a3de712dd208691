"""A model card: what one model was made of, what it was judged by, and how it does live."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from stopward.errors import InvalidInput
from stopward.local.model.card_charts import curve_figure, importances_figure, ranked
from stopward.local.model.card_live import live_section
from stopward.local.model.card_source import Live
from stopward.local.model.card_words import (
    MARKS,
    VERDICTS,
    bounded,
    day,
    limits,
    number,
    short,
)
from stopward.local.model.kind_words import KINDS, base_of
from stopward.report.document import definitions, document, table
from stopward.report.markup import element, words

GATE_COLUMNS: Final = ("gate", "outcome", "figure", "bound", "why")
FEATURE_COLUMNS: Final = (
    "feature", "tells", "from", "to", "missing", "1st decile", "median", "9th decile",
)  # fmt: skip
INDEX: Final = "live index"
"""Column that is there where a database knows it."""


def card(manifest: Mapping[str, Any], live: Live | None, *, now: datetime) -> str:
    """Return the page: HTML with its styles and pictures inside, the same bytes for the same input.

    manifest: as training wrote it; what a manifest of an older version lacks is left out. now: for
    what has expired. Raises InvalidInput for a manifest that lacks what training writes.
    """
    try:
        return _page(manifest, live, now)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(
            f"the manifest of {manifest.get('model_id')!r} is none of `stopward model train`: "
            f"{error!r}"
        ) from error


def _page(manifest: Mapping[str, Any], live: Live | None, now: datetime) -> str:
    title = f"Model {manifest['model_id']}"
    told = "".join(element("p", words(each)) + "\n" for each in limits(manifest, now=now))
    parts = [
        element("h1", words(title)),
        element("p", words(_verdict(manifest)), class_="lead"),
        element("p", words(KINDS[manifest["kind"]].meaning)),
        definitions(_figures(manifest, live), class_="figures"),
        element("p", "In brackets: bounds with 5 % beyond each of them.", class_="muted"),
        element("h2", "Limits"),
        element("div", told, class_="notes"),
        element("h2", "Gates"),
        table(
            GATE_COLUMNS,
            _gates(manifest),
            numbers=frozenset({"figure", "bound"}),
            prose=frozenset({"why"}),
        ),
        element("h2", "On trades that it had not seen"),
        element("div", "".join(_charts(manifest)), class_="charts"),
        element("h2", "Threshold"),
        definitions(_threshold(manifest), class_="terms"),
        *live_section(live),
        element("h2", "Features"),
        *_features(manifest, live),
        element("h2", "How it was made"),
        definitions(_made(manifest), class_="terms"),
    ]
    return document(title=title, body="\n".join(part for part in parts if part))


def _figures(manifest: Mapping[str, Any], live: Live | None) -> Iterator[tuple[str, str]]:
    metrics = manifest["metrics"]
    yield "verdict", manifest["verdict"].replace("_", " ")
    yield "trades", f"{manifest['trades']:,}, as {manifest['effective_n']:,.0f} separate ones"
    yield "winners, losers", f"{manifest['winners']:,}, {manifest['losers']:,}"
    yield "trades from, to", f"{day(manifest['trained_from'])} to {day(manifest['trained_to'])}"
    yield "area under the curve", bounded(metrics["auc"])
    yield "Brier skill", bounded(metrics["brier_skill"], signed=True)
    yield "log loss saved", bounded(metrics["gain"], 4, signed=True)
    yield KINDS[manifest["kind"]].above, number(manifest["threshold"]["probability"])
    yield "expires", day(manifest["expires_at"])
    if live is not None:
        yield "role", live.alias or "none"


def _verdict(manifest: Mapping[str, Any]) -> str:
    return VERDICTS[manifest["verdict"]].format(base=base_of(manifest))


def _gates(manifest: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for gate in manifest["gates"]:
        yield (
            gate["name"].replace("_", " "),
            MARKS[gate["passed"]],
            short(gate["figure"]),
            short(gate["bound"]),
            gate["says"],
        )


def _charts(manifest: Mapping[str, Any]) -> Iterator[str]:
    metrics = manifest["metrics"]
    slope = number(metrics["calibration_slope"], 2)
    intercept = number(metrics["calibration_intercept"], 2, signed=True)
    yield curve_figure(
        manifest["calibration_curve"],
        title="What it said and what came",
        caption=(
            f"{metrics['tested']:,} trades out of fold, in parts of equal count. Dashed: where "
            f"what is said is what comes. Calibration slope {slope}, intercept {intercept}."
        ),
    )
    yield importances_figure(ranked(manifest))


def _threshold(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limit, own = manifest["threshold"], KINDS[manifest["kind"]]
    yield own.above, number(limit["probability"], 4)
    yield (
        "mean win, mean loss",
        f"{limit['mean_win_r']:.2f} R, {limit['mean_loss_r']:.2f} R, shrunk",
    )
    yield "to bring on top", f"{limit['cost_r']:.2f} R"
    yield (
        "expected at the threshold",
        "0 R: chance of a win x mean win = chance of a loss x mean loss + what it is to bring",
    )
    told = manifest.get("decision")
    if told is None:
        return
    yield f"out of fold {own.held}", f"{told['taken']:,}, and {own.left} {told['vetoed']:,}"
    yield f"a trade that {own.held}", f"{bounded(told['mean_r_taken'], signed=True)} R"
    yield f"a trade that it {own.left}", f"{bounded(told['mean_r_vetoed'], signed=True)} R"
    yield "a trade, all of them", f"{bounded(told['mean_r'], signed=True)} R"
    yield f"{own.leaving} would have changed", f"{bounded(told['paired_r'], signed=True)} R a trade"


def _features(manifest: Mapping[str, Any], live: Live | None) -> Iterator[str]:
    psi: Mapping[str, float] = {} if live is None else live.figures.get("psi") or {}
    columns = (*FEATURE_COLUMNS, INDEX) if psi else FEATURE_COLUMNS
    said = (
        "tells: how much log loss, in thousandths of a nat, its shuffling costs a trade on the "
        "average, from and to with 5 % beyond each."
    )
    more = " live index: how far it lies from training; over 0.2 is far." if psi else ""
    yield element("p", words(said + more), class_="muted")
    told = ranked(manifest)
    names = [*told, *(name for name in manifest["features"] if name not in told)]
    rows = [
        (*_feature(name, manifest, told), *((_index(psi, name),) if psi else ())) for name in names
    ]
    yield table(columns, rows, numbers=frozenset(columns[1:]))


def _feature(
    name: str, manifest: Mapping[str, Any], told: Mapping[str, Mapping[str, float]]
) -> tuple[str, ...]:
    spread = manifest["baseline"][name]
    deciles = spread["deciles"]
    tells = (
        tuple(number(each, 1, signed=True) for each in told[name].values())
        if name in told
        else ("0", "", "")
    )
    middle = tuple(f"{deciles[place]:.4g}" for place in (0, 4, 8)) if deciles else ("", "", "")
    return (name, *tells, f"{spread['missing']:.1%}", *middle)


def _index(psi: Mapping[str, float], name: str) -> str:
    return number(psi[name], 2) if name in psi else ""


def _made(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    parity = manifest["parity"]
    yield "learner", manifest["candidate"]
    # A learner's name may hold a comma.
    yield "tried", "; ".join(manifest["candidates"])
    yield "chosen by the steps of the walk", "; ".join(manifest["chosen_in_folds"])
    yield (
        "log loss",
        (
            f"{manifest['metrics']['log_loss']:.4f}, of {base_of(manifest)} "
            f"{manifest['metrics']['base_log_loss']:.4f}"
        ),
    )
    worst = "unknown" if parity["worst"] is None else f"{parity['worst']:.1e} at most"
    yield (
        "graph and fit differ by",
        f"{worst} over {parity['rows']:,} rows, {parity['flips']:,} decisions otherwise",
    )
    yield "kind", manifest["kind"]
    yield "made", manifest["created_at"]
    yield "sha256 of the graph", manifest["sha256"]
    yield "hash of the features", manifest["schema_hash"]
    yield "opset", ", ".join(f"{name or 'onnx'} {each}" for name, each in manifest["opset"].items())
    yield "made with", ", ".join(f"{name} {each}" for name, each in manifest["versions"].items())
