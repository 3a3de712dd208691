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

    from stopward.domain.identity import AccountId
    from stopward.replay.sharding.walking import ShardWalker
    from stopward.services.attribution import AttributionBook, AttributionSummary
    from stopward.services.delivery import Delivery
    from stopward.services.each_account import EachAccount, Round
    from stopward.services.feature_book import FeatureBook
    from stopward.services.features import FeatureSummary
    from stopward.services.journal_keeping import JournalKeeper
    from stopward.services.minute_book import MinuteBook
    from stopward.services.model_tracking import TrackingSummary
    from stopward.services.session_refresh import RefreshSummary
    from stopward.services.tracking_book import TrackingBook
    from stopward.settings import Settings

OUTBOX_SECONDS: Final = 5.0
JOURNAL_SECONDS: Final = 30.0
"""A call compares or moves a portion of a month: seconds, and no gateway waits for minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitAttribution:
    """The attribution of the accounts' exits: what a scheduled function runs each evening."""

    settings: Settings
    book: AttributionBook
    accounts: EachAccount

    def run(
        self, now: datetime, remaining_seconds: Callable[[], float]
    ) -> Round[AttributionSummary]:
        """Attribute what waits; the broker's keys are read anew each time."""
        from stopward.services.attribution import AttributionSummary, Attributor

        with parts.market_data(self.settings, "attribute_exits") as bars:

            def attribute(account_id: AccountId) -> AttributionSummary:
                attributor = Attributor(book=self.book, bars=bars, account_id=account_id)
                return attributor.run(now=now, remaining_seconds=remaining_seconds)

            total = AttributionSummary()
            return self.accounts.run(attribute, total, at=now, remaining_seconds=remaining_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCheck:
    """The check of the accounts' features: what a scheduled function runs each evening."""

    settings: Settings
    book: FeatureBook
    accounts: EachAccount

    def run(self, now: datetime, remaining_seconds: Callable[[], float]) -> Round[FeatureSummary]:
        """Rebuild and compare; the broker's keys are read anew each time."""
        from stopward.domain.identity import Symbol
        from stopward.services.features import FeatureChecker, FeatureSummary

        with parts.market_data(self.settings, "check_features") as bars:

            def check(account_id: AccountId) -> FeatureSummary:
                checker = FeatureChecker(
                    book=self.book,
                    bars=bars,
                    account_id=account_id,
                    index=Symbol(parts.MARKET_INDEX),
                )
                summary = checker.run(now=now, remaining_seconds=remaining_seconds)
                of_open = replace(checker, kind="open")
                summary.add(of_open.run(now=now, remaining_seconds=remaining_seconds))
                return summary

            total = FeatureSummary()
            return self.accounts.run(check, total, at=now, remaining_seconds=remaining_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTracking:
    """The tracking of the accounts' models: what a scheduled function runs each evening.

    keep_days: how long minutes of closed positions stay, unless they teach.
    """

    book: TrackingBook
    minutes: MinuteBook
    keep_days: int
    accounts: EachAccount

    def run(
        self, *, now: datetime, remaining_seconds: Callable[[], float]
    ) -> Round[TrackingSummary]:
        """Judge what models said by what came of it; keep the minutes that they spoke of."""
        from stopward.services.minute_keeping import MinuteKeeper
        from stopward.services.model_tracking import ModelTracker, TrackingSummary

        def track(account_id: AccountId) -> TrackingSummary:
            minutes = MinuteKeeper(
                book=self.minutes, account_id=account_id, keep_days=self.keep_days
            )
            tracker = ModelTracker(book=self.book, minutes=minutes, account_id=account_id)
            return tracker.run(now=now, remaining_seconds=remaining_seconds)

        total = TrackingSummary()
        return self.accounts.run(track, total, at=now, remaining_seconds=remaining_seconds)


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
    """Wire the attribution of what closed the accounts' trades."""
    from stopward.adapters.attribution import FunctionAttribution
    from stopward.services.attribution import MARGIN_SECONDS
    from stopward.services.each_account import weekday_turn

    settings = parts.settings_of(environment).require_broker()
    functions = parts.functions(settings, starts_often=False)
    accounts = parts.each_account(
        settings, functions, work="attribution", turn=weekday_turn, margin_seconds=MARGIN_SECONDS
    )
    return ExitAttribution(
        settings=settings, book=FunctionAttribution(functions), accounts=accounts
    )


@at_start
def feature_check(*, environment: Mapping[str, str] | None = None) -> FeatureCheck:
    """Wire the check of the features of the accounts' trades."""
    from stopward.adapters.features import FunctionFeatures
    from stopward.services.each_account import weekday_turn
    from stopward.services.features import MARGIN_SECONDS

    settings = parts.settings_of(environment).require_broker()
    functions = parts.functions(settings, starts_often=False)
    accounts = parts.each_account(
        settings, functions, work="features", turn=weekday_turn, margin_seconds=MARGIN_SECONDS
    )
    return FeatureCheck(settings=settings, book=FunctionFeatures(functions), accounts=accounts)


@at_start
def model_tracker(*, environment: Mapping[str, str] | None = None) -> ModelTracking:
    """Wire the tracking of the accounts' models, and the keeping of minutes of their positions."""
    from stopward.adapters.minutes import FunctionMinutes
    from stopward.adapters.model_tracking import FunctionTracking
    from stopward.services.each_account import weekday_turn
    from stopward.services.model_tracking import MARGIN_SECONDS

    settings = parts.settings_of(environment)
    functions = parts.functions(settings, starts_often=False)
    accounts = parts.each_account(
        settings, functions, work="tracking", turn=weekday_turn, margin_seconds=MARGIN_SECONDS
    )
    return ModelTracking(
        book=FunctionTracking(functions),
        minutes=FunctionMinutes(functions),
        keep_days=settings.minute_days,
        accounts=accounts,
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
