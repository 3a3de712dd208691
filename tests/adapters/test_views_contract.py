"""One contract over psycopg and supabase-py: the same rows, types and refusals for a question."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.supabase import SupabaseDatabase
from stopward.adapters.views import MAX_ROWS, Order, Views, Where, all_rows
from stopward.domain.identity import AccountId
from stopward.errors import DatabaseRejected, InvalidInput
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login

WORDS = ("it's", 'a "b"', "50%", "a,b", "(x)", "a\\b", "é", "", "*", "null", "-- ;")
ODD_VIEW = """
create table stopward.odd (
    account_id text, number int, amount numeric(18, 6), free numeric, share float8, big bigint,
    at timestamptz, day date, who uuid, yes boolean, word text, words text[], json jsonb
);
insert into stopward.odd values
    ('a', 1, 10.500000, 1e-7, 0.1, 9007199254740993, '2026-11-23T17:00:00.123456Z', '2026-11-23',
     '00000000-0000-4000-8000-000000000001', true, 'plain', array['x', 'y,z'], '{"k": [1, 0.5]}'),
    ('a', 2, 100, 12345678901234567890.123456789, 1, -1, '2026-11-23 12:00:00-05', '2026-11-24',
     null, false, '', '{}', '[]'),
    ('b', 3, -0.000001, 0, 'nan', 0, '2024-02-29', '2024-02-29', null, null, null, null, null);
