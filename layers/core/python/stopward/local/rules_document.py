"""The generated parts of docs/rules.md: parameter tables, defaults in words, sources.

`python -m stopward.local.rules_document docs/rules.md` writes them anew; the prose around stays.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from stopward.domain.rulebook import parse, rule_words
from stopward.domain.rulebook.account_tables import ACCOUNT_TABLE, INDICATOR_TABLE
from stopward.domain.rulebook.layers import start
from stopward.domain.rulebook.parse import LIMITS, RULE_TABLES
from stopward.domain.rulebook.reading import written
from stopward.domain.rulebook.schema import Parameter, Table, allowed
from stopward.errors import InvalidInput

TABLES: Final = {
    table.name: table
    for table in (ACCOUNT_TABLE, INDICATOR_TABLE, *LIMITS.values(), *RULE_TABLES.values())
}
BLOCK: Final = re.compile(
    r"(?P<open><!-- generated: (?P<name>[a-z_]+) -->\n)(?P<body>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)


def refreshed(text: str) -> str:
    """Return the document with every generated block as the schema says now.

    Raises InvalidInput when a block names no table, or a table has no block.
    """
    named = [match["name"] for match in BLOCK.finditer(text)]
    for name in named:
        if name not in TABLES:
            raise InvalidInput(f"generated block {name}: there is no such table")
    missing = sorted(set(TABLES) - set(named))
    if missing:
        raise InvalidInput(f"no generated block for {', '.join(missing)}")
    return BLOCK.sub(
        lambda match: f"{match['open']}{block(TABLES[match['name']])}{match['end']}", text
    )


def block(table: Table) -> str:
    """Return the generated part of one table's section, Markdown."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    yield f"{table.summary} Table `[{table.path}]`; source: {table.source}."
    yield ""
    yield "| parameter | default | allowed | meaning |"
    yield "| --- | --- | --- | --- |"
    yield from (_row(parameter, table) for parameter in table.parameters)
    words = _in_words(table)
    if words:
        yield ""
        yield f"With the defaults: {words}"


def _row(parameter: Parameter, table: Table) -> str:
    default = written(parameter, start(table).values[parameter.name])
    cells = (f"`{parameter.name}`", f"`{default}`", _allowed(parameter), parameter.meaning)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _allowed(parameter: Parameter) -> str:
    # A distance is the same everywhere, and explained once, above all tables.
    if parameter.kind != "distance":
        return allowed(parameter)
    least = f"a distance of {parameter.minimum:g} or more" if parameter.minimum else "a distance"
    return f'{least}, or "off"' if parameter.optional else least


def _in_words(table: Table) -> str:
    if table.name not in RULE_TABLES and table.name not in ("day_loss", "day_profit"):
        return ""
    params = getattr(parse(f"[{table.path}]", source="defaults").base, table.name)
    return rule_words(params)


def main(arguments: Sequence[str]) -> int:
    """Rewrite the generated blocks of the files named; return the exit code."""
    for name in arguments:
        path = Path(name)
        path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
