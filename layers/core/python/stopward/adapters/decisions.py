"""Recorded decisions over a function of schema api, whoever carries the calls."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from stopward.adapters import rows
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import AccountId
from stopward.domain.recorded import DecisionPage, Key, RecordedDecision
from stopward.domain.rule_set import RuleSet
from stopward.domain.snapshot import DecisionRow, ViewRow
from stopward.rules.codes import RULE_VERSION

PAGE_ROWS = 1000


class FunctionDecisions:
    """Reads decisions of this program's rule version; each call is a page, and may be repeated."""

    def __init__(self, functions: Functions, *, page_rows: int = PAGE_ROWS) -> None:
        self._functions = functions
        self._page_rows = page_rows

    def read_decisions(
        self,
        account_id: AccountId,
        *,
        since: datetime | None,
        until: datetime | None,
        after: Key | None,
    ) -> DecisionPage:
        """Return the page after a key, the first one after None; since <= time < until.

        Raises InvalidState for a row of this version that cannot be read, by its key.
        """
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "rule_version": RULE_VERSION,
            "since": None if since is None else since.isoformat(),
            "until": None if until is None else until.isoformat(),
            "limit": self._page_rows,
        }
        if after is not None:
            request["after"] = list(after)
        found = cast("Any", self._functions.call("read_decisions", "request", request))
        rule_sets = [rows.read(RuleSet, each) for each in found["rule_sets"]]
        last = found["after"]
        return DecisionPage(
            decisions=tuple(_decision(account_id, each) for each in found["decisions"]),
            other_versions=int(found["other_versions"]),
            rule_sets={rule_set.digest: rule_set for rule_set in rule_sets},
            after=None if last is None else cast("Key", tuple(last)),
        )


def _decision(account_id: AccountId, found: Mapping[str, Any]) -> RecordedDecision:
    view = found["view"]
    return RecordedDecision(
        account_id=account_id,
        telling=int(found["telling"]),
        row=rows.read(DecisionRow, found["row"]),
        view=None if view is None else rows.read(ViewRow, view),
    )
