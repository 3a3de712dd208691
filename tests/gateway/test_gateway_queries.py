"""What can be asked of a view over HTTP, and that what cannot be is said, never left out."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login

THINGS = """
create table stopward.things (
    number int, name text, price numeric(18, 6), done boolean, words text[], said jsonb,
    "Odd name" text
);
insert into stopward.things values
    (1, 'alpha', 10.5, true, array['a', 'b'], '{"k": 1}', 'x'),
    (2, 'beta', 0.000001, false, array['b,c'], '[]', null),
    (3, 'a"b,c', -7, null, '{}', null, 'y'),
    (4, null, null, null, null, null, null);
create view api.things as select * from stopward.things;
create view api.many as select n as number from generate_series(1, 2500) as n;
grant select on api.things, api.many to service_role;
create function api.add(first int, second int default 10) returns int
language sql immutable as 'select first + second';
create function api.nothing(request jsonb) returns void language sql as 'select 1';
create function api.echo(request jsonb) returns jsonb language sql immutable as 'select request';
create function api.rows_of(request jsonb) returns setof int language sql as 'select 1';
create function api.twice(a int) returns int language sql as 'select 1';
create function api.twice(a text) returns int language sql as 'select 2';
create function api.writes(request jsonb) returns jsonb language sql security definer as $$
    insert into stopward.things (number) values (5) returning to_jsonb(number) $$;
