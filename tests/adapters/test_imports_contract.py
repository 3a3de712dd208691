"""Imported history over psycopg and supabase-py: twice is once, and nothing else hears of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from stopward.adapters.administration import Administration
from stopward.adapters.imports import Database, Imported, ImportedHistory, SymbolHistory
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.supabase import SupabaseDatabase
from stopward.adapters.views import MAX_ROWS
from stopward.domain.history import Execution, ExecutionId, round_trips
from stopward.domain.identity import AccountId, Symbol
from stopward.errors import DatabaseRejected
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login
from tests.builders.history import MORNING, executions
from tests.builders.state import changed, read_state

AAPL = Symbol("AAPL")
DAY = executions(
    "buy! 100 at 10.5 fee 1", "buy! 50 at 10.7", "sell. 150 at 11.25 fee 1.01", "sell! 10 at 11.3",
    "buy. 10 at 11.1", "buy! 7 at 11.2",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    url: str
    gateway: ServedGateway


@pytest.fixture(scope="module")
def place(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[Place]:
    with (
        copy_of(postgres_server, template_database, "imports") as url,
        a_gateway(url_of_login(postgres_server, url)) as gateway,
    ):
        yield Place(url, gateway)


@pytest.fixture(params=["psycopg", "supabase-py"])
def database(request: pytest.FixtureRequest, place: Place) -> Iterator[Database]:
    found = (
        PostgresDatabase(place.url)
        if request.param == "psycopg"
        else SupabaseDatabase(place.gateway.url, key=place.gateway.keys.secret)
    )
    yield found
    found.close()


@pytest.fixture
def account(database: Database) -> AccountId:
    found = AccountId(f"import-{uuid4()}")
    Administration(database).open_account(found, name="Tests")
    return found


@pytest.fixture
def imported(database: Database, account: AccountId) -> ImportedHistory:
    return ImportedHistory(database, account, "tradervue")


def a_history(
    new: tuple[Execution, ...], all_: tuple[Execution, ...] | None = None
) -> SymbolHistory:
    everything = new if all_ is None else all_
    return SymbolHistory(
        symbol=AAPL,
        new=new,
        executions=len(everything),
        trades=round_trips(everything).trips,
    )


def trades(place: Place, account: AccountId) -> list[dict[str, object]]:
    with psycopg.connect(place.url, row_factory=dict_row) as connection:
        return connection.execute(
            "select * from stopward.imported_trades where account_id = %s order by opened_at",
            (account,),
        ).fetchall()


def test_what_was_stored_is_read_again(imported: ImportedHistory) -> None:
    given = (replace(DAY[0], initial_stop=Decimal("10.25"), effect=None), *DAY[1:])
    assert imported.add([a_history(given)]) == Imported(executions=6, trades=2, trades_removed=0)
    assert imported.executions(AAPL) == given
    assert imported.executions(Symbol("MSFT")) == ()


def test_a_trade_carries_its_legs_and_its_result(
    imported: ImportedHistory, place: Place, account: AccountId
) -> None:
    imported.add([a_history((replace(DAY[0], initial_stop=Decimal("10.25")), *DAY[1:]))])
    first, second = trades(place, account)
    assert (first["side"], first["quantity"], first["average_entry"]) == (
        "long", 150, Decimal("10.566667"),
    )  # fmt: skip
    assert (first["fees"], first["result"]) == (Decimal("2.01"), Decimal("100.49"))
    assert (first["risk"], first["result_r"]) == (Decimal("0.25"), 100.49 / 37.5)
    assert first["exits"] == [
        {
            "execution_id": "002", "at": "2024-01-03T14:32:00+00:00", "price": "11.25",
            "quantity": "150", "result": "102.5",
        }
    ]  # fmt: skip
    assert [leg["quantity"] for leg in first["entries"]] == ["100", "50"]  # type: ignore[attr-defined]
    assert str(first["session_day"]) == "2024-01-03"
    assert (second["side"], second["result"], second["risk"], second["result_r"]) == (
        "short", 2, None, None,
    )  # fmt: skip


def test_adding_again_changes_nothing(
    imported: ImportedHistory, place: Place, account: AccountId
) -> None:
    imported.add([a_history(DAY)])
    before = trades(place, account)
    assert imported.add([a_history(DAY)]) == Imported()
    assert trades(place, account) == before


def test_a_later_export_closes_what_was_open_and_leaves_the_rest(
    imported: ImportedHistory, place: Place, account: AccountId
) -> None:
    imported.add([a_history(DAY)])
    (later,) = executions("sell. 7 at 11.5")
    later = replace(later, id=ExecutionId("later"), at=MORNING.replace(hour=20))
    done = imported.add([a_history((later,), (*DAY, later))])
    assert done == Imported(executions=1, trades=1, trades_removed=0)
    assert [trade["opened_by"] for trade in trades(place, account)] == ["000", "003", "005"]


def test_an_earlier_execution_makes_the_trades_anew(
    imported: ImportedHistory, place: Place, account: AccountId
) -> None:
    imported.add([a_history(DAY[1:3])])
    assert [trade["side"] for trade in trades(place, account)] == ["long"]
    done = imported.add([a_history(DAY[:1], DAY[:3])])
    assert done == Imported(executions=1, trades=1, trades_removed=1)
    (trade,) = trades(place, account)
    assert (trade["opened_by"], trade["quantity"]) == ("000", 150)


@pytest.mark.parametrize(
    "changes", [{"price": Decimal(9)}, {"at": MORNING.replace(hour=18)}, {"fees": Decimal(2)}]
)
def test_an_id_that_says_something_else_is_refused(
    imported: ImportedHistory, place: Place, account: AccountId, changes: dict[str, object]
) -> None:
    imported.add([a_history(DAY)])
    before = trades(place, account)
    other = replace(DAY[0], **changes)  # type: ignore[arg-type]
    with pytest.raises(DatabaseRejected) as caught:
        imported.add([a_history((other, *DAY[1:]))])
    assert caught.value.rule == "imported_executions_told_once"
    assert trades(place, account) == before


def test_trades_of_less_than_is_stored_are_refused(imported: ImportedHistory) -> None:
    imported.add([a_history(DAY[:3])])
    with pytest.raises(DatabaseRejected) as caught:
        imported.add([a_history(DAY[3:])])
    assert caught.value.rule == "imported_trades_of_all_executions"
    assert len(imported.executions(AAPL)) == 3


def test_a_source_is_taken_back_whole(database: Database, account: AccountId) -> None:
    one = ImportedHistory(database, account, "tradervue")
    two = ImportedHistory(database, account, "alpaca")
    one.add([a_history(DAY)])
    two.add([a_history(tuple(replace(each, source="alpaca") for each in DAY))])
    assert one.others([AAPL, Symbol("MSFT")]) == (AAPL,)
    assert one.forget() == Imported(executions=6, trades=2)
    assert one.forget() == Imported()
    assert (len(one.executions(AAPL)), len(two.executions(AAPL))) == (0, 6)


def test_an_account_that_was_never_opened_is_refused(database: Database) -> None:
    for ask in (ImportedHistory.forget, lambda each: each.add([a_history(DAY)])):
        with pytest.raises(DatabaseRejected) as caught:
            ask(ImportedHistory(database, AccountId("nobody"), "ibkr"))
        assert caught.value.rule == "unknown_account"


def test_more_than_a_page_is_read(imported: ImportedHistory) -> None:
    many = tuple(
        replace(DAY[0], id=ExecutionId(f"{place:05}"), effect=None) for place in range(MAX_ROWS + 5)
    )
    imported.add([a_history(many)])
    assert imported.executions(AAPL) == many


def test_nothing_else_hears_of_it(
    imported: ImportedHistory, place: Place, account: AccountId
) -> None:
    # No notice, no day's result, no rollup, no training: only the two tables have other rows.
    with psycopg.connect(place.url, autocommit=True) as connection:
        before = read_state(connection)
        imported.add([a_history(DAY)])
        assert changed(before, read_state(connection)) == {
            "imported_executions", "imported_trades",
        }  # fmt: skip
