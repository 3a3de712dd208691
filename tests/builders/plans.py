"""What PostgreSQL really did for a statement, inside functions too: plans by auto_explain."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

SET_UP: Final = """
load 'auto_explain';
set auto_explain.log_min_duration = 0;
set auto_explain.log_nested_statements = on;
set auto_explain.log_analyze = on;
set auto_explain.log_timing = off;
set auto_explain.log_level = notice;
set auto_explain.log_format = json;
"""
LARGE_ROWS: Final = 15_000
"""From so many rows on a table is large: reading all of it for one account is a defect.
The calendar of 28 years, 7,000 rows that never grow much, is not."""
WASTED_ROWS: Final = 5_000
"""So many rows read and thrown away by one node are a scan under another name."""
MANY_ROWS: Final = 5_000
"""So many rows read by one node, of a statement that has not a tenth as many to show for it, are
an aggregate or a sort of what a rollup or an index should have told."""
SHARE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A node that read too much; `statement` is the one it belongs to."""

    relation: str
    node: str
    rows: int
    returned: int
    statement: str

    def __str__(self) -> str:
        return (
            f"{self.node} of {self.relation} read {self.rows} rows for {self.returned} in:"
            f" {self.statement}"
        )


class Plans:
    """The plans of what ran on a connection since the last look."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._printed: list[str] = []
        connection.execute(SET_UP.encode())
        connection.add_notice_handler(self._hear)
        rows = connection.execute(
            "select relname, reltuples from pg_class"
            " where relnamespace = 'stopward'::regnamespace and relkind = 'r'"
        ).fetchall()
        self._large = {name for name, tuples in rows if tuples >= LARGE_ROWS}

    @contextmanager
    def of(self) -> Iterator[list[dict[str, Any]]]:
        """Give a list that holds the plans of what ran inside the block once it is left."""
        self._printed.clear()
        plans: list[dict[str, Any]] = []
        yield plans
        # The last statement's plan is told when the next one takes its portal.
        self._connection.execute("select 1")
        plans += [json.loads(text.partition("plan:")[2]) for text in self._printed]

    def scans(self, plans: list[dict[str, Any]]) -> list[Scan]:
        """Return the nodes that read a large table whole, or read much for little."""
        found = []
        for plan in plans:
            statement = " ".join(plan["Query Text"].split())[:200]
            returned = _returned(plan["Plan"])
            for node in nodes(plan["Plan"]):
                scan = self._judged(node, statement, returned=returned)
                if scan is not None:
                    found.append(scan)
        return found

    def _judged(self, node: dict[str, Any], statement: str, *, returned: int) -> Scan | None:
        relation = str(node.get("Relation Name", ""))
        loops = node.get("Actual Loops", 0)
        if not relation or not loops or node["Node Type"] == "ModifyTable":
            return None
        wasted = sum(
            int(node.get(f"Rows Removed by {by}", 0) * loops) for by in ("Filter", "Index Recheck")
        )
        read = int(node["Actual Rows"] * loops) + wasted
        is_whole = relation in self._large and "Seq Scan" in node["Node Type"]
        is_for_little = read >= MANY_ROWS and read >= SHARE * returned
        if not is_whole and wasted < WASTED_ROWS and not is_for_little:
            return None
        return Scan(
            relation=relation,
            node=node["Node Type"],
            rows=read,
            returned=returned,
            statement=statement,
        )

    def _hear(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self._printed.append(diagnostic.message_primary or "")


def indexes(plans: list[dict[str, Any]]) -> set[str]:
    """Return the indexes that were used to find rows."""
    return {
        node["Index Name"]
        for plan in plans
        for node in nodes(plan["Plan"])
        if "Index Name" in node and node.get("Actual Loops", 0)
    }


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a node of a plan and all below it."""
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def _returned(node: dict[str, Any]) -> int:
    # What a statement writes is what its rows are for; it returns none.
    written = [
        child
        for each in nodes(node)
        if each["Node Type"] == "ModifyTable"
        for child in each.get("Plans", ())
    ]
    return max(int(each["Actual Rows"] * each["Actual Loops"]) for each in (node, *written))
