"""Whatever is sent: one harmless statement, nothing changed, and an answer in PostgREST's form.

The role that asks owns a canary and could do it harm; each statement that reaches Postgres is
recorded and must have one of the few shapes that the gateway can spell.
"""
# ruff: noqa: S608 (patterns of statements, which nobody runs)

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopward.local.gateway.calls import FIND
from stopward.local.gateway.compose import Values
from stopward.local.gateway.description import COLUMNS, FUNCTIONS
from stopward.local.gateway.sessions import BECOME
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login

CANARY = """
create table stopward.canary (id int, name text, price numeric, words text[], said jsonb);
insert into stopward.canary values
    (1, 'alive', 1.5, array['a'], '{"a": 1}'), (2, null, 0, '{}', '1');
create view api."x%sy" as select 1 as "a%b";
grant select on api."x%sy" to service_role;
create view api.canary as select * from stopward.canary;
alter table stopward.canary owner to service_role;
alter view api.canary owner to service_role;
grant create on schema api, stopward to service_role;
create function api.echo(request jsonb) returns jsonb language sql immutable as 'select request';
create function api.say(word text, often int default 1) returns text
language sql immutable as 'select repeat(word, least(often, 3))';
"""
STATE = (
    "select (select jsonb_agg(c) from stopward.canary as c)::text,"
    " (select count(*) from pg_class), (select count(*) from pg_proc),"
    " (select count(*) from pg_roles), (select count(*) from pg_db_role_setting),"
    " (select count(*) from stopward.accounts), (select pg_get_viewdef('api.canary'::regclass))"
)

# Shapes: names become N, then the filters are folded, leaf by leaf, into F.
QUOTED = re.compile(r'"(?:[^"]|"")*"')
FOLDS = tuple(
    re.compile(pattern)
    for pattern in (
        r"N\.N (?:=|<>|>|>=|<|<=|like|ilike|@>|<@) %s",
        r"N\.N in \(%s(?:, %s)*\)",
        r"N\.N is (?:null|not null|true|false|unknown)",
        r"\bfalse\b",
        r"not (?:\(F\)|F\b)",
        r"\(F(?: and F)*\)",
        r"\(F(?: or F)*\)",
    )
)
TYPE = r"(?:text|integer|bigint|numeric|double precision|boolean|date|timestamptz|json|jsonb)"
COLUMN = rf"(?:N\.\*|(?:N\.N|cast\(N\.N as {TYPE}\)) as N)"
SORT = r"N\.N (?:asc|desc)(?: nulls (?:first|last))?"
ARGUMENT = r"N => cast\((?:given\.body ->>? %s|%s) as N\.N\)"
SHAPES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"with wanted as \(select {COLUMN}(?:, {COLUMN})* from N\.N as N(?: where F)?"
        rf"(?: order by {SORT}(?:, {SORT})*)? limit %s offset %s\)"
        r" select coalesce\(json_agg\(row_to_json\(wanted\)\), '\[\]'\)::text as body,"
        r" count\(\*\) as rows from wanted",
        r"select count\(\*\) as total from N\.N as N(?: where F)? limit %s",
        rf"with given as \(select %s::json as body\) select (?:to_json\()?N\.N"
        rf"\((?:{ARGUMENT}(?:, {ARGUMENT})*)?\)\)?::text as answer from given",
    )
)
FIXED = frozenset(each.as_string(None) for each in (BECOME, FIND, COLUMNS, FUNCTIONS))


def shape_of(statement: str) -> str:
    """Return a statement with names and filters folded away."""
    folded, before = QUOTED.sub("N", statement), ""
    while folded != before:
        before = folded
        for fold in FOLDS:
            folded = fold.sub("F", folded)
    return folded


def is_harmless(statement: str) -> bool:
    """Whether a statement is one that the gateway spells itself."""
    return statement in FIXED or any(each.fullmatch(shape_of(statement)) for each in SHAPES)


