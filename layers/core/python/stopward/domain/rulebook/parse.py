"""From the text of a rules file to a RuleBook, or to every problem in it at once."""

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final, cast

from stopward.domain.rulebook.account_tables import ACCOUNT_TABLE, INDICATOR_TABLE, LIMIT_TABLES
from stopward.domain.rulebook.book import Override, Parameters, RuleBook
from stopward.domain.rulebook.exit_tables import EXIT_TABLES
from stopward.domain.rulebook.layers import Layer, apply, build, section_of, start
from stopward.domain.rulebook.preset import PRESETS
from stopward.domain.rulebook.problems import Problems, quoted
from stopward.domain.rulebook.reading import SYMBOL, TAG
from stopward.domain.rulebook.settings import Limits, LossStreak, account_settings
from stopward.domain.rulebook.stop_tables import STOP_TABLES
from stopward.errors import InvalidInput
from stopward.rules.indicators import Periods
from stopward.rules.parameters import DayLoss, DayProfit, Rules

RULE_TABLES: Final = {table.name: table for table in EXIT_TABLES + STOP_TABLES}
LIMITS: Final = {table.name: table for table in LIMIT_TABLES}
TOP_LEVEL: Final = ("account", "indicators", "limits", "rules", "symbol", "tag")

Layers = dict[str, Layer]


def parse(text: str, *, source: str) -> RuleBook:
    """Return the rules that a TOML text sets; `source` names it in messages.

    A text that was read lately is not read again: nobody changes a RuleBook.

    Raises InvalidInput that lists every problem: the path, what was read and what is allowed.
    """
    return _read(text, source)


@lru_cache(maxsize=8)
def _read(text: str, source: str) -> RuleBook:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # A TOMLDecodeError is a ValueError, and so is a number of thousands of digits.
        raise InvalidInput(f"{source}: not valid TOML: {error}") from error
    return parse_document(document, source=source)


def parse_document(document: Mapping[str, Any], *, source: str) -> RuleBook:
    """Return the rules that a document sets, as TOML reads it; raises InvalidInput as `parse`."""
    problems = Problems(source)
    for key in document:
        if key not in TOP_LEVEL:
            problems.unknown(quoted(key), key, TOP_LEVEL, kind="table")
    account = _single(document, "account", problems)
    periods = _single(document, "indicators", problems)
    rules, limits = _account_layers(document, problems)
    symbols = _overrides(document, "symbol", rules, problems)
    tags = _overrides(document, "tag", rules, problems)
    problems.raise_if_any()
    return RuleBook(
        source=source,
        account=account_settings(**account.values),
        periods=cast("Periods", build(INDICATOR_TABLE, periods)),
        limits=_limits(limits),
        base=_base(rules, limits),
        symbols={name: _built(layers) for name, layers in sorted(symbols.items())},
        tags={name: _built(layers) for name, layers in tags.items()},
    )


def _single(document: Mapping[str, object], name: str, problems: Problems) -> Layer:
    table = ACCOUNT_TABLE if name == "account" else INDICATOR_TABLE
    raw = section_of(document, name, path=name, problems=problems)
    return apply(table, start(table), raw, path=name, problems=problems, switchable=False)


def _account_layers(document: Mapping[str, object], problems: Problems) -> tuple[Layers, Layers]:
    rules, limits = map(dict, _defaults())
    raw_rules = section_of(document, "rules", path="rules", problems=problems)
    raw_limits = section_of(document, "limits", path="limits", problems=problems)
    preset = raw_rules.pop("preset", None)
    if isinstance(preset, str) and preset in PRESETS:
        chosen = tomllib.loads(PRESETS[preset])
        _apply_all(rules, chosen["rules"], path=f"preset {preset}: rules", problems=problems)
        _apply_all(limits, chosen["limits"], path=f"preset {preset}: limits", problems=problems)
    elif preset is not None:
        problems.value("rules.preset", preset, " or ".join(f'"{name}"' for name in PRESETS))
    _apply_all(rules, raw_rules, path="rules", problems=problems)
    _apply_all(limits, raw_limits, path="limits", problems=problems)
    return rules, limits


