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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A node that read too much; `statement` is the one it belongs to."""

    relation: str
    node: str
    rows: int
    statement: str

    def __str__(self) -> str:
        return f"{self.node} of {self.relation} read {self.rows} rows in: {self.statement}"


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
        """Return the nodes that read a large table whole, or threw away what they read."""
        found = []
        for plan in plans:
            statement = " ".join(plan["Query Text"].split())[:200]
            for node in _nodes(plan["Plan"]):
                scan = self._judged(node, statement)
                if scan is not None:
                    found.append(scan)
        return found

    def _judged(self, node: dict[str, Any], statement: str) -> Scan | None:
        relation = str(node.get("Relation Name", ""))
        loops = node.get("Actual Loops", 0)
        wasted = int(node.get("Rows Removed by Filter", 0)) * int(loops) if relation else 0
        is_whole = relation in self._large and "Seq Scan" in node["Node Type"] and loops
        if not is_whole and wasted < WASTED_ROWS:
            return None
        read = int(node["Actual Rows"] * loops) + wasted
        return Scan(relation=relation, node=node["Node Type"], rows=read, statement=statement)

    def _hear(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self._printed.append(diagnostic.message_primary or "")


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
