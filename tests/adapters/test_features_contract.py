"""Trades that wait for their entry vector, and vectors: every store tells and refuses the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stopward.domain.features import Result, as_bytes
from stopward.domain.features.past_trade import PastPage, PastTrade, StoredVector
from stopward.domain.features.teaching import taught_from
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from tests.builders.past_features import ENTRY, a_vector, feature_book, traded
from tests.builders.store import A_SESSION, NOON, D, a_position, a_record, pulse
from tests.builders.store_world import World, begin

EVENING = A_SESSION.closes_at + timedelta(hours=1)
NAMES = ("one", "two")
TWO = "two features"


def read(world: World, *, page_trades: int = 100, **options: Any) -> PastPage:
    asked = {
        "schema_hash": ENTRY, "at": EVENING, "since": NOON - timedelta(days=1), "results": 200,
        "lag_seconds": 0, "stored": False, **options,
    }  # fmt: skip
    return feature_book(world, page_trades=page_trades).read_entries(world.account_id, **asked)


def symbols(page: PastPage) -> list[str]:
    return [trade.symbol for trade in page.trades]


def two(position: Position, *values: float | None, **changes: Any) -> StoredVector:
    return a_vector(position, schema_hash=TWO, vector=values or (1.5, None), **changes)


def put(world: World, *vectors: StoredVector, names: Sequence[str] = NAMES) -> int:
    book = feature_book(world)
    book.put_schema(TWO, names)
    return book.put_vectors(world.account_id, vectors)


def refused_by(world: World, *vectors: StoredVector) -> str:
    with pytest.raises(DatabaseRejected) as caught:
        put(world, *vectors)
    return caught.value.rule


def test_a_trade_comes_with_all_that_its_vector_stands_on(world: World) -> None:
    position = traded(world, tick=3, flags=("risk_estimated",), target=D("110"), side="short",
                      initial_stop=D("102"), stop=D("102"))  # fmt: skip
    page = read(world)
    assert page.trades == (
        PastTrade(
            position_id=position.id,
            symbol=Symbol("AAPL"),
            side="short",
            average_entry=D("100"),
            initial_stop=D("102"),
            target=D("110"),
            opened_at=pulse(3),
            adopted_at=pulse(3),
            closed_at=pulse(4),
            at=pulse(3),
            flags=("risk_estimated",),
            open_positions=0,
        ),
    )
    assert A_SESSION in page.sessions
    assert list(page.sessions) == sorted(page.sessions, key=lambda each: each.opens_at)
    assert (page.vectors, page.results, page.unreadable, page.after) == ({}, (), (), None)


def test_results_before_an_entry_come_once_each_and_at_most_so_many(world: World) -> None:
    for number, price in enumerate(("101", "99", "102", "98")):
        traded(world, f"S{number}", tick=10 * number, price=price)
    late = pulse(31)  # S3 closed
    told = [
        Result(symbol=Symbol("S0"), closed_at=pulse(1), r=0.5),
        Result(symbol=Symbol("S1"), closed_at=pulse(11), r=-0.5),
        Result(symbol=Symbol("S2"), closed_at=pulse(21), r=1.0),
    ]
    assert list(read(world).results) == told
    assert list(read(world, results=1).results) == told
    assert list(read(world, results=0).results) == []
    only_last = read(world, since=late)
    assert (symbols(only_last), list(only_last.results)) == (["S3"], told)
    assert list(read(world, since=late, results=2).results) == told[1:]


def test_a_result_counts_from_its_lag_on(world: World) -> None:
    traded(world, "S0")
    traded(world, "S1", tick=10)  # entered 90 seconds after S0 closed
    counted = [len(read(world, lag_seconds=lag).results) for lag in (0, 89, 90, 91)]
    assert counted == [1, 1, 1, 0]


def test_positions_that_were_open_then_are_counted_whether_they_closed_or_not(world: World) -> None:
    begun = begin(world).fence
    still = a_position("OPEN", account_id=world.account_id, opened_at=pulse(-60))
    young = a_position("YOUNG", account_id=world.account_id, opened_at=pulse(11))
    world.store.record_tick(a_record(begun, account_id=world.account_id, positions=(still, young)))
    traded(world, "LONG", tick=12, opened_at=pulse(-30))  # until pulse 13
    traded(world, "GONE", tick=20, opened_at=pulse(21))
    traded(world, "MINE", tick=30, opened_at=pulse(12))
    found = {trade.symbol: trade.open_positions for trade in read(world).trades}
    # LONG met OPEN; MINE met OPEN, YOUNG and LONG; GONE met OPEN, YOUNG and MINE.
    assert found == {"LONG": 1, "MINE": 3, "GONE": 3}
    lagged = {trade.symbol: trade.open_positions for trade in read(world, lag_seconds=20).trades}
    assert lagged == {"LONG": 1, "MINE": 2, "GONE": 3}


def test_what_has_its_entry_vector_is_not_asked_for_again(world: World) -> None:
    one, other = traded(world, "AAPL"), traded(world, "MSFT", tick=10)
    assert put(world, two(one)) == 1
    assert symbols(read(world)) == ["AAPL", "MSFT"], "a vector of another schema is no vector"
    assert symbols(read(world, schema_hash=TWO)) == ["MSFT"]
    assert put(world, two(other, kind="open")) == 1
    assert symbols(read(world, schema_hash=TWO)) == ["MSFT"], "nor is one of another kind"


EDGES = (
    0.0, -0.0, 1.401298464324817e-45, -1.1754942106924411e-38, 3.4028234663852886e38,
    0.10000000149011612, 16777217.0, 1.0000001192092896, 0.3333333432674408, None,
)  # fmt: skip


def test_a_stored_vector_comes_back_bit_for_bit_with_its_trade(world: World) -> None:
    position, other = traded(world, "AAPL", tick=10), traded(world, "MSFT", tick=20)
    served = a_vector(
        position, schema_hash=TWO + "!", vector=EDGES, at=pulse(9), rebuilt=False, kind="entry"
    )
    book = feature_book(world)
    book.put_schema(TWO + "!", [f"f{place}" for place in range(len(EDGES))])
    book.put_vectors(world.account_id, [served])
    page = read(world, schema_hash=TWO + "!", stored=True)
    assert symbols(page) == ["AAPL"]
    assert [(trade.at, trade.opened_at) for trade in page.trades] == [(pulse(9), pulse(10))]
    (found,) = page.vectors.values()
    assert as_bytes(found.vector) == as_bytes(served.vector)
    assert replace(found, vector=()) == replace(served, vector=())
    assert list(page.vectors) == [position.id] != [other.id]


def test_results_and_open_positions_are_those_of_the_time_of_the_vector(world: World) -> None:
    traded(world, "S0")  # closed at pulse 1
    traded(world, "S1", tick=3, opened_at=pulse(0))  # closed at pulse 4
    late = traded(world, "AAPL", tick=10)
    put(world, two(late, at=pulse(2), rebuilt=False))
    page = read(world, schema_hash=TWO, stored=True)
    assert [(each.symbol, each.closed_at) for each in page.results] == [("S0", pulse(1))]
    assert [trade.open_positions for trade in page.trades] == [1]


def test_trades_are_told_by_their_close_and_a_page_goes_on_where_the_last_ended(
    world: World,
) -> None:
    for number in range(5):
        traded(world, f"S{number}", tick=10 * number)
    found, after = [], None
    for _ in range(3):
        page = read(world, page_trades=2, after=after)
        found.append(symbols(page))
        after = page.after
    assert found == [["S0", "S1"], ["S2", "S3"], ["S4"]]
    assert after is None
    assert symbols(read(world, since=pulse(11), at=pulse(31))) == ["S1", "S2", "S3"]


def test_a_vector_comes_once_and_another_one_is_refused(world: World) -> None:
    position = traded(world)
    assert (put(world, two(position)), put(world, two(position))) == (1, 0)
    for other in (
        two(position, 1.5, 0.0),
        two(position, rebuilt=False),
        two(position, at=position.opened_at + timedelta(seconds=1)),
    ):
        assert refused_by(world, other) == "trade_features_written_once"


def test_open_vectors_come_as_often_as_they_were_served(world: World) -> None:
    position = traded(world)
    later = position.opened_at + timedelta(minutes=1)
    served = [two(position, kind="open"), two(position, kind="open", at=later)]
    assert (put(world, *served), put(world, *served)) == (2, 0)
    assert refused_by(world, two(position, 2.5, None, kind="open", at=later)) == (
        "trade_features_written_once"
    )


def test_a_call_is_all_or_nothing(world: World) -> None:
    position = traded(world)
    stranger = replace(two(position), position_id=PositionId("nobody"))
    assert refused_by(world, two(position), stranger) == "features_position_known"
    assert refused_by(world, two(position), two(position, 1.0)) == "features_fit_schema"
    assert symbols(read(world, schema_hash=TWO)) == ["AAPL"]
    unheard = replace(two(position), schema_hash="unheard")
    assert refused_by(world, unheard) == "features_schema_known"
    assert refused_by(world, *[two(position)] * 1_001) == "put_features_batch"


def test_a_schema_is_written_once(world: World) -> None:
    assert put(world) == 0
    for names, rule in (
        (("two", "one"), "feature_schemas_append_only"),
        (("one", "one"), "feature_schemas_names_are_names"),
        (("one", ""), "feature_schemas_names_are_names"),
        ((), "feature_schemas_names_are_names"),
    ):
        with pytest.raises(DatabaseRejected) as caught:
            put(world, names=names)
        assert caught.value.rule == rule


def test_an_account_that_was_not_opened_is_refused(world: World) -> None:
    book = feature_book(world)
    for ask in (
        lambda nobody: book.put_vectors(nobody, ()),
        lambda nobody: book.read_entries(
            nobody,
            schema_hash=ENTRY,
            at=EVENING,
            since=NOON,
            results=1,
            lag_seconds=0,
            stored=False,
        ),
    ):
        with pytest.raises(DatabaseRejected) as caught:
            ask(AccountId("nobody"))
        assert caught.value.rule == "unknown_account"


def test_of_an_open_schema_a_trade_has_the_one_that_it_teaches_by(world: World) -> None:
    entered = pulse(60) - timedelta(hours=2)
    position = traded(world, tick=60, opened_at=entered)
    since = taught_from(position.id, entered)
    times = [since + timedelta(minutes=number) for number in (-1, 1, 2, 6)]
    put(world, *(two(position, float(n), None, kind="open", at=at) for n, at in enumerate(times)))
    # Its entry's is none of these.
    put(world, two(position, 9.0, None))
    page = read(world, schema_hash=TWO, stored=True, kind="open")
    (found,) = page.vectors.values()
    assert (found.kind, found.at, found.vector[0]) == ("open", times[1], 1.0)
    assert [trade.at for trade in page.trades] == [times[1]]
    assert read(world, schema_hash=TWO, stored=False, kind="open").trades == ()
