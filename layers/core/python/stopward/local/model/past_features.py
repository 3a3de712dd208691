"""What `stopward model features` does: entry vectors of imported trades, rebuilt from bars."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any, Final

from stopward.adapters.imported_features import FunctionImportedFeatures
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.views import Order, all_rows
from stopward.bootstrap import MARKET_INDEX
from stopward.domain.features.past_trade import UNFIT
from stopward.domain.identity import Symbol
from stopward.domain.market import Session
from stopward.local.account_target import Target
from stopward.local.data.calendar import new_york_day, sessions_between
from stopward.local.exit_code import ExitCode
from stopward.local.screen.words import counted
from stopward.services.feature_book import BarHistory
from stopward.services.features import FeatureChecker, FeatureSummary

EVERY: Final = 10**9
BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
MOST_FAILURES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a run came to. imported: trades of the past; without_stop: those of unknown risk."""

    summary: FeatureSummary
    imported: int
    without_stop: int

    @property
    def code(self) -> ExitCode:
        """How the command ends."""
        if self.summary.is_cut:
            return ExitCode.BROKER
        return ExitCode.DEFECT if self.summary.failures else ExitCode.OK

    @property
    def before(self) -> int:
        """Return how many vectors there were; what was written is compared with them."""
        return max(self.summary.compared - self.summary.written, 0)

    def text(self) -> str:
        """Return it for a person."""
        found = self.summary
        lines = [
            f"{counted(self.imported, 'imported trade')}, {self.without_stop} without a stop, of "
            "which no R is known",
            f"  rebuilt {counted(found.written, 'vector')}, {self.before} were there before",
            *(
                f"  {count} without one: {UNFIT[reason]}"  # type: ignore[index]
                for reason, count in sorted(found.unfit.items())
            ),
        ]
        if found.skewed:
            lines.append(
                f"  {found.skewed} of those come out otherwise of these bars, and stay as they are"
            )
        lines += [f"  {words}" for words in found.failures[:MOST_FAILURES]]
        return "\n".join(lines) + "\n"

    def as_json(self) -> str:
        """Return it as a document."""
        told: Mapping[str, Any] = {
            "imported": self.imported,
            "without_stop": self.without_stop,
            **self.summary.counts(),
            "unfit": dict(sorted(self.summary.unfit.items())),
            "failures": self.summary.failures,
        }
        return json.dumps(told, indent=1)


def rebuild(database: PostgresDatabase, target: Target, bars: BarHistory) -> Rebuilt:
    """Rebuild what imported trades lack, and compare what they have.

    Raises DatabaseUnavailable and DatabaseRejected; what was stored stays.
    """
    book = FunctionImportedFeatures(database, sessions_between=_sessions)
    checker = FeatureChecker(
        book=book,
        bars=bars,
        account_id=target.account_id,
        index=Symbol(MARKET_INDEX),
        most_trades=EVERY,
    )
    summary = checker.run(now=target.now, remaining_seconds=lambda: inf, since=BEGINNING)
    order = (Order("source"), Order("opened_by"))
    trades = all_rows(database, "imported_trades", order=order, account_id=target.account_id)
    risks = [row["risk"] for row in trades]
    return Rebuilt(summary=summary, imported=len(risks), without_stop=risks.count(None))


def _sessions(first: datetime, last: datetime) -> tuple[Session, ...]:
    return sessions_between(new_york_day(first), new_york_day(last))
