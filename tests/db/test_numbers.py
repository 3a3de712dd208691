"""No column takes a number that is none: each numeric and floating one of the catalogue."""

from collections.abc import Iterator, Mapping

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.requests import Stage
from tests.builders.rules.case import after, attempt, copied, sql
from tests.builders.rules.stage import a_stage

NUMBERS = """
select r.relname, a.attname, format_type(a.atttypid, a.atttypmod)
from pg_attribute as a inner join pg_class as r on r.oid = a.attrelid
where r.relnamespace = 'stopward'::regnamespace and r.relkind in ('r', 'p')
    and not r.relispartition and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and format_type(a.atttypid, null) ~ '^(numeric|double precision|real)'
order by 1, 2
"""
TOGETHER: Mapping[str, Mapping[str, str]] = {
    "accounts.equity_prior_close": {"equity_put_at": "now()"},
    "predictions.outcome_r": {
        "outcome_won": "true",
        "resolved_at": "now()",
        "resolved_day": "'2026-11-23'",
    },
    "trade_features.outcome_r": {"outcome_won": "true", "outcome_at": "now()"},
    "predictions.vector": {"vector_at": "t.at"},
    "position_exits.without_r": {"attributed_at": "now()", "attribution_version": "'1'"},
}
"""What is written with a number, for columns that are null on the stage."""


@pytest.fixture(scope="module")
def stage(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[Stage]:
    with a_stage(postgres_server, template_database) as found:
        yield found


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_no_column_takes_what_is_no_number(stage: Stage, number: str) -> None:
    faults = []
    columns = stage.connection.execute(NUMBERS.encode()).fetchall()
    for table, column, kind in columns:
        if number != "NaN" and kind.startswith("numeric("):
            continue  # a type with so many digits has no infinity
        is_list = kind.endswith("[]")
        some = "'{0.5}'" if is_list else "0.5"
        good = f"coalesce(t.{column}, {some})"
        bad = (
            f"array_replace({good}, ({good})[1], '{number}')" if is_list else f"'{number}'::{kind}"
        )
        together = TOGETHER.get(f"{table}.{column}", {})
        answers = [
            # Without triggers: the table itself says no.
            attempt(
                stage,
                after(
                    sql(f"alter table stopward.{table} disable trigger user"),
                    copied(table, **together, **{column: value}),
                ),
            )
            for value in (bad, good)
        ]
        by_rule = isinstance(answers[0], psycopg.errors.CheckViolation)
        if not by_rule or name_of(answers[0]) == name_of(answers[1]):
            faults.append((table, column, kind, [name_of(each) for each in answers]))
    assert len(columns) > 50
    assert faults == []


def name_of(error: psycopg.Error | None) -> str | None:
    """Return the rule that said no, None when nothing did."""
    return None if error is None else error.diag.constraint_name or str(error)
