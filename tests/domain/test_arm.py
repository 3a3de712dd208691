"""Whose decision binds: drawn from a hash, nested, and the share that the weight says."""

from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.scoring.arm import arm_of, uniform

WEIGHTS = st.sampled_from([Decimal(0), *(Decimal(share) / 20 for share in range(2, 15))])
WORDS = st.text(max_size=30)
HEX = st.from_regex(r"[0-9a-f]{1,32}", fullmatch=True)


def u_of(signal_id: str, *, salt: str = "5a17", model_id: str = "m1") -> float:
    return uniform(salt=salt, model_id=model_id, signal_id=signal_id)


def test_the_number_is_that_of_the_hash_which_an_auditor_computes() -> None:
    digest = sha256(b"5a17|m1|signal 7").hexdigest()
    assert u_of("signal 7") == int(digest[:16], 16) / 2**64
    assert u_of("signal 7") == 0.6335560029317622


@given(signal=WORDS, salt=HEX, other=HEX)
def test_it_is_a_number_from_0_to_1_and_of_its_salt(signal: str, salt: str, other: str) -> None:
    u = u_of(signal, salt=salt)
    assert 0.0 <= u <= 1.0
    assert (u == u_of(signal, salt=other)) == (salt == other)
    assert u_of(signal, salt=salt) == u


@given(signal=WORDS, lower=WEIGHTS, higher=WEIGHTS)
def test_raising_a_weight_only_adds_signals_to_the_model(
    signal: str, lower: Decimal, higher: Decimal
) -> None:
    lower, higher = sorted((lower, higher))
    if arm_of(u_of(signal), lower) == "model":
        assert arm_of(u_of(signal), higher) == "model"


@given(u=st.floats(0.0, 1.0))
def test_everything_is_in_shadow_at_weight_0_and_nothing_else_is(u: float) -> None:
    assert arm_of(u, Decimal(0)) == "shadow"
    assert {arm_of(u, Decimal(share) / 20) for share in range(2, 15)} <= {"model", "control"}
    # The control arm keeps three in ten for ever.
    assert u < 0.7 or arm_of(u, Decimal("0.70")) == "control"


@pytest.mark.parametrize(
    ("u", "weight", "arm"),
    [
        (0.0999999, "0.10", "model"),
        (0.1, "0.10", "control"),
        (0.0, "0.10", "model"),
        (1.0, "0.70", "control"),
        (0.0, "0", "shadow"),
        (0.0, "0.00", "shadow"),
    ],
)
def test_the_arm_of_a_number(u: float, weight: str, arm: str) -> None:
    assert arm_of(u, Decimal(weight)) == arm


@pytest.mark.parametrize("weight", [Decimal("0.10"), Decimal("0.35"), Decimal("0.70")])
def test_the_model_has_the_share_of_signals_that_its_weight_is(weight: Decimal) -> None:
    count = 20_000
    share = sum(arm_of(u_of(f"s{each}"), weight) == "model" for each in range(count)) / count
    assert share == pytest.approx(float(weight), abs=0.015), "four standard errors"


def test_models_draw_apart() -> None:
    one, other = ([u_of(f"s{n}", model_id=m) < 0.5 for n in range(4_000)] for m in ("m1", "m2"))
    both = sum(a == b for a, b in zip(one, other, strict=True)) / 4_000
    assert both == pytest.approx(0.5, abs=0.04)
