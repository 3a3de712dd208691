"""The composition root: the only place that chooses adapters."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stopward.adapters.alpaca import AlpacaBroker, AlpacaMarketData, Keys, Transport
from stopward.adapters.alpaca.stakes import refuse_other_stakes
from stopward.adapters.clocks import RemoteClock, SystemClock
from stopward.adapters.functions import Functions, FunctionStore
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.rulebook import Mask
from stopward.ports import Archive, Clock
from stopward.services.delivery import SETTLINGS, Delivery
from stopward.services.guard import Guard, GuardSettings, Summary, run_minute
from stopward.settings import Settings, read_settings

if TYPE_CHECKING:
    from stopward.replay.sharding.walking import ShardWalker
    from stopward.services.attribution import AttributionBook, AttributionSummary
    from stopward.services.feature_book import FeatureBook
    from stopward.services.features import FeatureSummary
    from stopward.services.journal_keeping import JournalKeeper
    from stopward.services.session_refresh import RefreshSummary

CALL_SECONDS: Final = 10.0
OUTBOX_SECONDS: Final = 5.0
JOURNAL_SECONDS: Final = 30.0
"""A call compares or moves a portion of a month: seconds, and no gateway waits for minutes."""
MARKET_INDEX: Final = Symbol("SPY")
"""What stands for the market in features: the fund that follows the S&P 500."""


@dataclass(slots=True, kw_only=True)
class MinuteGuard:
    """A guard with its pulses: what a scheduled function runs each minute.

    wire: builds the guard from the settings; called again when the broker refused our keys, for a
    secret may have been rotated under a process that lives on.
    """

    settings: Settings
    offset_seconds: float
    wire: Callable[[], Guard]
    guard: Guard

    def run(
        self,
        scheduled_at: datetime,
        remaining_seconds: Callable[[], float],
        *,
        invocation: str,
    ) -> Summary:
        """Run the pulses of the minute that was scheduled; return their sum."""
        if self.guard.keys_refused:
            self.guard = self.wire()
        return run_minute(
            partial(self.guard.tick, invocation=invocation),
            scheduled_at=scheduled_at,
            clock=self.guard.clock,
            pulse_seconds=self.settings.pulse_seconds,
            offset_seconds=self.offset_seconds,
            remaining_seconds=remaining_seconds,
            margin_seconds=self.settings.tick_margin_seconds,
            on_failure=self.guard.on_failure,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitAttribution:
    """The attribution of one account's exits: what a scheduled function runs each evening."""

    settings: Settings
    book: "AttributionBook"

    def run(self, now: datetime, remaining_seconds: Callable[[], float]) -> "AttributionSummary":
        """Attribute what waits; the broker's keys are read anew each time."""
        from stopward.services.attribution import Attributor

        with _market_data(self.settings, "attribute_exits") as bars:
            attributor = Attributor(
                book=self.book, bars=bars, account_id=AccountId(self.settings.account_id)
            )
            return attributor.run(now=now, remaining_seconds=remaining_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCheck:
    """The check of one account's features: what a scheduled function runs each evening."""

    settings: Settings
    book: "FeatureBook"

    def run(self, now: datetime, remaining_seconds: Callable[[], float]) -> "FeatureSummary":
        """Rebuild and compare; the broker's keys are read anew each time."""
        from stopward.services.features import FeatureChecker

        with _market_data(self.settings, "check_features") as bars:
            checker = FeatureChecker(
                book=self.book,
                bars=bars,
                account_id=AccountId(self.settings.account_id),
                index=MARKET_INDEX,
            )
            return checker.run(now=now, remaining_seconds=remaining_seconds)


def minute_guard(
    *,
    source: str,
    mask: Mask,
    on_failure: Callable[[str, Exception], None],
    half_a_pulse_late: bool = False,
    environment: Mapping[str, str] | None = None,
) -> MinuteGuard:
    """Wire one scheduled function from the environment; connections open at their first use.

    half_a_pulse_late: shifts the grid, so that two functions never wake for the same lease.
    """
    settings = settings_of(environment).require_broker()
    store = FunctionStore(functions(settings))

    def wire() -> Guard:
        clock = _clock(settings, source)
        keys = _keys(settings)
        refuse_other_stakes(settings.broker_url, stage=settings.stage, keys=keys)
        data = Transport(settings.market_data_url, keys=keys, clock=clock)
        return Guard(
            store=store,
            broker=AlpacaBroker(Transport(settings.broker_url, keys=keys, clock=clock)),
            market_data=AlpacaMarketData(data, feed=settings.market_data_feed),
            clock=clock,
            settings=GuardSettings(
                account_id=AccountId(settings.account_id),
                source=source,
                mask=mask,
                lease_seconds=settings.lease_seconds,
                account_number=keys.account_number,
            ),
            on_failure=on_failure,
        )

    offset = settings.pulse_seconds / 2 if half_a_pulse_late else 0.0
    return MinuteGuard(settings=settings, offset_seconds=offset, wire=wire, guard=wire())


def outbox_deliverer(*, environment: Mapping[str, str] | None = None) -> Delivery:
    """Wire the delivery of notices to the channels of all accounts that are the Lambda's."""
    from stopward.adapters.notices.http import HttpNotices
    from stopward.adapters.notices.sender import SEND_SECONDS, Notices
    from stopward.adapters.outbox import FunctionOutbox
    from stopward.adapters.secrets import channel_fields

    settings = settings_of(environment)
    return Delivery(
        outbox=FunctionOutbox(functions(settings, timeout_seconds=OUTBOX_SECONDS)),
        margin_seconds=SEND_SECONDS + SETTLINGS * OUTBOX_SECONDS,
        notifier=Notices(
            read_secret=channel_fields,
            # Where time is simulated, the reader may be on this machine.
            http=HttpNotices(may_be_loopback=bool(settings.clock_url)),
        ),
    )


def journal_keeper(*, environment: Mapping[str, str] | None = None) -> "JournalKeeper":
    """Wire the keeping of the journal's months; without an archive, nothing is ever dropped."""
    from stopward.adapters.archive_folder import FolderArchive
    from stopward.adapters.archive_s3 import S3Archive
    from stopward.adapters.journal import FunctionJournal
    from stopward.services.journal_keeping import JournalKeeper

    settings = settings_of(environment)
    archive: Archive | None = None
    if settings.archive_bucket:
        archive = S3Archive(settings.archive_bucket)
    elif settings.archive_folder:
        archive = FolderArchive(Path(settings.archive_folder))
    return JournalKeeper(
        journal=FunctionJournal(functions(settings, timeout_seconds=JOURNAL_SECONDS)),
        archive=archive,
        keep_months=settings.journal_months,
    )


def session_refresher(
    *, environment: Mapping[str, str] | None = None
) -> "Callable[[date], RefreshSummary]":
    """Wire the nightly refresh of sessions; the keys are read anew each time it runs."""
    from stopward.adapters.administration import Administration
    from stopward.services.session_refresh import refresh_sessions

    settings = settings_of(environment).require_broker()
    book = Administration(functions(settings))

    def refresh(today: date) -> "RefreshSummary":
        clock = _clock(settings, "refresh_sessions")
        transport = Transport(settings.broker_url, keys=_keys(settings), clock=clock)
        try:
            return refresh_sessions(broker=AlpacaBroker(transport), book=book, today=today)
        finally:
            transport.close()

    return refresh


def exit_attributor(*, environment: Mapping[str, str] | None = None) -> ExitAttribution:
    """Wire the attribution of what closed the account's trades."""
    from stopward.adapters.attribution import FunctionAttribution

    settings = settings_of(environment).require_broker()
    return ExitAttribution(settings=settings, book=FunctionAttribution(functions(settings)))


def feature_check(*, environment: Mapping[str, str] | None = None) -> FeatureCheck:
    """Wire the check of the features of the account's trades."""
    from stopward.adapters.features import FunctionFeatures

    settings = settings_of(environment).require_broker()
    return FeatureCheck(settings=settings, book=FunctionFeatures(functions(settings)))


def shard_walker(*, compiled: Path) -> "ShardWalker":
    """Wire the walking of a sweep's shards, on as many threads as there are processors.

    compiled: machine code that came with the image, or no folder; it is copied to where numba may
    write, and what is missing in it is compiled there.
    """
    from stopward.adapters.archive_location import archive_at
    from stopward.replay.compiled import keep_in
    from stopward.replay.sharding.walking import ShardWalker

    folder = Path(tempfile.gettempdir()) / "stopward-machine-code"
    if compiled.is_dir():
        shutil.copytree(compiled, folder, dirs_exist_ok=True)
    keep_in(folder)
    return ShardWalker(archive_at=archive_at, workers=os.cpu_count() or 1)


def settings_of(environment: Mapping[str, str] | None) -> Settings:
    """Return the settings of an environment; None is this process's."""
    return read_settings(os.environ if environment is None else environment)


def functions(settings: Settings, *, timeout_seconds: float = CALL_SECONDS) -> Functions:
    """Return who calls the database: supabase-py, or psycopg where a database URL is set.

    Only the one that is used is imported: both cost a cold start.
    """
    if settings.supabase_url:
        from stopward.adapters.supabase import SupabaseDatabase

        return SupabaseDatabase(
            settings.supabase_url, key=_supabase_key(settings), timeout_seconds=timeout_seconds
        )
    from stopward.adapters.postgres import PostgresDatabase

    return PostgresDatabase(_database_url(settings), timeout_seconds=timeout_seconds)


@contextmanager
def _market_data(settings: Settings, source: str) -> Iterator[AlpacaMarketData]:
    """Give market data by the keys as they are now; its connections close at the end."""
    clock, keys = _clock(settings, source), _keys(settings)
    transport = Transport(settings.market_data_url, keys=keys, clock=clock)
    try:
        yield AlpacaMarketData(transport, feed=settings.market_data_feed)
    finally:
        transport.close()


def _clock(settings: Settings, source: str) -> Clock:
    return RemoteClock(settings.clock_url, name=source) if settings.clock_url else SystemClock()


def _keys(settings: Settings) -> Keys:
    if settings.broker_secret_arn:
        from stopward.adapters.secrets import broker_keys

        return broker_keys(settings.broker_secret_arn)
    return Keys(
        key_id=settings.broker_key_id,
        secret=settings.broker_secret_key,
        account_number=settings.broker_account_number,
    )


def _supabase_key(settings: Settings) -> str:
    if settings.supabase_secret_arn:
        from stopward.adapters.secrets import supabase_key

        return supabase_key(settings.supabase_secret_arn)
    return settings.supabase_secret_key


def _database_url(settings: Settings) -> str:
    if settings.database_secret_arn:
        from stopward.adapters.secrets import database_url

        return database_url(settings.database_secret_arn)
    return settings.database_url
