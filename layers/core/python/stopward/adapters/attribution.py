"""Trades that wait for their attribution, over functions of schema api."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast

from stopward.adapters import rows
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.attribution.trade import (
    RULES,
    WAITING,
    ClosedTrade,
    Figure,
    Place,
    TradePage,
)
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import Session
from stopward.domain.money import plain
from stopward.domain.rule_set import RuleSet
from stopward.errors import InvalidState
from stopward.rules.types import NAN

PAGE_TRADES = 100
PUT_AT_ONCE = 500
"""Ticks of the account wait for such a call, some milliseconds."""


class FunctionAttribution:
    """The AttributionBook over api functions; each call is one transaction, and may be repeated."""

    def __init__(self, functions: Functions, *, page_trades: int = PAGE_TRADES) -> None:
        self._functions = functions
        self._page_trades = page_trades

    def read_unattributed(
        self,
        account_id: AccountId,
        *,
        at: datetime,
        since: date | None = None,
        more_bars: bool = False,
        again: bool = False,
        after: Place | None = None,
    ) -> TradePage:
        """Return the page of trades after a place, the first one after None.

        A row that cannot be read is told in the page, and the others are read.
        """
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "at": at.isoformat(),
            "rules": list(RULES),
            "waiting": list(WAITING),
            "since": None if since is None else since.isoformat(),
            "more_bars": more_bars,
            "again": again,
            "limit": self._page_trades,
        }
        if after is not None:
            request["after"] = list(after)
        found = cast("Any", self._functions.call("read_unattributed", "request", request))
        rule_sets = [rows.read(RuleSet, each) for each in found["rule_sets"]]
        last = found["after"]
        trades: list[ClosedTrade] = []
        unreadable: list[str] = []
        for each in found["trades"]:
            try:
                trades.append(rows.read(ClosedTrade, each))
            except InvalidState as error:
                unreadable.append(f"{each['position_id']}: {error}")
        return TradePage(
            trades=tuple(trades),
            unreadable=tuple(unreadable),
            rule_sets={rule_set.digest: rule_set for rule_set in rule_sets},
            rules_toml=dict(found["rules_toml"]),
            sessions=tuple(rows.read(Session, each) for each in found["sessions"]),
            usual_volume={
                Symbol(symbol): tuple(NAN if each is None else float(each) for each in volumes)
                for symbol, volumes in found["usual_volume"].items()
            },
            after=None if last is None else cast("Place", tuple(last)),
        )

    def put_figures(self, account_id: AccountId, figures: Sequence[Figure], *, at: datetime) -> int:
        """Store figures, the last word counts; return how many are other than before."""
        changed = 0
        for first in range(0, len(figures), PUT_AT_ONCE):
            request: dict[str, JsonValue] = {
                "account_id": account_id,
                "at": at.isoformat(),
                "attributions": [_told(each) for each in figures[first : first + PUT_AT_ONCE]],
            }
            answer = self._functions.call("put_attribution", "request", request)
            changed += int(cast("int", answer["changed"]))
        return changed


def _told(figure: Figure) -> dict[str, JsonValue]:
    return {
        "position_id": figure.position_id,
        "rule": figure.rule,
        "without_r": None if figure.without_r is None else plain(figure.without_r),
        "because": figure.because,
        "version": figure.version,
    }
