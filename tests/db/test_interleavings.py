"""Thousands of random interleavings of guards and a person leave every rule of state whole."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.builders.interleaving import Mix
from tests.builders.interleaving_check import LOG_STOPS
from tests.conftest import EMBEDDED, MakeDatabase

EACH = 400
"""Schedules in `make test`, on each version of PostgreSQL, which get different seeds."""
NIGHTLY = 10_000
CHUNK = 500
ENOUGH = 1_500
"""Schedules in which a planted mistake must show."""

MUTANTS = {
    "a fence that nobody checks": (
        "require_fence",
        "if held.fence is distinct from token then",
        "if false then",
    ),
    "a fence that is read without holding off the next": ("require_fence", "for update", ""),
    "a lease that is given to whoever asks": (
        "take_lease",
        "where l.until <= now() or l.holder = excluded.holder",
        "",
    ),
    "a lease whose token does not grow": (
        "take_lease",
        "case when l.holder = excluded.holder then 0 else 1 end",
        "0",
    ),
    "a pulse that counts again when it is told again": (
        "write_journal",
        "is not distinct from (s.kind, s.rule, s.stop, s.stop_rule, s.quantity)",
        "is not distinct from (s.kind || '?', s.rule, s.stop, s.stop_rule, s.quantity)",
    ),
    "an event for each word, news or not": (
        "settle_orders",
        "where\n            (o.quantity, o.status",
        "where\n            true or (o.quantity, o.status",
    ),
    "intents that are new each time": (
        "write_intents",
        "'[]') into created from written as w",
        "'[]') into created from stopward.orders_of(given) as w",
    ),
    "orders for more shares than there are": (
        "write_intents",
        "where o.quantity > p.quantity and",
        "where false and",
    ),
}
"""By what is wrong: the function, what it says, and what the mutant says instead."""


@contextmanager
def a_mix(url: str) -> Iterator[Mix]:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(LOG_STOPS.encode())
    mix = Mix(url)
    try:
        yield mix
    finally:
        mix.close()


def play(url: str, seeds: range) -> Mix:
    with a_mix(url) as mix:
        for seed in seeds:
            mix.run(seed)
        assert mix.breaches() == []
    return mix


def test_invariants_outlive_random_interleavings(
    make_database: MakeDatabase, template_database: str, postgres_version: str
) -> None:
    first = 0 if postgres_version == EMBEDDED else EACH
    mix = play(make_database(template=template_database), range(first, first + EACH))
    # All of it happened, and often: a schedule in which nothing meets proves nothing.
    assert mix.counts["schedules"] == EACH
    for what in (
        "record_tick", "acknowledge", "busy", "waits", "stale words refused", "died in a call",
        "died between calls", "answers lost", "expired",
    ):  # fmt: skip
        assert mix.counts[what] >= EACH / 10, (what, mix.counts)
    assert mix.counts["asked for too much"] >= EACH / 20, mix.counts


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(0, NIGHTLY, CHUNK))
def test_invariants_outlive_ten_thousand_interleavings(
    make_database: MakeDatabase, template_database: str, first: int
) -> None:
    start = 1_000_000 + first
    play(make_database(template=template_database), range(start, start + CHUNK))


@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_a_planted_mistake_is_found(
    make_database: MakeDatabase, template_database: str, mutant: str
) -> None:
    function, right, wrong = MUTANTS[mutant]
    url = make_database(template=template_database)
    with psycopg.connect(url) as owner:
        row = owner.execute(
            "select pg_get_functiondef(oid) from pg_proc"
            " where proname = %s and pronamespace = 'stopward'::regnamespace",
            (function,),
        ).fetchone()
        assert row is not None
        assert row[0].count(right) == 1
        owner.execute(row[0].replace(right, wrong).encode())
    with a_mix(url) as mix:
        for seed in range(ENOUGH):
            mix.run(seed)
            if mix.wrong or (seed % 50 == 49 and mix.breaches()):
                break
        assert mix.breaches() != []
