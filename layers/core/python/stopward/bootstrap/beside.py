"""Wire what runs beside the guard: notices, sessions, the journal, figures, shards of a sweep."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stopward.bootstrap import parts
from stopward.start import at_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from stopward.replay.sharding.walking import ShardWalker
    from stopward.services.attribution import AttributionBook, AttributionSummary
    from stopward.services.delivery import Delivery
    from stopward.services.feature_book import FeatureBook
    from stopward.services.features import FeatureSummary
    from stopward.services.journal_keeping import JournalKeeper
    from stopward.services.model_tracking import ModelTracker
    from stopward.services.session_refresh import RefreshSummary
    from stopward.settings import Settings

OUTBOX_SECONDS: Final = 5.0
JOURNAL_SECONDS: Final = 30.0
"""A call compares or moves a portion of a month: seconds, and no gateway waits for minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitAttribution:
    """The attribution of one account's exits: what a scheduled function runs each evening."""

    settings: Settings
    book: AttributionBook

    def run(self, now: datetime, remaining_seconds: Callable[[], float]) -> AttributionSummary:
        """Attribute what waits; the broker's keys are read anew each time."""
        from stopward.domain.identity import AccountId
        from stopward.services.attribution import Attributor

        with parts.market_data(self.settings, "attribute_exits") as bars:
            attributor = Attributor(
                book=self.book, bars=bars, account_id=AccountId(self.settings.account_id)
            )
            return attributor.run(now=now, remaining_seconds=remaining_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCheck:
    """The check of one account's features: what a scheduled function runs each evening."""

    settings: Settings
    book: FeatureBook

    def run(self, now: datetime, remaining_seconds: Callable[[], float]) -> FeatureSummary:
        """Rebuild and compare; the broker's keys are read anew each time."""
        from stopward.domain.identity import AccountId, Symbol
        from stopward.services.features import FeatureChecker

        with parts.market_data(self.settings, "check_features") as bars:
            checker = FeatureChecker(
                book=self.book,
                bars=bars,
                account_id=AccountId(self.settings.account_id),
                index=Symbol(parts.MARKET_INDEX),
            )
            summary = checker.run(now=now, remaining_seconds=remaining_seconds)
            of_open = replace(checker, kind="open")
            summary.add(of_open.run(now=now, remaining_seconds=remaining_seconds))
            return summary


@at_start
def outbox_deliverer(*, environment: Mapping[str, str] | None = None) -> Delivery:
    """Wire the delivery of notices to the channels of all accounts that are the Lambda's."""
    from stopward.adapters.notices.http import HttpNotices
    from stopward.adapters.notices.sender import SEND_SECONDS, Notices
    from stopward.adapters.outbox import FunctionOutbox
    from stopward.adapters.secrets import channel_fields
    from stopward.services.delivery import SETTLINGS, Delivery

    settings = parts.settings_of(environment)
    return Delivery(
        outbox=FunctionOutbox(parts.functions(settings, timeout_seconds=OUTBOX_SECONDS)),
        margin_seconds=SEND_SECONDS + SETTLINGS * OUTBOX_SECONDS,
        notifier=Notices(
            read_secret=channel_fields,
            # Where time is simulated, the reader may be on this machine.
            http=HttpNotices(may_be_loopback=bool(settings.clock_url)),
        ),
    )


@at_start
def journal_keeper(*, environment: Mapping[str, str] | None = None) -> JournalKeeper:
    """Wire the keeping of the journal's months; without an archive, nothing is ever dropped."""
    from stopward.adapters.journal import FunctionJournal
    from stopward.services.journal_keeping import JournalKeeper

    settings = parts.settings_of(environment)
    return JournalKeeper(
        journal=FunctionJournal(
            parts.functions(settings, timeout_seconds=JOURNAL_SECONDS, starts_often=False)
        ),
        archive=parts.archive_of(settings),
        keep_months=settings.journal_months,
    )


@at_start
def session_refresher(
    *, environment: Mapping[str, str] | None = None
) -> Callable[[date], RefreshSummary]:
    """Wire the nightly refresh of sessions; the keys are read anew each time it runs."""
    from stopward.adapters.administration import Administration
    from stopward.adapters.alpaca import AlpacaBroker, Transport
    from stopward.services.session_refresh import refresh_sessions

    settings = parts.settings_of(environment).require_broker()
    book = Administration(parts.functions(settings, starts_often=False))

    def refresh(today: date) -> RefreshSummary:
        clock = parts.clock_of(settings, "refresh_sessions")
        transport = Transport(settings.broker_url, keys=parts.keys_of(settings), clock=clock)
        try:
            return refresh_sessions(broker=AlpacaBroker(transport), book=book, today=today)
        finally:
            transport.close()

    return refresh


@at_start
def exit_attributor(*, environment: Mapping[str, str] | None = None) -> ExitAttribution:
    """Wire the attribution of what closed the account's trades."""
    from stopward.adapters.attribution import FunctionAttribution

    settings = parts.settings_of(environment).require_broker()
    book = FunctionAttribution(parts.functions(settings, starts_often=False))
    return ExitAttribution(settings=settings, book=book)


@at_start
def feature_check(*, environment: Mapping[str, str] | None = None) -> FeatureCheck:
    """Wire the check of the features of the account's trades."""
    from stopward.adapters.features import FunctionFeatures

    settings = parts.settings_of(environment).require_broker()
    book = FunctionFeatures(parts.functions(settings, starts_often=False))
    return FeatureCheck(settings=settings, book=book)


@at_start
def model_tracker(*, environment: Mapping[str, str] | None = None) -> ModelTracker:
    """Wire the tracking of the account's models."""
    from stopward.adapters.model_tracking import FunctionTracking
    from stopward.domain.identity import AccountId
    from stopward.services.model_tracking import ModelTracker

    settings = parts.settings_of(environment)
    return ModelTracker(
        book=FunctionTracking(parts.functions(settings, starts_often=False)),
        account_id=AccountId(settings.account_id),
    )


@at_start
def shard_walker(*, compiled: Path) -> ShardWalker:
    """Wire the walking of a sweep's shards, on as many threads as there are processors.

    compiled: machine code that came with the image, or no folder; it is copied to where a function
    may write, and what is missing in it is compiled there.
    """
    from stopward.adapters.archive_location import archive_at
    from stopward.replay.compiled import keep_in
    from stopward.replay.machine.native import GENERIC
    from stopward.replay.sharding.walking import ShardWalker

    folder = Path(tempfile.gettempdir()) / "stopward-machine-code"
    if compiled.is_dir():
        shutil.copytree(compiled, folder, dirs_exist_ok=True)
    keep_in(folder, processor=GENERIC)
    return ShardWalker(archive_at=archive_at, workers=os.cpu_count() or 1)