@dataclass
class Log:
    """What reached Postgres."""

    statements: list[tuple[str, Values]] = field(default_factory=list, repr=False)

    def watch(self, statement: str, values: Values) -> None:
        self.statements.append((statement, values))


@dataclass(frozen=True)
class Place:
    gateway: ServedGateway
    log: Log
    eyes: psycopg.Connection[Any]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("place")  # what was said so far is too long to tell

    def state(self) -> object:
        return self.eyes.execute(STATE.encode()).fetchone()

    def answer(self, method: str, target: str, body: bytes = b"", **headers: str) -> None:
        """Send a request as service_role; check the answer and what it did."""
        before, state = len(self.log.statements), self.state()
        sent = {"apikey": self.gateway.keys.secret, **headers}
        if method == "POST":
            sent.setdefault("Content-Type", "application/json")
        given = self.gateway.http.build_request(method, "/", headers=sent, content=body or None)
        given.url = given.url.copy_with(raw_path=target.encode("ascii"))
        answered = self.gateway.http.send(given)
        assert well_formed(method, answered.status_code, answered.content), answered.text
        for statement, values in self.log.statements[before:]:
            assert is_harmless(statement), statement
            assert values, "without a parameter the server would take several commands"
        assert self.state() == state


def well_formed(method: str, status: int, body: bytes) -> bool:
    """Whether an answer is JSON of PostgREST's: its error, or whatever a success says."""
    if method == "HEAD" or status == 204:
        return body == b""
    said = json.loads(body)
    if 200 <= status < 300:
        return True
    if set(said) != {"code", "message", "details", "hint"}:
        return False
    # 54 is too complex, 57 out of time: Postgres' own, and 500 as PostgREST has them.
    return status in range(300, 500) or (status == 500 and said["code"][:2] in ("54", "57"))