insert into stopward.odd (account_id, number, word)
select 'words', w.number, w.word from unnest(%s::text[]) with ordinality as w (word, number);
insert into stopward.odd (account_id, number) select 'many', n from generate_series(1, 2500) as n;
create view api.odd as select * from stopward.odd;
grant select on api.odd to service_role, stopward_worker;
create view api.locked as select 1 as one;
"""


@dataclass(frozen=True)
class Place:
    url: str
    gateway: ServedGateway


@pytest.fixture(scope="module")
def place(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[Place]:
    with copy_of(postgres_server, template_database, "views") as url:
        with psycopg.ClientCursor(psycopg.connect(url, autocommit=True)) as cursor:
            cursor.execute(ODD_VIEW, (list(WORDS),))
            cursor.connection.close()
        with a_gateway(url_of_login(postgres_server, url)) as gateway:
            yield Place(url, gateway)


@pytest.fixture(params=["psycopg", "supabase-py"])
def views(request: pytest.FixtureRequest, place: Place) -> Iterator[Views]:
    database = (
        PostgresDatabase(place.url)
        if request.param == "psycopg"
        else SupabaseDatabase(place.gateway.url, key=place.gateway.keys.secret)
    )
    yield database
    database.close()


def numbers(views: Views, *where: Where, **more: object) -> list[object]:
    found = views.select("odd", where=where, order="number", **more)  # type: ignore[arg-type]
    return [row["number"] for row in found]


def rejected(rule: str, views: Views, *where: Where, view: str = "odd") -> None:
    for ask in (views.select, views.count):
        with pytest.raises(DatabaseRejected) as caught:
            ask(view, where=where)
        assert caught.value.rule == rule


def test_each_column_has_the_value_of_its_type(views: Views) -> None:
    first, second = views.select("odd", account_id=AccountId("a"), order="number")
    assert first == {
        "account_id": "a",
        "number": 1,
        "amount": Decimal("10.5"),
        "free": Decimal("0.0000001"),
        "share": 0.1,
        "big": 9007199254740993,
        "at": datetime(2026, 11, 23, 17, 0, 0, 123456, tzinfo=UTC),
        "day": date(2026, 11, 23),
        "who": UUID("00000000-0000-4000-8000-000000000001"),
        "yes": True,
        "word": "plain",
        "words": ["x", "y,z"],
        "json": {"k": [1, 0.5]},
    }
    assert second["free"] == Decimal("12345678901234567890.123456789")
    assert [type(value) for value in second.values()] == [
        str, int, Decimal, Decimal, float, int, datetime, date, type(None), bool, str, list, list,
    ]  # fmt: skip
    at = second["at"]
    assert isinstance(at, datetime)
    assert (at.isoformat(), str(second["amount"])) == ("2026-11-23T17:00:00+00:00", "100.000000")


def test_null_is_none_and_what_is_no_number_is_nan(views: Views) -> None:
    (row,) = views.select("odd", account_id=AccountId("b"))
    assert row["share"] != row["share"]
    assert [row[name] for name in ("who", "yes", "word", "words", "json")] == [None] * 5


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where("number", "=", 2), [2]),
        (Where("amount", ">", Decimal("10.4")), [1, 2]),
        (Where("amount", "<=", Decimal("-0.000001")), [3]),
        (Where("free", "=", Decimal("12345678901234567890.123456789")), [2]),
        (Where("share", "<", 0.5), [1]),
        (Where("big", ">=", 9007199254740993), [1]),
        (Where("at", "=", datetime(2026, 11, 23, 17, tzinfo=UTC)), [2]),
        (Where("at", ">", datetime(2026, 11, 23, 17, tzinfo=UTC)), [1]),
        (Where("day", "<", date(2026, 11, 24)), [1, 3]),
        (Where("who", "=", UUID("00000000-0000-4000-8000-000000000001")), [1]),
        (Where("yes", "=", True), [1]),
        (Where("yes", "<>", True), [2]),
        (Where("word", "=", None), [3]),
        (Where("word", "<>", None), [1, 2]),
        (Where("word", "<>", "plain"), [2]),
    ],
)
def test_a_condition_means_what_it_says(views: Views, where: Where, expected: list[int]) -> None:
    some = Where("number", "<=", 3), Where("account_id", "<>", "words")
    assert numbers(views, where, *some, Where("account_id", "<>", "many")) == expected
    assert views.count("odd", where=(where, *some, Where("account_id", "<>", "many"))) == len(
        expected
    )


@pytest.mark.parametrize("word", WORDS)
def test_a_value_is_only_ever_a_value(views: Views, word: str) -> None:
    (row,) = views.select("odd", account_id=AccountId("words"), where=(Where("word", "=", word),))
    assert row["word"] == word


def test_rows_come_in_order_nulls_last_and_first_when_descending(views: Views) -> None:
    some = (Where("number", "<=", 3), Where("account_id", "<=", "b"))
    for descending, expected in ((False, ["", "plain", None]), (True, [None, "plain", ""])):
        found = views.select("odd", where=some, order=Order("word", descending))
        assert [row["word"] for row in found] == expected
    by_two = (Order("account_id", descending=True), Order("number", descending=True))
    assert [row["number"] for row in views.select("odd", where=some, order=by_two)] == [3, 2, 1]


def test_pages_follow_each_other(views: Views) -> None:
    assert numbers(views, Where("account_id", "=", "many"), limit=3, offset=1500) == [
        1501, 1502, 1503,
    ]  # fmt: skip
    assert numbers(views, Where("account_id", "=", "many"), limit=3, offset=2499) == [2500]
    assert numbers(views, Where("account_id", "=", "many"), offset=2500) == []


def test_all_rows_are_read_page_by_page(views: Views) -> None:
    many = all_rows(views, "odd", account_id=AccountId("many"), order="number")
    assert [row["number"] for row in many] == list(range(1, 2501))
    assert views.count("odd", account_id=AccountId("many")) == 2500


def test_no_rows_are_no_rows(views: Views) -> None:
    assert views.select("odd", account_id=AccountId("nobody")) == []
    assert views.count("odd", account_id=AccountId("nobody")) == 0


def test_a_view_that_does_not_exist_is_the_databases_error(views: Views) -> None:
    rejected("42P01", views, view="accounts")


def test_a_view_that_may_not_be_read_is_the_databases_error(views: Views) -> None:
    rejected("42501", views, view="locked")


def test_a_column_that_does_not_exist_is_the_databases_error(views: Views) -> None:
    rejected("42703", views, Where("nothing", "=", 1))
    with pytest.raises(DatabaseRejected) as caught:
        views.select("odd", order="nothing")
    assert caught.value.rule == "42703"


def test_a_value_that_is_none_of_the_columns_type_is_rejected(views: Views) -> None:
    rejected("22P02", views, Where("number", "=", "many"))
    rejected("22007", views, Where("at", ">", "yesterday at noon"))


@pytest.mark.parametrize("name", ["odd; drop table x", 'o"dd', "", "Odd", "api.odd", "ódd"])
def test_a_name_that_is_no_identifier_is_refused_before_it_is_sent(views: Views, name: str) -> None:
    for ask in (views.select, views.count):
        with pytest.raises(InvalidInput, match="allowed is a plain identifier"):
            ask(name)
    for kind in (Order, lambda column: Where(column, "=", 1)):
        with pytest.raises(InvalidInput, match="allowed is a plain identifier"):
            kind(name)


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (MAX_ROWS + 1, 0), (-1, 0), (1, -1)])
def test_a_window_that_no_answer_holds_is_refused(views: Views, limit: int, offset: int) -> None:
    with pytest.raises(InvalidInput, match="allowed is"):
        views.select("odd", limit=limit, offset=offset)


def test_conditions_that_are_never_true_are_refused() -> None:
    with pytest.raises(InvalidInput, match="never true"):
        Where("number", "<", None)
    with pytest.raises(InvalidInput, match="has no zone"):
        Where("at", "<", datetime(2026, 11, 23))  # noqa: DTZ001
    with pytest.raises(InvalidInput, match="allowed is =, <>"):
        Where("number", "or", 1)  # type: ignore[arg-type]


def test_a_column_added_meanwhile_is_read(place: Place) -> None:
    views = SupabaseDatabase(place.gateway.url, key=place.gateway.keys.secret)
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute("create view api.grows as select 1 as one")
        owner.execute("grant select on api.grows to service_role")
        assert views.select("grows") == [{"one": 1}]
        owner.execute("drop view api.grows")
        owner.execute("create view api.grows as select 2 as two")
        owner.execute("grant select on api.grows to service_role")
        assert views.select("grows") == [{"two": 2}]
        owner.execute("drop view api.grows")
    views.close()
