"""The walk by compiled code, from entry to end."""

import numpy as np

from stopward.replay.arrays import blank_courses, blank_outcomes
from stopward.replay.compiled import compiled
from stopward.replay.silence import all_on
from stopward.rules.columns import Entries, Log, Market, Outcomes
from stopward.rules.parameters import Rules
from stopward.rules.types import Account
from stopward.rules.walk import Terms, begin, finish, walk
from tests.builders.kernel import SILENT


def walk_compiled(  # noqa: PLR0917  as the kernel takes them
    entries: Entries,
    market: Market,
    account: Account,
    rules: Rules,
    terms: Terms,
    log: Log = SILENT,
) -> Outcomes:
    """Walk positions from entry to end by compiled code; return what became of them.

    Rules that are off are on and silent, as in replay.
    """
    rows = np.arange(len(entries.entry))
    courses, outcomes = blank_courses(len(rows)), blank_outcomes(len(rows))
    compiled(begin)(rows, courses, entries)
    until = np.asarray(entries.end)
    compiled(walk)(rows, until, courses, entries, market, account, all_on(rules), terms, log, None)
    compiled(finish)(rows, courses, entries, market, terms, log, outcomes)
    return outcomes
