"""The schema's hash: another registry is another schema; the same one has the same everywhere."""

import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest

from stopward.domain.features import ENTRY, OPEN, REGISTRY, VOCABULARY, names, schema_hash
from stopward.domain.features.inputs import INPUTS
from stopward.domain.features.registry import CODE_VERSION, hash_of
from stopward.domain.features.row import Feature


def hashed(features: Any = ENTRY, **changes: Any) -> str:
    given = {"inputs": INPUTS, "vocabulary": VOCABULARY, "code_version": CODE_VERSION}
    return hash_of(features, **{**given, **changes})


OTHER: dict[str, tuple[Any, ...]] = {
    "name": ("another",),
    "kind": ("open",),
    "unit": ("furlongs",),
    "low": (-0.5,),
    "high": (12_345.0,),
    "needs": (("vix",), ("breadth",)),
    "mirror": ("opposite", "same"),
    "null": ("never", "missing"),
    "version": (2,),
}
WORDS = {"meaning", "source", "read"}
"""What explains a row, and the code, which the code version stands for."""


def test_the_hash_is_that_of_the_registry():
    assert schema_hash("entry") == hashed(ENTRY)
    assert schema_hash("open") == hashed(OPEN)


@pytest.mark.parametrize("row", [*ENTRY], ids=lambda row: row.name)
@pytest.mark.parametrize("field", [each.name for each in fields(Feature)])
def test_a_change_of_any_row_changes_it(row: Feature, field: str):
    place = ENTRY.index(row)
    if field in WORDS:
        changed = replace(row, **{field: (lambda sight: 0.0) if field == "read" else "Otherwise."})
    else:
        other = next(value for value in OTHER[field] if value != getattr(row, field))
        changed = replace(row, **{field: other})
    found = hashed((*ENTRY[:place], changed, *ENTRY[place + 1 :]))
    assert (found == hashed()) == (field in WORDS)


def test_a_row_more_or_less_or_elsewhere_changes_it():
    found = {
        hashed(ENTRY[1:]),
        hashed(ENTRY[:-1]),
        hashed((*ENTRY, OPEN[0])),
        hashed(ENTRY[::-1]),
        hashed(),
    }
    assert len(found) == 5


def test_inputs_vocabulary_and_code_version_are_in_it_and_words_of_inputs_are_not():
    late = {**INPUTS, "bars": replace(INPUTS["bars"], lag_seconds=6.0)}
    old = {**INPUTS, "bars": replace(INPUTS["bars"], oldest_seconds=None)}
    said = {**INPUTS, "bars": replace(INPUTS["bars"], meaning="bars")}
    codes = {**VOCABULARY, "side": {"short": 0.0, "long": 1.0}}
    found = {
        hashed(),
        hashed(inputs=late),
        hashed(inputs=old),
        hashed(vocabulary=codes),
        hashed(code_version=CODE_VERSION + 1),
    }
    assert len(found) == 5
    assert hashed(inputs=said) == hashed()


def test_the_order_of_a_mapping_does_not_change_it():
    codes = {name: dict(reversed(VOCABULARY[name].items())) for name in reversed(list(VOCABULARY))}
    assert hashed(inputs=dict(reversed(INPUTS.items())), vocabulary=codes) == hashed()


def test_it_is_the_same_in_another_process():
    """Whatever seed Python gives its hashes there."""
    code = "from stopward.domain.features import schema_hash; print(schema_hash('entry'))"
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == schema_hash("entry")


def test_the_registry_is_as_large_as_it_must_be_and_each_name_stands_once():
    assert len(ENTRY) >= 24
    assert len(OPEN) >= 8
    for kind, features in REGISTRY.items():
        assert len(set(names(kind))) == len(features)
        assert {feature.kind for feature in features} == {kind}


@pytest.mark.parametrize("row", [*ENTRY, *OPEN], ids=lambda row: f"{row.kind} {row.name}")
def test_each_row_says_what_it_is_in_one_sentence(row: Feature):
    assert row.meaning[0].isupper() or row.meaning[0] == "+"
    assert row.meaning.endswith(".")
    assert row.meaning.count(". ") == 0
    assert row.unit
    assert row.source
    assert row.lag_seconds >= 0.0


def test_no_row_is_named_in_the_vocabulary_without_codes():
    for name, codes in VOCABULARY.items():
        (row,) = [each for each in ENTRY if each.name == name]
        assert row.unit == "code"
        assert (min(codes.values()), max(codes.values())) == (row.low, row.high)