grant execute on all functions in schema api to service_role;
"""


@pytest.fixture(scope="module")
def gateway(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[ServedGateway]:
    with copy_of(postgres_server, template_database, "queries") as url:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(THINGS)
        with a_gateway(url_of_login(postgres_server, url)) as found:
            yield found


def numbers(gateway: ServedGateway, **query: str) -> list[int]:
    return [row["number"] for row in gateway.rows("things", **{"order": "number", **query})]


def test_all_columns_are_returned_unless_some_are_named(gateway: ServedGateway) -> None:
    first = gateway.rows("things", limit="1", order="number")
    assert first == [
        {"number": 1, "name": "alpha", "price": 10.5, "done": True, "words": ["a", "b"],
         "said": {"k": 1}, "Odd name": "x"},
    ]  # fmt: skip
    assert gateway.rows("things", select="name,id:number", number="eq.2") == [
        {"name": "beta", "id": 2}
    ]


def test_a_column_is_cast_renamed_and_quoted(gateway: ServedGateway) -> None:
    asked = 'price::text,p:price::text,"Odd name",o:"Odd name",n:number::numeric,*'
    (row,) = gateway.rows("things", select=asked, number="eq.1")
    assert row["price"] == 10.5  # `*` comes last, and JSON keeps the last of two
    assert (row["p"], row["o"], row["n"]) == ("10.500000", "x", 1)
    assert gateway.ask("things", select="price::text", number="eq.2").text == (
        '[{"price":"0.000001"}]'
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"number": "eq.2"}, [2]),
        ({"number": "neq.2"}, [1, 3, 4]),
        ({"number": "gt.2"}, [3, 4]),
        ({"number": "gte.2", "price": "lt.1"}, [2, 3]),
        ({"number": "not.lte.2"}, [3, 4]),
        ({"number": "in.(1,3,9)"}, [1, 3]),
        ({"number": "not.in.(1,3)"}, [2, 4]),
        ({"number": "in.()"}, []),
        ({"name": 'in.(alpha,"a\\"b,c")'}, [1, 3]),
        ({"name": 'eq.a"b,c'}, [3]),
        ({"name": "like.*a"}, [1, 2]),
        ({"name": "like.%25"}, []),
        ({"name": "ilike.ALPHA"}, [1]),
        ({"name": "not.like.a*"}, [2]),
        ({"name": "is.null"}, [4]),
        ({"name": "not.is.null"}, [1, 2, 3]),
        ({"name": "is.not_null"}, [1, 2, 3]),
        ({"done": "is.true"}, [1]),
        ({"done": "is.FALSE"}, [2]),
        ({"done": "is.unknown"}, [3, 4]),
        ({"words": "cs.{a}"}, [1]),
        ({"words": "cd.{a,b,c}"}, [1, 3]),
        ({"said": 'cs.{"k":1}'}, [1]),
        ({'"Odd name"': "eq.y"}, [3]),
        ({"or": "(number.eq.1,number.eq.4)"}, [1, 4]),
        ({"and": "(number.gt.1,number.lt.4)"}, [2, 3]),
        ({"not.or": "(number.eq.1,number.eq.4)"}, [2, 3]),
        ({"not.and": "(number.gt.1,number.lt.4)"}, [1, 4]),
        ({"or": "(number.eq.1,and(number.gte.2,not.or(name.eq.beta,name.is.null)))"}, [1, 3]),
        ({"or": '(name.eq."a\\"b,c",number.in.(1,2),words.cs.{z})'}, [1, 2, 3]),
        ({"or": "(number.eq.1,number.eq.2)", "price": "gt.1"}, [1]),
        ({"number": "eq.1 "}, [1]),
    ],
)
def test_a_filter_means_what_postgrest_says_it_means(
    gateway: ServedGateway, query: dict[str, str], expected: list[int]
) -> None:
    assert numbers(gateway, **query) == expected


def test_two_filters_on_one_column_are_both_true(gateway: ServedGateway) -> None:
    answer = gateway.ask("things?number=gt.1&number=lt.4&select=number&order=number")
    assert answer.json() == [{"number": 2}, {"number": 3}]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("number", [1, 2, 3, 4]),
        ("number.desc", [4, 3, 2, 1]),
        ("price", [3, 2, 1, 4]),
        ("price.desc", [4, 1, 2, 3]),
        ("price.nullsfirst", [4, 3, 2, 1]),
        ("price.desc.nullslast", [1, 2, 3, 4]),
        ("done.asc.nullsfirst,number.desc", [4, 3, 2, 1]),
    ],
)
def test_rows_come_in_the_order_that_is_asked_for(
    gateway: ServedGateway, order: str, expected: list[int]
) -> None:
    assert numbers(gateway, order=order) == expected


@pytest.mark.parametrize(
    ("query", "headers", "status", "content_range", "count"),
    [
        ({}, {}, 200, "0-999/*", 1000),
        ({"limit": "5000"}, {}, 200, "0-999/*", 1000),
        ({"limit": "3"}, {}, 200, "0-2/*", 3),
        ({"limit": "0"}, {}, 200, "*/*", 0),
        ({"limit": "3", "offset": "2499"}, {}, 200, "2499-2499/*", 1),
        ({"offset": "9999"}, {}, 200, "*/*", 0),
        ({}, {"Range": "10-14"}, 200, "10-14/*", 5),
        ({}, {"Range": "2498-"}, 200, "2498-2499/*", 2),
        ({"limit": "3", "offset": "2"}, {"Range": "4-99"}, 200, "4-4/*", 1),
        ({"limit": "3"}, {"Prefer": "count=exact"}, 206, "0-2/2500", 3),
        ({"limit": "3"}, {"Prefer": "count=planned"}, 206, "0-2/2500", 3),
        ({"number": "lt.3"}, {"Prefer": "count=exact"}, 200, "0-1/2", 2),
        ({"number": "lt.0"}, {"Prefer": "count=exact"}, 200, "*/0", 0),
        ({"offset": "2500"}, {"Prefer": "count=exact"}, 206, "*/2500", 0),
    ],
)
def test_a_page_says_where_it_lies(
    gateway: ServedGateway,
    *,
    query: dict[str, str],
    headers: dict[str, str],
    status: int,
    content_range: str,
    count: int,
) -> None:
    answer = gateway.ask("many", headers=headers, **query)
    assert (answer.status_code, answer.headers["Content-Range"]) == (status, content_range)
    assert len(answer.json()) == count


def test_a_head_has_the_headers_and_no_body(gateway: ServedGateway) -> None:
    answer = gateway.ask("many", method="HEAD", headers={"Prefer": "count=exact"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (206, "0-999/2500")
    assert answer.content == b""
    assert gateway.rows("many", number="eq.1") == [{"number": 1}]  # the connection goes on


def test_one_row_is_an_object_and_nothing_else_is_one_row(gateway: ServedGateway) -> None:
    one = {"Accept": "application/vnd.pgrst.object+json"}
    answer = gateway.ask("things", headers=one, number="eq.1", select="number")
    assert answer.json() == {"number": 1}
    assert answer.headers["Content-Type"].startswith(one["Accept"])
    for query, rows in (({"number": "eq.9"}, 0), ({"number": "lt.3"}, 2)):
        refused = gateway.ask("things", headers=one, **query)
        assert (refused.status_code, refused.json()["code"]) == (406, "PGRST116")
        assert refused.json()["details"] == f"The result contains {rows} rows"


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ({"nothing": "eq.1"}, "42703", 400),
        ({"select": "nothing"}, "42703", 400),
        ({"order": "nothing"}, "42703", 400),
        ({"number": "eq.many"}, "22P02", 400),
        ({"number": "like.1"}, "42883", 404),
        ({"number": "eq"}, "PGRST100", 400),
        ({"number": "2"}, "PGRST100", 400),
        ({"number": ""}, "PGRST100", 400),
        ({"number": "equals.2"}, "PGRST100", 400),
        ({"number": "in.1,2"}, "PGRST100", 400),
        ({"number": "in.(1,2"}, "PGRST100", 400),
        ({"number": "in.(1,2)3"}, "PGRST100", 400),
        ({"done": "is.maybe"}, "PGRST100", 400),
        ({"or": "number.eq.1"}, "PGRST100", 400),
        ({"or": "()"}, "PGRST100", 400),
        ({"or": "(number.eq.1"}, "PGRST100", 400),
        ({"or": "(number.eq.1))"}, "PGRST100", 400),
        ({"or": "(" * 20 + ")" * 20}, "PGRST100", 400),
        ({"and": "(and(" * 9 + "number.eq.1" + "))" * 9}, "PGRST100", 400),
        ({"order": "number.up"}, "PGRST100", 400),
        ({"order": "number.desc.asc"}, "PGRST100", 400),
        ({"limit": "ten"}, "PGRST100", 400),
        ({"limit": "-1"}, "PGRST103", 416),
        ({"offset": "-1"}, "PGRST103", 416),
        ({"x" * 64: "eq.1"}, "PGRST100", 400),
        ({"select": "number,"}, "PGRST100", 400),
        ({"select": "n:*"}, "PGRST100", 400),
        ({"select": "rel(name)"}, "PGRST127", 400),
        ({"select": "count()"}, "PGRST127", 400),
        ({"select": "said->k"}, "PGRST127", 400),
        ({"select": "number::regclass"}, "PGRST127", 400),
        ({"said->k": "eq.1"}, "PGRST127", 400),
        ({"rel.order": "number"}, "PGRST127", 400),
        ({"rel.or": "(number.eq.1)"}, "PGRST127", 400),
        ({"name": "fts.word"}, "PGRST127", 400),
        ({"name": "match.^a"}, "PGRST127", 400),
        ({"name": "like(any).{a*,b*}"}, "PGRST127", 400),
        ({"name": "fts(english).word"}, "PGRST127", 400),
        ({"columns": "number"}, "PGRST127", 400),
        ({"name": "eq.\x00"}, "22021", 400),
    ],
)
def test_what_cannot_be_answered_is_refused(
    gateway: ServedGateway, query: dict[str, str], code: str, status: int
) -> None:
    answer = gateway.ask("things", **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message", "details", "hint"}


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        ({"Accept": "text/csv"}, "PGRST107", 406),
        ({"Accept": "application/vnd.pgrst.plan+json"}, "PGRST107", 406),
        ({"Accept": "application/vnd.pgrst.array+json;nulls=stripped"}, "PGRST107", 406),
        ({"Accept-Profile": "stopward"}, "PGRST106", 406),
        ({"Prefer": "tx=rollback"}, "PGRST122", 400),
        ({"Prefer": "timezone=America/New_York"}, "PGRST122", 400),
        ({"Range": "9-3"}, "PGRST103", 416),
        ({"Range": "rows"}, "PGRST100", 400),
    ],
)
def test_a_wish_that_is_not_granted_is_refused(
    gateway: ServedGateway, headers: dict[str, str], code: str, status: int
) -> None:
    answer = gateway.ask("things", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_accepted_kind_may_have_a_weight_and_a_charset(gateway: ServedGateway) -> None:
    for kind in ("text/html, application/json; charset=utf-8", "a/b;q=0.9, */*;q=0.1"):
        assert gateway.ask("things", headers={"Accept": kind}).is_success


def test_what_lies_beyond_the_last_row_is_out_of_range(gateway: ServedGateway) -> None:
    answer = gateway.ask("many", offset="2501", headers={"Prefer": "count=exact"})
    assert (answer.status_code, answer.json()["code"]) == (416, "PGRST103")


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_a_view_is_not_written(gateway: ServedGateway, method: str) -> None:
    answer = gateway.ask("things", method=method, content="{}", number="eq.1")
    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST127")
    assert "functions write" in answer.json()["details"]


@pytest.mark.parametrize("path", ["", "a/b", "rpc/a/b", "%2e%2e%2fb", "%ff", "x" * 64, "rpc/"])
def test_a_path_that_names_nothing_is_not_found(gateway: ServedGateway, path: str) -> None:
    answer = gateway.http.get(f"/rest/v1//{path}", headers={"apikey": gateway.keys.secret})
    assert (answer.status_code, answer.json()["code"]) == (404, "PGRST125")


# Functions


def call(gateway: ServedGateway, function: str, body: object) -> object:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = gateway.ask(f"rpc/{function}", method="POST", content=content)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_function_is_called_by_named_arguments(gateway: ServedGateway) -> None:
    assert call(gateway, "add", {"first": 1, "second": 2}) == 3
    assert call(gateway, "add", {"second": 2, "first": "1"}) == 3
    assert call(gateway, "add", {"first": 1}) == 11
    assert call(gateway, "add", {"first": None}) is None


@pytest.mark.parametrize(
    "value", [{"a": [1, {"b": None}]}, [], "te'xt \"; --", 1, None, True, "é\u2028"]
)
def test_json_arrives_as_it_was_sent(gateway: ServedGateway, value: object) -> None:
    assert call(gateway, "echo", {"request": value}) == value


def test_a_number_keeps_every_digit(gateway: ServedGateway) -> None:
    digits = "12345678901234567890.123456789012345678901234567890"
    answer = gateway.ask("rpc/echo", method="POST", content=f'{{"request": {digits}}}')
    assert answer.text == digits


def test_a_function_that_returns_nothing_answers_nothing(gateway: ServedGateway) -> None:
    answer = gateway.ask("rpc/nothing", method="POST", content='{"request": {}}')
    assert (answer.status_code, answer.content) == (204, b"")
    assert call(gateway, "echo", {"request": 1}) == 1  # the connection goes on


def test_a_function_may_be_asked_with_get_as_long_as_it_writes_nothing(
    gateway: ServedGateway,
) -> None:
    assert gateway.rows("rpc/add", first="1", second="2") == 3
    assert gateway.rows("rpc/echo", request='{"a": 1}') == {"a": 1}
    refused = gateway.ask("rpc/writes", request="{}")
    assert (refused.status_code, refused.json()["code"]) == (405, "25006")
    assert numbers(gateway, number="eq.5") == []


@pytest.mark.parametrize(
    ("function", "body", "code", "status"),
    [
        ("add", "{}", "PGRST202", 404),
        ("add", '{"first": 1, "third": 2}', "PGRST202", 404),
        ("nothing_there", "{}", "PGRST202", 404),
        ("twice", '{"a": 1}', "PGRST203", 300),
        ("rows_of", '{"request": 1}', "PGRST127", 400),
        ("add", '{"first": "one"}', "22P02", 400),
        ("echo", "{", "PGRST102", 400),
        ("echo", "[]", "PGRST102", 400),
        ("echo", '"text"', "PGRST102", 400),
        ("echo", "[" * 200_000, "PGRST102", 400),
        ("echo", '{"request": NaN}', "22P02", 400),
        ("echo", '{"request": "\\ud800"}', "22P02", 400),
        ("echo", '{"request": "\\u0000"}', "22P05", 400),
        ("echo", '{"request": 1' + "0" * 5000 + "}", "PGRST102", 400),
        ("echo?select=a", '{"request": 1}', "PGRST127", 400),
    ],
)
def test_a_call_that_cannot_be_made_is_refused(
    gateway: ServedGateway, function: str, body: str, code: str, status: int
) -> None:
    answer = gateway.ask(f"rpc/{function}", method="POST", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_call_is_json_and_nothing_else(gateway: ServedGateway) -> None:
    answer = gateway.ask(
        "rpc/echo", method="POST", content="a=b",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert answer.status_code == 415
    answer = gateway.ask("rpc/echo", method="DELETE")
    assert (answer.status_code, answer.json()["code"]) == (405, "PGRST101")


def test_the_description_tells_each_column_and_its_type(gateway: ServedGateway) -> None:
    described = gateway.rows("")
    properties = described["definitions"]["things"]["properties"]
    assert {name: each["format"] for name, each in properties.items()} == {
        "number": "integer", "name": "text", "price": "numeric(18,6)", "done": "boolean",
        "words": "text[]", "said": "jsonb", "Odd name": "text",
    }  # fmt: skip
    assert "/rpc/begin_tick" in described["paths"]
    told = described["definitions"]["guard_health"]["description"]
    assert told == "Is the guard well: last tick, lease, what is open, what is wrong."
