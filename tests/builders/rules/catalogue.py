"""Every rule of state that the catalogue holds: constraints, triggers that name one, refusals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.builders.access import Connection

CONSTRAINTS = """
select
    k.conname,
    r.relname,
    k.contype::text,
    array(
        select i.inhrelid::regclass::text from pg_inherits as i
        where k.contype = 'p' and i.inhparent = k.conindid
    )
from pg_constraint as k inner join pg_class as r on r.oid = k.conrelid
where r.relnamespace = 'stopward'::regnamespace and not r.relispartition
    and k.contype in ('c', 'p', 'u', 'x', 'f')
union all
select i.relname, r.relname, 'u', '{}'
from pg_index as x
inner join pg_class as i on i.oid = x.indexrelid
inner join pg_class as r on r.oid = x.indrelid
where r.relnamespace = 'stopward'::regnamespace and not r.relispartition and x.indisunique
    and not exists (select from pg_constraint as k where k.conindid = i.oid and k.contype <> 'f')
order by 1
"""
TRIGGERS = """
select t.tgname, r.relname, split_part(encode(t.tgargs, 'escape'), '\\000', 1)
from pg_trigger as t inner join pg_class as r on r.oid = t.tgrelid
where r.relnamespace = 'stopward'::regnamespace and not r.relispartition and not t.tgisinternal
    and t.tgnargs > 0
order by 1
"""
SOURCES = """
select p.proname, p.prosrc, coalesce(p.proargnames[1], '') from pg_proc as p
where p.pronamespace in ('stopward'::regnamespace, 'api'::regnamespace)
order by p.proname
"""

COMMENT = re.compile(r"--[^\n]*")
REFUSAL = re.compile(r"\brefuse\(\s*([^,()]+?)\s*,")
WORD = re.compile(r"'(\w+)'")
REQUEST = "function_name || '_request'"
"""What a helper refuses by: the rule is named after the function that called it."""
PASSED_ON = "function_name"
"""First parameter of such a helper."""
TRIGGER_ARGUMENT = "tg_argv[0]"
"""What a trigger's function refuses by: TRIGGERS lists those names."""

Kind = Literal["check", "key", "reference", "trigger", "refusal"]
KINDS: dict[str, Kind] = {"c": "check", "p": "key", "u": "key", "x": "key", "f": "reference"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule, and what an error must say to be of this one.

    key: what its case is listed under: the name of a constraint, "trigger <its name>", or
        "<function that refuses> <rule>".
    name: what the error names.
    where: its table, or the function that refuses.
    parts: of a partitioned table's key, what the keys of its partitions are called.
    """

    key: str
    name: str
    kind: Kind
    where: str
    parts: tuple[str, ...] = ()


def rules_of(connection: Connection) -> dict[str, Rule]:
    """Return every rule of the catalogue by its key."""
    found = [
        Rule(
            key=name,
            name=name,
            kind=KINDS[kind],
            where=table,
            parts=tuple(part.removeprefix("stopward.") for part in parts),
        )
        for name, table, kind, parts in connection.execute(CONSTRAINTS.encode()).fetchall()
    ]
    found += [
        Rule(key=f"trigger {trigger}", name=name, kind="trigger", where=table)
        for trigger, table, name in connection.execute(TRIGGERS.encode()).fetchall()
    ]
    found += [
        Rule(key=f"{function} {name}", name=name, kind="refusal", where=function)
        for function, name in refusals(connection.execute(SOURCES.encode()).fetchall())
    ]
    return {rule.key: rule for rule in found}


def refusals(sources: list[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Yield function and name of every rule that a source text refuses by.

    A name that is put together and not explained here raises: nobody could look for it.
    """
    helpers = "|".join(name for name, _source, first in sources if first == PASSED_ON)
    called = re.compile(rf"\b({helpers})\(\s*'(\w+)'")
    for function, source, first in sources:
        text = COMMENT.sub("", source)
        for name in REFUSAL.findall(text):
            if word := WORD.fullmatch(name):
                yield function, word[1]
            elif not (name == TRIGGER_ARGUMENT or (name == REQUEST and first == PASSED_ON)):
                raise ValueError(f"{function} refuses by {name}: who can tell what that may be?")
        for helper, of_function in called.findall(text):
            yield helper, f"{of_function}_request"
