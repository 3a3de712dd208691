"""One table's values, laid over one another: defaults, preset, account, override."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stopward.domain.rulebook.problems import Problems, quoted
from stopward.domain.rulebook.reading import Unusable, read, written
from stopward.domain.rulebook.schema import Table, Value, Values, allowed, is_off


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The values of one table so far, and whether its rule is on."""

    on: bool
    values: Values


def start(table: Table) -> Layer:
    """Return the defaults of a table; its rule is off until a file turns it on."""
    values = {item.name: read(item, _raw(item.default)) for item in table.parameters}
    return Layer(on=False, values=values)


def apply(
    table: Table,
    below: Layer,
    raw: Mapping[str, object],
    *,
    path: str,
    problems: Problems,
    switchable: bool = True,
) -> Layer:
    """Return `below` with what one TOML table says; a table that is present turns its rule on.

    switchable: whether `enabled` is a key of the table. Contradictions are looked for only when
    every value could be read.
    """
    values: dict[str, Value] = dict(below.values)
    known = {item.name: item for item in table.parameters}
    fine = True
    for key, given in raw.items():
        place = f"{path}.{quoted(key)}"
        if key == "enabled" and switchable:
            if not isinstance(given, bool):
                problems.value(place, given, "true or false")
            continue
        if key not in known:
            problems.unknown(place, key, (*known, "enabled") if switchable else known)
            continue
        try:
            values[key] = read(known[key], given)
        except Unusable:
            problems.value(place, given, allowed(known[key]))
            fine = False
    if fine:
        for words in (*_idle(table, raw, values), *(check(values) for check in table.checks)):
            if words is not None:
                problems.note(path, f"{words} (read: {_told(table, values)})")
    return Layer(on=raw.get("enabled") is not False, values=values)


def _idle(table: Table, raw: Mapping[str, object], values: Values) -> Iterator[str]:
    """Return what a table sets without effect, because of a number beside it."""
    known = {item.name: item for item in table.parameters}
    for item in table.parameters:
        other = known.get(item.only_beside)
        if item.name in raw and other is not None and not is_off(values[other.name]):
            yield f'{item.name} counts only while {other.name} is "{other.word}"'


def build(table: Table, layer: Layer) -> object:
    """Return the tuple of a table's values."""
    return table.build(**{item.target: layer.values[item.name] for item in table.parameters})


def section_of(
    document: Mapping[str, object], name: str, *, path: str, problems: Problems
) -> dict[str, object]:
    """Return a copy of a table inside a table; empty when absent, or no table (a problem)."""
    raw = document.get(name, {})
    if isinstance(raw, dict):
        return dict(raw)
    problems.value(path, raw, f"a table, [{path}]")
    return {}


def _raw(default: object) -> object:
    return list(default) if isinstance(default, tuple) else default


def _told(table: Table, values: Values) -> str:
    return ", ".join(
        f"{item.name} = {written(item, values[item.name])}" for item in table.parameters
    )
