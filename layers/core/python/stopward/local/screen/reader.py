"""Reads the picture: from the api views, with prices and cover from the simulated broker."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString, Protocol

import psycopg
from psycopg.rows import dict_row

from stopward.adapters.postgres_url import read_database_url
from stopward.domain.identity import Symbol
from stopward.domain.market import Quote
from stopward.domain.money import sign
from stopward.errors import DatabaseRejected, DatabaseUnavailable
from stopward.local.screen.picture import Action, AlarmLine, Picture, PositionLine, RuleLine
from stopward.local.screen.queries import (
    ALARMS,
    KNOWN,
    LAST_ACTIONS,
    NEWEST_ACTIONS,
    POSITIONS,
    RULES,
    TRADES,
)

BECOME_WORKER: LiteralString = "set local role stopward_worker"
"""The guard's role: whoever may read an account at all may become it."""


class Market(Protocol):
    """What the screen asks the simulated broker."""

    def quote(self, symbol: Symbol) -> Quote | None:
        """Return the quote, or None before the first bar."""


class AccountReader:
    """Reads one account through the views, with the guard's rights; one connection, kept open."""

    def __init__(self, url: str, *, account_id: str) -> None:
        """Connect.

        Raises DatabaseUnavailable when there is no answer, InvalidInput for a URL that cannot be
        used (see `read_database_url`).
        """
        self._account_id = account_id
        self._url = read_database_url(url)
        try:
            self._connection = psycopg.connect(
                self._url.text,
                autocommit=True,
                connect_timeout=10,
                row_factory=dict_row,
                prepare_threshold=None,  # a transaction pooler does not keep prepared statements
            )
        except psycopg.Error as error:
            # libpq may repeat the URL, in the chained traceback too.
            raise DatabaseUnavailable(
                f"the database does not answer: {self._url.scrub(str(error))}"
            ) from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def rows(self, query: LiteralString, **values: object) -> list[dict[str, Any]]:
        """Return the rows of a query; `account` is given to it."""
        given = {"account": self._account_id, **values}
        try:
            with self._connection.transaction():
                # In the transaction: a pooler may drop what a connection asked for when it opened.
                self._connection.execute(BECOME_WORKER)
                return self._connection.execute(query, given).fetchall()
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"a view could not be read: {error}") from error
        except psycopg.Error as error:
            rule = error.sqlstate or "unknown"
            raise DatabaseRejected(f"a view could not be read: {error}", rule=rule) from error

    def require_account(self) -> None:
        """Raise DatabaseRejected, rule `unknown_account`, unless the account was opened."""
        if not self.rows(KNOWN):
            raise unknown_account(self._account_id)

    def picture(
        self,
        *,
        now: datetime,
        market: Market,
        unprotected: tuple[Symbol, ...],
        ticks: int,
        trouble: str = "",
    ) -> Picture:
        """Return the account as it stands; `unprotected`: symbols without cover at the broker."""
        last = {row["position_id"]: _action(row) for row in self.rows(LAST_ACTIONS)}
        closed = self.rows(TRADES)[0]
        return Picture(
            now=now,
            positions=tuple(
                _line(row, market=market, unprotected=unprotected, last=last)
                for row in self.rows(POSITIONS)
            ),
            actions=tuple(_action(row) for row in self.rows(NEWEST_ACTIONS, most=10)),
            alarms=self.alarms(),
            trades=closed["trades"],
            total_r=float(closed["total_r"]),
            ticks=ticks,
            trouble=trouble,
        )

    def alarms(self) -> tuple[AlarmLine, ...]:
        """Return the alarms that still stand, the gravest first."""
        return tuple(AlarmLine(**row) for row in self.rows(ALARMS))

    def rule_lines(self) -> tuple[RuleLine, ...]:
        """Return what each rule did, the busiest first."""
        return tuple(
            RuleLine(
                rule=row["rule"] or "none",
                fired=int(row["fired"]),
                moves=row["moves"],
                exits=row["exits"],
                trades=row["trades"],
                result_r=float(row["result_r"]),
            )
            for row in self.rows(RULES)
        )


def unknown_account(account_id: str) -> DatabaseRejected:
    """Return the error for an account that was never opened, as the database words it."""
    return DatabaseRejected(f"account {account_id} is not known", rule="unknown_account")


def _line(
    row: Mapping[str, Any],
    *,
    market: Market,
    unprotected: tuple[Symbol, ...],
    last: Mapping[str, Action],
) -> PositionLine:
    action = last.get(row["position_id"])
    r_now = _r_now(row, market.quote(row["symbol"]))
    # The stored best is that of closed bars; now may be above it.
    best = max(float(row["best_r"] or 0.0), r_now or 0.0)
    return PositionLine(
        symbol=row["symbol"],
        side=row["side"],
        quantity=row["quantity"],
        r_now=r_now,
        best_r=best,
        stop=row["stop"],
        protected=row["symbol"] not in unprotected,
        action=action.what if action else "",
        action_at=action.at if action else None,
        why=action.why if action else "",
        rule=action.rule if action else "",
    )


def _r_now(row: Mapping[str, Any], quote: Quote | None) -> float | None:
    if quote is None:
        return None
    price: Decimal = quote.bid if row["side"] == "long" else quote.ask
    return float(sign(row["side"]) * (price - row["average_entry"]) / row["risk"])


def _action(row: Mapping[str, Any]) -> Action:
    return Action(
        at=row["tick_at"],
        symbol=row["symbol"],
        what=str(row["what"]).replace("_", " "),
        rule=row["rule"],
        why=sentence_of(row["reasons"], row["rule"]),
    )


def sentence_of(reasons: list[dict[str, Any]] | None, rule: str) -> str:
    """Return the sentence of the rule that decided, else of the first that was true, if any."""
    found = reasons or []
    own = [reason for reason in found if reason.get("rule") == rule]
    return str((own or found)[0].get("sentence", "")) if found else ""
