"""Many rule sets from one file: each combination of the values that a grid lists."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod
from typing import Any, Final

from stopward.domain.rulebook import RuleBook, parse, parse_document
from stopward.errors import InvalidInput
from stopward.replay.folds import Split

MOST_SETS: Final = 100_000
TABLES: Final = ("grid", "split")
SPLIT_KEYS: Final = ("fit", "embargo", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Values by dotted path of a rules file (`rules.breakeven.arm`), and how days are split."""

    values: Mapping[str, tuple[Any, ...]]
    split: Split

    def __len__(self) -> int:
        """Return how many combinations there are."""
        return prod(len(values) for values in self.values.values())

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Yield each combination: a value by path, the last path's values turning fastest."""
        for chosen in product(*self.values.values()):
            yield dict(zip(self.values, chosen, strict=True))


def parse_grid(text: str, *, source: str) -> Grid:
    """Return the grid that a TOML text sets; raises InvalidInput: the path, what it was, allowed.

    `[grid]` lists values by path, `"rules.breakeven.arm" = ["0.5 r", "1 r"]`; `[split]` may set
    fit, embargo and test, in days.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{source}: not valid TOML: {error}") from error
    unknown = sorted(set(document) - set(TABLES))
    if unknown:
        raise InvalidInput(f"{source}: unknown table {unknown[0]}; allowed: grid, split")
    values = document.get("grid")
    if not isinstance(values, dict) or not values:
        raise InvalidInput(
            f'{source}: [grid] is missing or empty; write it like "rules.breakeven.arm" = '
            '["0.5 r", "1 r"]'
        )
    grid = Grid(
        values={path: _values(path, each, source) for path, each in values.items()},
        split=_split(document.get("split", {}), source),
    )
    if len(grid) > MOST_SETS:
        raise InvalidInput(
            f"{source}: {len(grid):,} combinations; at most {MOST_SETS:,} are walked at once"
        )
    return grid


def rule_sets(
    grid: Grid, rules: str, *, source: str, first: int = 0, last: int | None = None
) -> Iterator[RuleBook]:
    """Yield the rule sets of a sweep, from set `first` to before `last`, or to the end.

    Set 0 is the rules file as it is, as text in `rules`; the others are the combinations over it,
    in order. Raises InvalidInput for the first that is no valid rules file, with all its problems.
    """
    base = parse(rules, source=source)
    if first == 0:
        yield base
    before = None if last is None else last - 1
    for chosen in islice(grid.combinations(), max(first - 1, 0), before):
        document = tomllib.loads(rules)
        for path, value in chosen.items():
            _put(document, path.split("."), value, path=path, source=source)
        named = ", ".join(f"{path} = {value}" for path, value in chosen.items())
        yield parse_document(document, source=f"{source} with {named}")


def _put(
    document: dict[str, Any], keys: Sequence[str], value: Any, *, path: str, source: str
) -> None:
    for key in keys[:-1]:
        document = document.setdefault(key, {})
        if not isinstance(document, dict):
            raise InvalidInput(f"{source}: grid path {path} leads through {key}, which is a value")
    document[keys[-1]] = value


def _values(path: str, values: Any, source: str) -> tuple[Any, ...]:
    if not isinstance(values, list) or not values:
        raise InvalidInput(f'{source}: grid."{path}" was {values!r}; allowed is a list of values')
    if any(values[place] in values[:place] for place in range(len(values))):
        raise InvalidInput(f'{source}: grid."{path}" lists a value twice')
    return tuple(values)


def _split(table: Any, source: str) -> Split:
    if not isinstance(table, dict) or set(table) - set(SPLIT_KEYS):
        raise InvalidInput(f"{source}: [split] may set {', '.join(SPLIT_KEYS)}, in days")
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidInput(f"{source}: split.{key} was {value!r}; allowed is a number of days")
    return Split(**table)
