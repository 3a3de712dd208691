"""What breaks the rules of the journal and its archives."""

from tests.builders.rules.case import (
    Case,
    Cases,
    after,
    asks,
    asks_row,
    asks_row_again,
    copied,
    sql,
    while_held,
)

MONTH = "1999-01-01"
MADE = asks("keep_partitions", **{"from": MONTH, "months": 1})
"""A month that is over, with nothing in it."""


def of(function: str, table: str = "decisions") -> Case:
    """Ask about this month."""
    return asks(function, table=table, month=MONTH)


def emptied(table: str) -> Case:
    """Truncate a table whose months, which have a trigger each, would let it."""
    return after(
        sql(f"""
            do $$
            declare
                month regclass;
            begin
                for month in
                    select inhrelid from pg_inherits where inhparent = 'stopward.{table}'::regclass
                loop
                    execute format(
                        'alter table %%s disable trigger {table}_never_truncated', month
                    );
                end loop;
            end
            $$
            """),  # noqa: S608 - the name is one of ours
        sql(f"truncate stopward.{table} cascade"),
    )


CASES: Cases = {
    "trigger decisions_never_truncated": emptied("decisions"),
    "trigger market_views_never_truncated": emptied("market_views"),
    "decisions_circumstances_whole": copied(
        "decisions", where="t.kind = 'exit'", rule_set="repeat('0', 16)"
    ),
    "decisions_kind_known": copied("decisions", where="t.kind = 'exit'", kind="'bogus'"),
    "decisions_only_holds_run": copied("decisions", where="t.kind = 'exit'", ticks="2"),
    "decisions_reason_named": copied("decisions", where="t.kind = 'exit'", rule="null"),
    "decisions_say_what": copied("decisions", where="t.kind = 'exit'", kind="'move_stop'"),
    "detach_month journal_month_not_over": lambda stage: stage.ask(
        "detach_month",
        {
            "table": "decisions",
            "month": stage.find("select date_trunc('month', now() at time zone 'UTC')::date::text"),
        },
    ),
    "detach_month archives_needed_first": after(MADE, of("detach_month")),
    "detach_month journal_month_in_use": after(
        MADE,
        of("note_archive", "market_views"),
        of("detach_month", "market_views"),  # before the decisions that saw them
    ),
    "drop_month journal_month_attached": after(MADE, of("drop_month")),
    "drop_month drop_month_request": asks("drop_month", most=0),
    "drop_month archive_differs": after(
        MADE, of("note_archive"), of("detach_month"), of("drop_month")
    ),
    "file_late_rows file_late_rows_request": asks("file_late_rows", most=0),
    "keep_partitions keep_partitions_request": asks("keep_partitions", months=0),
    "list_archivable list_archivable_request": asks("list_archivable", keep_months=0),
    "lock_giving_way journal_busy": while_held(
        "lock table stopward.positions in share update exclusive mode",
        sql("""
            alter function stopward.lock_giving_way(regclass[]) set lock_timeout = '10ms';
            select stopward.lock_giving_way('{stopward.positions}')
            """),
    ),
    "read_decisions read_decisions_request": asks("read_decisions", limit=0),
    "read_month read_month_request": asks("read_month", limit=0),
    "read_month journal_month_unknown": of("read_month"),
    "require_journal_month journal_table_unknown": asks("read_month", table="orders"),
    "require_journal_month journal_month_unknown": asks("read_month", month="2001-01-02"),
    "write_journal decisions_rule_set_known": asks_row(
        "record_tick",
        "decisions",
        circumstances={
            "rule_set": "0" * 16,
            "hand_loosened": False,
            "covered": True,
            "crossed": False,
        },
    ),
    "write_rule_sets rule_sets_append_only": asks_row_again(
        "record_tick", "rule_sets", numbers={"breakeven": [2.0, 0.0, 0.0, 0.0]}
    ),
    "watch_journal watch_journal_request": asks("watch_journal", failed="x"),
}
