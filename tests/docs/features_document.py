"""The generated parts of docs/features.md; `python -m tests.docs.features_document` writes them."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from stopward.domain.features import REGISTRY, VOCABULARY, Feature, Kind, schema_hash
from stopward.domain.features.inputs import INPUTS
from stopward.domain.features.past_trade import UNFIT
from stopward.domain.features.registry import CODE_VERSION
from tests.docs.pages import ROOT, refreshed

PAGE: Final = ROOT / "docs" / "features.md"


def schema() -> Iterator[str]:
    """Yield each kind with its hash."""
    yield "| kind | features | code version | schema_hash |"
    yield "| --- | --- | --- | --- |"
    for kind, features in REGISTRY.items():
        yield f"| `{kind}` | {len(features)} | {CODE_VERSION} | `{schema_hash(kind)}` |"


def inputs() -> Iterator[str]:
    """Yield each input with its lag and its greatest age."""
    yield "| input | lag | oldest | what |"
    yield "| --- | --- | --- | --- |"
    for name, each in INPUTS.items():
        oldest = "-" if each.oldest_seconds is None else _span(each.oldest_seconds)
        lag = _span(each.lag_seconds) if each.lag_seconds else "-"
        yield f"| `{name}` | {lag} | {oldest} | {each.meaning} |"


def features(kind: Kind) -> Iterator[str]:
    """Yield the rows of one kind in the order of its vector."""
    yield "| # | feature | unit | range | needs | null | lag | mirror | version | meaning |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for place, row in enumerate(REGISTRY[kind]):
        yield f"| {' | '.join((str(place), *_cells(row)))} |"


def _cells(row: Feature) -> Iterator[str]:
    yield f"`{row.name}`"
    yield row.unit
    yield f"{row.low:,g} to {row.high:,g}"
    yield ", ".join(f"`{name}`" for name in row.needs)
    yield row.null
    yield _span(row.lag_seconds) if row.lag_seconds else "-"
    yield row.mirror
    yield str(row.version)
    yield row.meaning


def unfit() -> Iterator[str]:
    """Yield why a trade has no vector, each reason once."""
    for reason, words in UNFIT.items():
        yield f"- `{reason}`: {words}."


def codes() -> Iterator[str]:
    """Yield the codes of each feature that has some."""
    yield "| feature | codes |"
    yield "| --- | --- |"
    for name, numbers in VOCABULARY.items():
        told = ", ".join(f"{word} {number:g}" for word, number in numbers.items())
        yield f"| `{name}` | {told} |"


def sources() -> Iterator[str]:
    """Yield where formulas come from, each source once."""
    named: dict[str, list[str]] = {}
    for row in (row for rows in REGISTRY.values() for row in rows if row.source != "-"):
        rows = named.setdefault(row.source, [])
        if f"`{row.name}`" not in rows:
            rows.append(f"`{row.name}`")
    for source, rows in named.items():
        yield f"- {', '.join(rows)}: {source}."


def _span(seconds: float) -> str:
    for unit, length in (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0), ("second", 1.0)):
        if seconds % length == 0.0:
            count = seconds / length
            return f"{count:g} {unit}{'' if count == 1.0 else 's'}"
    return f"{seconds:g} seconds"


BLOCKS: Final[Mapping[str, Callable[[], Iterable[str]]]] = {
    "schema": schema,
    "inputs": inputs,
    "entry": partial(features, "entry"),
    "open": partial(features, "open"),
    "unfit": unfit,
    "codes": codes,
    "sources": sources,
}


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8"), BLOCKS), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is as the code says\n")


if __name__ == "__main__":
    main()