@pytest.fixture(scope="module")
def place(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[Place]:
    log = Log()
    with (
        copy_of(postgres_server, template_database, "fuzz") as url,
        psycopg.connect(url, autocommit=True) as eyes,
    ):
        eyes.execute(CANARY)
        with a_gateway(url_of_login(postgres_server, url), watch=log.watch) as gateway:
            yield Place(gateway, log, eyes)


NASTY = st.sampled_from(
    [
        "'", '"', "''", '""', ";", "--", "/*", "*/", "\\", "\\'", "$$", "$1", "%s", "%(x)s", "%",
        "%%", "%b", "{}", "{0}", "\x00", "\n", "\t", "\u2028", "é", "😀", "(", ")", ",", ".", ":",
        "::", "*",
        "->", "=>", "E'", "U&'", "N'", " or true", "'; drop table stopward.canary; --",
        '"; drop table stopward.canary; --', "1); delete from stopward.canary; --", "not.", "eq.",
        "in.(", "is.", "and(", "or(", "null", "id", "name", "price", "api.canary", "pg_sleep(9)",
        "information_schema.tables", "x" * 70, "0", "-1", "9" * 25, "1e400", "NaN",
    ]
)  # fmt: skip
TEXT = st.lists(st.one_of(NASTY, st.text(max_size=4)), max_size=4).map("".join)
KNOWN = st.sampled_from(["id", "name", "price", "words", "said", '"id"'])
COLUMNS_ = st.one_of(KNOWN, KNOWN, KNOWN, KNOWN, KNOWN, TEXT)
OPERATORS = st.sampled_from(
    ["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "in", "is", "cs", "cd", "fts", "match"]
)
LISTS = st.lists(TEXT.map(lambda each: f'"{each}"'), max_size=3).map(
    lambda each: f"({','.join(each)})"
)
CONDITIONS = st.tuples(
    st.sampled_from(["", "not."]), OPERATORS, st.just("."), st.one_of(TEXT, LISTS, st.just("1"))
).map("".join)
LEAVES = st.sampled_from(
    ["id.eq.1", "name.is.null", 'name.eq."it\'s"', "name.not.like.a*", "id.in.(1,2)", "price.gt.0"]
)
GROUPS = st.recursive(
    st.one_of(LEAVES, LEAVES, LEAVES, st.tuples(COLUMNS_, CONDITIONS).map(".".join)),
    lambda inner: st.tuples(
        st.sampled_from(["and", "or", "not.and", "not.or"]), st.lists(inner, min_size=1, max_size=3)
    ).map(lambda each: f"{each[0]}({','.join(each[1])})"),
    max_leaves=5,
)
PARAMETERS = st.one_of(
    st.tuples(COLUMNS_, CONDITIONS),
    st.tuples(KNOWN, CONDITIONS),
    st.tuples(st.just("name"), TEXT.map(lambda text: f"eq.{text}")),
    st.tuples(st.just("name"), LISTS.map(lambda text: f"not.in.{text}")),
    st.tuples(st.sampled_from(["and", "or", "not.and", "not.or"]), GROUPS.map(lambda g: f"({g})")),
    st.tuples(
        st.just("select"),
        st.lists(
            st.one_of(
                COLUMNS_,
                st.tuples(COLUMNS_, COLUMNS_).map(":".join),
                st.tuples(COLUMNS_, st.sampled_from(["text", "numeric", "jsonb", "oid"])).map(
                    "::".join
                ),
                st.just("*"),
            ),
            max_size=3,
        ).map(",".join),
    ),
    st.tuples(
        st.just("order"),
        st.lists(
            st.tuples(
                COLUMNS_, st.sampled_from(["", ".desc", ".nullsfirst", ".asc.nullslast"])
            ).map("".join),
            max_size=3,
        ).map(",".join),
    ),
    st.tuples(st.sampled_from(["limit", "offset"]), st.one_of(TEXT, st.integers().map(str))),
    st.tuples(TEXT, TEXT),
)
NAMES = st.one_of(st.just("canary"), st.just("canary"), st.sampled_from(["day_log", "x%sy"]), TEXT)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Prefer": st.sampled_from(["count=exact", "tx=rollback", "'; drop", "handling=strict"]),
        "Range": st.sampled_from(["0-0", "1-", "5-1", "'", "0-999999999999999999", "-"]),
        "Accept": st.sampled_from(
            ["application/vnd.pgrst.object+json", "text/csv", "'", "*/*", "a,b;q=9"]
        ),
        "Accept-Profile": st.sampled_from(["api", "stopward", "api; drop", "pg_catalog"]),
    },
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
BODIES = st.one_of(
    st.dictionaries(
        st.one_of(st.sampled_from(["request", "word", "often"]), TEXT), JSON, max_size=3
    ).map(json.dumps),
    JSON.map(json.dumps),
    TEXT,
).map(lambda text: text.encode("utf-8", "surrogatepass"))
FUNCTION_NAMES = st.one_of(
    st.sampled_from(["echo", "say", "halt", "open_account", "put_rules", "pg_sleep"]), TEXT
)


def encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def query_of(parameters: list[tuple[str, str]]) -> str:
    return "&".join(f"{encoded(key)}={encoded(value)}" for key, value in parameters)


def ask_a_view(
    place: Place, view: str, parameters: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    place.answer("GET", f"/rest/v1/{encoded(view)}?{query_of(parameters)}", **headers)


def call_a_function(place: Place, name: str, body: bytes) -> None:
    place.answer("POST", f"/rest/v1/rpc/{encoded(name)}", body)


def call_with_get(place: Place, name: str, parameters: list[tuple[str, str]]) -> None:
    place.answer("GET", f"/rest/v1/rpc/{encoded(name)}?{query_of(parameters)}")


WORDS = TEXT.map(lambda text: text.replace("\x00", ""))
READABLE = st.one_of(
    st.tuples(st.just("name"), WORDS.map(lambda text: f"eq.{text}")),
    st.tuples(st.just("name"), WORDS.map(lambda text: f"not.ilike.{text}")),
    st.tuples(st.just("or"), st.lists(LEAVES, min_size=1).map(lambda each: f"({','.join(each)})")),
    st.tuples(st.just("order"), st.sampled_from(["id", "name.desc", "price.nullsfirst,id"])),
    st.tuples(st.just("select"), st.sampled_from(["*", "a:id,price::text", "name"])),
)
QUESTIONS = (
    st.one_of(st.lists(READABLE, min_size=1, max_size=4), st.lists(PARAMETERS, max_size=4)),
    HEADERS,
)
ARGUMENTS = st.lists(
    st.tuples(st.one_of(st.sampled_from(["request", "word", "often"]), TEXT), TEXT), max_size=3
)
MANY = settings(
    max_examples=3_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FEW = settings(MANY, max_examples=120, derandomize=True)
"""The same ones each time: whether they reach Postgres, which a test asks, is then no luck."""


@FEW
@given(view=NAMES, parameters=QUESTIONS[0], headers=QUESTIONS[1])
def test_no_question_does_harm(
    place: Place, view: str, parameters: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    ask_a_view(place, view, parameters, headers)


@FEW
@given(name=FUNCTION_NAMES, body=BODIES)
def test_no_call_does_harm(place: Place, name: str, body: bytes) -> None:
    call_a_function(place, name, body)


@FEW
@given(name=FUNCTION_NAMES, parameters=ARGUMENTS)
def test_no_call_by_get_does_harm(
    place: Place, name: str, parameters: list[tuple[str, str]]
) -> None:
    call_with_get(place, name, parameters)


@FEW
@given(target=TEXT, method=st.sampled_from(["GET", "HEAD", "POST", "PATCH", "DELETE"]))
def test_no_target_does_harm(place: Place, target: str, method: str) -> None:
    place.answer(method, f"/rest/v1/{quote(target.encode('utf-8', 'surrogatepass'), safe='/?&=%')}")


@pytest.mark.nightly
@MANY
@given(view=NAMES, parameters=QUESTIONS[0], headers=QUESTIONS[1])
def test_no_question_of_many_does_harm(
    place: Place, view: str, parameters: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    ask_a_view(place, view, parameters, headers)


@pytest.mark.nightly
@MANY
@given(name=FUNCTION_NAMES, body=BODIES)
def test_no_call_of_many_does_harm(place: Place, name: str, body: bytes) -> None:
    call_a_function(place, name, body)


def test_the_questions_that_are_made_up_do_reach_postgres(place: Place) -> None:
    reached = {statement for statement, _ in place.log.statements}
    assert len([each for each in reached if " where " in each]) > 3
    assert any("to_json(N.N(N => cast" in shape_of(each) for each in reached)


@pytest.mark.parametrize(
    "statement",
    [
        "select 1; drop table stopward.canary",
        'with wanted as (select "source".* from "api"."canary" as "source" where true limit %s',
        'select count(*) as total from "api"."canary" as "source" where "source"."id" = 1 limit %s',
        'select count(*) as total from api.canary as "source" limit %s',
        'select count(*) as total from "api"."canary" as "source" limit %s -- more',
    ],
)
def test_the_check_itself_would_notice(statement: str) -> None:
    assert not is_harmless(statement)


def test_the_canary_would_notice(place: Place) -> None:
    before = place.state()
    with place.eyes.transaction(force_rollback=True):
        place.eyes.execute("set local role service_role")
        place.eyes.execute("delete from stopward.canary where id = 1")
        assert place.state() != before
    with place.eyes.transaction(force_rollback=True):
        place.eyes.execute("set local role service_role")
        place.eyes.execute("create table stopward.injected ()")
        place.eyes.execute("reset role")
        assert place.state() != before
