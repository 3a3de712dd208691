"""A position's rules as numbers, named by their content."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.rule_set import rule_set_of
from stopward.domain.rulebook import parse
from stopward.errors import InvalidState
from stopward.rules import parameters as kinds
from stopward.rules.parameters import Distance, Rules

NUMBERS = st.floats(allow_infinity=False)
FIELDS: dict[str, Any] = {
    name: getattr(kinds, "".join(part.capitalize() for part in name.split("_")))
    for name in Rules._fields
}


@st.composite
def rule_sets(draw: st.DrawFn) -> Rules:
    chosen = {}
    for name, kind in FIELDS.items():
        if draw(st.booleans()):
            values: Sequence[Any] = [
                Distance(draw(NUMBERS), draw(NUMBERS)) if hint is Distance else draw(NUMBERS)
                for hint in kind.__annotations__.values()
            ]
            chosen[name] = kind(*values)
    return Rules(**chosen)


def spelled(rules: Rules) -> str:
    """Return rules as text, in which nan is nan; there is one zero."""
    return repr(rules).replace("-0.0,", "0.0,").replace("-0.0)", "0.0)")


@given(rules=rule_sets())
def test_any_rules_come_back_bit_for_bit(rules: Rules) -> None:
    found = rule_set_of(rules)
    assert spelled(found.rules()) == spelled(rules)
    assert rule_set_of(found.rules()).digest == found.digest
    assert found.is_whole


def test_the_digest_is_of_the_content_alone() -> None:
    one = parse("[rules.breakeven]\narm = 1\n", source="one")
    other = parse("# spelled otherwise\n[rules]\nbreakeven = {arm = '1 r'}\n", source="other")
    tighter = parse("[rules.breakeven]\narm = 2\n", source="tighter")
    digests = [book.rule_set_for("AAPL", ()).digest for book in (one, other, tighter)]
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 16


def test_each_override_is_a_rule_set_of_its_own() -> None:
    text = (
        "[rules.session_flat]\nminutes = 10\n[rules.breakeven]\narm = 1\n"
        "[tag.runner.rules.breakeven]\narm = 3\n"
    )
    book = parse(text, source="test")
    plain, runner = book.rule_set_for("AAPL", ()), book.rule_set_for("AAPL", ("runner",))
    carried = book.rule_set_for("AAPL", (), held_overnight=True)
    assert len({plain.digest, runner.digest, carried.digest}) == 3
    assert carried.rules().session_flat is None
    assert runner.rules() == book.rules_for("AAPL", ("runner",))


def test_what_is_no_rule_set_is_refused() -> None:
    found = rule_set_of(Rules(session_flat=kinds.SessionFlat(10.0)))
    assert not replace(found, numbers={"session_flat": (11.0,)}).is_whole
    with pytest.raises(InvalidState, match="2 numbers of session_flat, not 1"):
        replace(found, numbers={"session_flat": (10.0, 1.0)}).rules()
    with pytest.raises(InvalidState, match="a rule moonshine, which is not known"):
        replace(found, numbers={"moonshine": (1.0,)}).rules()