@cache
def _defaults() -> tuple[Mapping[str, Layer], Mapping[str, Layer]]:
    # What every file starts from: read once, and copied by whoever changes it.
    rules = {name: start(table) for name, table in RULE_TABLES.items()}
    return rules, {name: start(table) for name, table in LIMITS.items()}


def _apply_all(
    layers: Layers,
    raw: Mapping[str, object],
    *,
    path: str,
    problems: Problems,
    override: bool = False,
) -> None:
    tables = RULE_TABLES if "breakeven" in layers else LIMITS
    for name in raw:
        place = f"{path}.{quoted(name)}"
        table = tables.get(name)
        if table is None:
            _misplaced(name, path=path, place=place, problems=problems)
            continue
        values = section_of(raw, name, path=place, problems=problems)
        before = layers[name]
        layers[name] = apply(table, before, values, path=place, problems=problems)
        if override and not before.on and "enabled" not in values:
            problems.note(
                place,
                "the rule is off in [rules]; write enabled = true to turn it on here",
            )


def _misplaced(name: str, *, path: str, place: str, problems: Problems) -> None:
    if path == "rules" and name in LIMITS:
        problems.note(place, f"a limit of the day belongs in [limits.{name}]")
    elif name in LIMITS:
        problems.note(place, "a limit of the day holds for the whole account: set it in [limits]")
    elif path == "limits" and name in RULE_TABLES:
        problems.note(place, f"a rule belongs in [rules.{name}]")
    else:
        known = (*RULE_TABLES, "preset") if path == "rules" else RULE_TABLES
        problems.unknown(place, name, LIMITS if path == "limits" else known, kind="rule")


def _overrides(
    document: Mapping[str, object], kind: str, rules: Layers, problems: Problems
) -> dict[str, Layers]:
    found: dict[str, Layers] = {}
    for name, raw in section_of(document, kind, path=kind, problems=problems).items():
        path = f"{kind}.{quoted(name)}"
        pattern, example = (SYMBOL, "AAPL") if kind == "symbol" else (TAG, "swing")
        if not pattern.fullmatch(name):
            problems.value(path, name, f"a {kind} such as {example}")
        body = section_of({name: raw}, name, path=path, problems=problems)
        for key in body:
            if key == "limits":
                problems.note(
                    f"{path}.limits", "limits hold for the whole account: set them in [limits]"
                )
            elif key != "rules":
                problems.unknown(f"{path}.{quoted(key)}", key, ("rules",))
        own = section_of(body, "rules", path=f"{path}.rules", problems=problems)
        layers = dict(rules)
        _apply_all(layers, own, path=f"{path}.rules", problems=problems, override=True)
        found[name] = {rule: layers[rule] for rule in own if rule in layers}
    return found


def _built(layers: Layers) -> Override:
    return {
        name: cast("Parameters", build(RULE_TABLES[name], layer)) if layer.on else None
        for name, layer in sorted(layers.items())
    }


def _limits(layers: Layers) -> Limits:
    built = {
        name: build(LIMITS[name], layer) if layer.on else None for name, layer in layers.items()
    }
    return Limits(
        day_loss=cast("DayLoss | None", built["day_loss"]),
        day_profit=cast("DayProfit | None", built["day_profit"]),
        loss_streak=cast("LossStreak | None", built["loss_streak"]),
    )


def _base(rules: Layers, limits: Layers) -> Rules:
    built: dict[str, Parameters | None] = dict(_built(rules))
    day = _limits(limits)
    built["day_loss"], built["day_profit"] = day.day_loss, day.day_profit
    return Rules._make(built[name] for name in Rules._fields)
