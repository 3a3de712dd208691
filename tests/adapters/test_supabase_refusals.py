"""A broken rule has one name, over psycopg and over supabase-py, whatever its kind."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from stopward.adapters.administration import Administration
from stopward.adapters.functions import Functions
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.postgrest_error import refusal
from stopward.adapters.supabase import SupabaseDatabase
from stopward.domain.identity import AccountId
from stopward.errors import DatabaseRejected, DatabaseUnavailable
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login

BREAKER = """
create table stopward.ruled (
    id int, pair int not null, percent int,
    constraint ruled_pkey primary key (id),
    constraint ruled_one_pair unique (pair),
    constraint ruled_percent_known check (percent between 0 and 100),
    constraint ruled_far exclude using btree (percent with =),
    constraint ruled_self_fkey foreign key (percent) references stopward.ruled (id)
        deferrable initially deferred
);
insert into stopward.ruled values (1, 1, 1);
create domain stopward.short as text constraint short_enough check (length(value) < 4);
create function api.break_rule(request jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    word stopward.short;
    kind text := request ->> 'kind';
begin
    case kind
        when 'check' then insert into stopward.ruled values (2, 2, 200);
        when 'unique' then insert into stopward.ruled values (2, 1, 2);
        when 'primary' then insert into stopward.ruled values (1, 2, 2);
        when 'not null' then insert into stopward.ruled values (2, null, 2);
        when 'exclusion' then insert into stopward.ruled values (2, 2, 1);
        when 'foreign' then insert into stopward.ruled values (2, 2, 50);
        when 'domain' then word := 'too long';
        when 'cast' then perform (request ->> 'kind')::numeric;
        when 'division' then perform 1 / 0;
        when 'refuse' then perform stopward.refuse('a_rule_of_state', 'no', 'do this');
        when 'raise' then raise exception 'plain' using detail = 'Not a rule: words.';
        else raise exception using errcode = kind, message = 'as asked';
    end case;
    return '{}';
end
$$;
grant execute on function api.break_rule(jsonb) to service_role, stopward_worker;
"""


@dataclass(frozen=True)
class Place:
    url: str
    gateway: ServedGateway


@pytest.fixture(scope="module")
def place(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[Place]:
    with copy_of(postgres_server, template_database, "refusals") as url:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(BREAKER)
        with a_gateway(url_of_login(postgres_server, url)) as gateway:
            yield Place(url, gateway)


@pytest.fixture(params=["psycopg", "supabase-py"])
def database(request: pytest.FixtureRequest, place: Place) -> Iterator[Functions]:
    found = (
        PostgresDatabase(place.url)
        if request.param == "psycopg"
        else SupabaseDatabase(place.gateway.url, key=place.gateway.keys.secret)
    )
    yield found
    found.close()


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("check", "ruled_percent_known"),
        ("unique", "ruled_one_pair"),
        ("primary", "ruled_pkey"),
        ("exclusion", "ruled_far"),
        ("foreign", "ruled_self_fkey"),
        ("domain", "short_enough"),
        ("not null", "23502"),
        ("cast", "22P02"),
        ("division", "22012"),
        ("refuse", "a_rule_of_state"),
        ("raise", "P0001"),
        ("42501", "42501"),
        ("XX000", "XX000"),
    ],
)
def test_a_broken_rule_is_named(database: Functions, kind: str, rule: str) -> None:
    with pytest.raises(DatabaseRejected, match=r"^break_rule: ") as caught:
        database.call("break_rule", "request", {"kind": kind})
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    "state",
    [
        "40001", "40P01", "57014", "53300", "53100", "58030", "08006", "25006", "25P03", "25P04",
        "55P03",
    ],
)  # fmt: skip
def test_what_passes_is_to_be_tried_again(database: Functions, state: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"^break_rule: .*as asked"):
        database.call("break_rule", "request", {"kind": state})


@pytest.mark.parametrize(
    ("function", "argument"), [("drop table", "request"), ("break_rule", "wish"), ("x;y", "z")]
)
def test_a_function_that_does_not_exist_is_rejected(
    database: Functions, function: str, argument: str
) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        database.call(function, argument, {})
    assert caught.value.rule == "42883"


def test_text_that_json_cannot_hold_is_rejected_by_name(database: Functions) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        database.call("open_account", "request", {"account_id": "a\x00b", "name": "n"})
    assert caught.value.rule in ("22P05", "22021")


def test_rules_of_the_product_are_named(database: Functions) -> None:
    people = Administration(database)
    with pytest.raises(DatabaseRejected) as caught:
        people.halt(AccountId("nobody"), reason="x")
    assert caught.value.rule == "unknown_account"


@pytest.mark.parametrize("code", ["PGRST000", "PGRST001", "PGRST002", "PGRST003"])
def test_postgrest_without_its_database_is_unavailable(code: str) -> None:
    found = refusal("f", status=503, code=code, message="m", details=None)
    assert isinstance(found, DatabaseUnavailable)


@pytest.mark.parametrize(
    ("status", "code", "rule"),
    [
        (404, "PGRST202", "42883"),
        (404, "PGRST205", "42P01"),
        (406, "PGRST106", "3F000"),
        (401, "PGRST301", "28000"),
        (401, "PGRST303", "28000"),
        (401, None, "28000"),
        (403, None, "28000"),
        (400, "PGRST102", "PGRST102"),
    ],
)
def test_postgrests_own_refusals_have_the_rule_that_postgres_would_name(
    status: int, code: str | None, rule: str
) -> None:
    found = refusal("f", status=status, code=code, message="m", details=None)
    assert isinstance(found, DatabaseRejected)
    assert found.rule == rule


@pytest.mark.parametrize("status", [400, 404, 413, 429, 500, 502, 503, 504, 520, 544])
def test_what_is_not_postgrests_answer_is_unavailable(status: int) -> None:
    for code in (None, str(status), "over_request_rate_limit"):
        found = refusal("f", status=status, code=code, message="m", details="<html>")
        assert isinstance(found, DatabaseUnavailable)
        assert str(status) in str(found)
