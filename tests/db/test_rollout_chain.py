"""What was moved on the ladder is one chain, whatever is asked and whoever asks at once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from threading import Barrier
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.errors import DatabaseRejected
from tests.builders.models import EVIDENCE, MOVES, ModelWorld, champion, move, place

LADDER = ["shadow", "pilot", "expansion", "optimization"]
RUNGS = [
    ("shadow", "0"),
    *(("pilot", share) for share in ("0.1", "0.15", "0.2")),
    *(("expansion", share) for share in ("0.3", "0.35", "0.4")),
    *(("optimization", share) for share in ("0.5", "0.55", "0.6", "0.65", "0.7")),
]
"""Each place on the ladder, from the ground."""
LEAST = ("0.10", "0.30", "0.50")
A_TWENTIETH = Decimal("0.05")
PLACES = [*RUNGS, ("pilot", "0.05"), ("expansion", "0.1"), ("optimization", "0.75")]
"""What may be asked for: the last three are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """Good evidence for the next rung, or for the next stage."""

    leaves_stage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """Down so many rungs, or to the ground."""

    rungs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Whatever comes to mind; no stage expected is the one where it is."""

    place: tuple[str, str]
    expected: str | None
    evidence: dict[str, float]


# Rises are two strategies of four, so that half of the moves are.
moves = st.one_of(
    st.builds(Rise, leaves_stage=st.just(True)),
    st.builds(Rise, leaves_stage=st.just(False)),
    st.builds(Fall, rungs=st.integers(1, 5)),
    st.builds(
        Ask,
        place=st.sampled_from(PLACES),
        expected=st.sampled_from([None, None, *LADDER]),
        evidence=st.sampled_from([EVIDENCE, EVIDENCE, {}]),
    ),
)
PAUSE = 10
"""Days after a fall in which nothing rises."""
pauses = st.sampled_from([PAUSE + 1, PAUSE + 1, 8, 1, 0])
"""Days before a move; after the longest of them a rise must be taken."""


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    champion(found)
    yield found
    found.close()


@pytest.mark.parametrize("statement", ["update {} set because = 'x'", "delete from {}"])
def test_even_the_owner_rewrites_nothing(world: ModelWorld, statement: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world.run(statement.format("stopward.rollout_events") + " where account_id = %s")
    assert caught.value.diag.constraint_name == "rollout_events_append_only"


def test_even_the_owner_keeps_the_chain_whole(world: ModelWorld) -> None:
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world.run(
            "insert into stopward.rollout_events (account_id, id, model_id, number, kind,"
            " from_stage, to_stage, weight_from, weight_to, because, evidence)"
            " values (%s, 'x', 'm1', 9, 'promotion', 'pilot', 'expansion', 0.10, 0.30, 'x', '{}')"
        )
    assert caught.value.diag.constraint_name == "rollout_continues"


def test_of_movers_at_once_one_moves(world: ModelWorld) -> None:
    movers = 4
    start = Barrier(movers)

    def rise(number: int) -> str:
        with psycopg.connect(world.url, autocommit=True) as connection:
            start.wait()
            try:
                connection.execute(
                    "select api.move_rollout(jsonb_build_object('account_id', %s::text, 'id',"
                    " %s::text, 'model_id', 'm1', 'to_stage', 'pilot', 'weight', '0.10',"
                    " 'because', 'x', 'evidence', %s::jsonb, 'expected_stage',"
                    " 'shadow'))",
                    (world.account_id, f"rise-{number}", json.dumps(EVIDENCE)),
                )
            except psycopg.errors.RaiseException as error:
                return str(error.diag.constraint_name)
        return "moved"

    with ThreadPoolExecutor(movers) as pool:
        answers = sorted(pool.map(rise, range(movers)))
    assert answers == ["moved"] + ["rollout_continues"] * (movers - 1)


def rise(world: ModelWorld, days: int, *, leaves_stage: bool) -> None:
    """Ask for the next rung, or the next stage; at the top, for nothing.

    Whoever waited long enough rises.
    """
    stage, weight = place(world)
    higher = RUNGS[RUNGS.index((stage, weight)) + 1 :]
    wanted = [rung for rung in higher if not leaves_stage or rung[0] != stage]
    if not wanted:
        return
    with nullcontext() if days > PAUSE else suppress(DatabaseRejected):
        move(world, next(MOVES), *wanted[0], expected_stage=stage)
        assert place(world) == wanted[0]


def fall(world: ModelWorld, rungs: int) -> None:
    """Go down, which nothing refuses; on the ground, stay."""
    at = RUNGS.index(place(world))
    lower = RUNGS[max(0, at - rungs)]
    move(world, next(MOVES), *lower, evidence=None, because="harm")
    assert place(world) == lower


def play(world: ModelWorld, asked: list[tuple[int, Rise | Fall | Ask]]) -> None:
    for days, wanted in asked:
        world.age(days)
        match wanted:
            case Rise(leaves_stage=leaves_stage):
                rise(world, days, leaves_stage=leaves_stage)
            case Fall(rungs=rungs):
                fall(world, rungs)
            case Ask(place=(stage, weight), expected=expected, evidence=evidence):
                more = {"expected_stage": expected or place(world)[0], "evidence": evidence}
                with suppress(DatabaseRejected):
                    move(world, next(MOVES), stage, weight, **more)


def chain_of(world: ModelWorld) -> list[Any]:
    return world.rows(
        "select number, from_stage, to_stage, weight_from, weight_to, kind, session_day, at,"
        " evidence from stopward.rollout_events where account_id = %s order by number"
    )


def check(chain: list[Any]) -> None:
    """Insist on a chain without a gap that rises by steps, on evidence and after pauses."""
    assert [row[0] for row in chain] == list(range(1, len(chain) + 1))
    rises = [row[6] for row in chain if row[5] == "promotion"]
    assert len(set(rises)) == len(rises)
    fell_at = None
    for before, after in pairwise(chain):
        assert (before[2], before[4]) == (after[1], after[3])
        assert LADDER.index(after[2]) - LADDER.index(after[1]) <= 1
        if after[5] == "promotion":
            assert fell_at is None or after[7] - fell_at >= timedelta(days=PAUSE)
            if after[1] == after[2]:
                assert after[4] - after[3] == A_TWENTIETH
            else:
                assert str(after[4]) in LEAST
            assert EVIDENCE.keys() <= after[8].keys()
        fell_at = after[7] if after[5] == "demotion" else fell_at


def test_whatever_is_asked_the_chain_is_whole(database_url: str) -> None:
    highest: list[int] = []

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.tuples(pauses, moves), min_size=6, max_size=30))
    def whole(asked: list[tuple[int, Rise | Fall | Ask]]) -> None:
        with closing(ModelWorld(database_url)) as world:
            champion(world)
            play(world, asked)
            chain = chain_of(world)
        check(chain)
        highest.append(max(LADDER.index(row[2]) for row in chain))

    whole()
    # Else most of it was about models that never left the ground.
    assert sum(stage >= LADDER.index("expansion") for stage in highest) >= len(highest) / 4
