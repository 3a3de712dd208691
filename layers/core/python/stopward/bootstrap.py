"""The composition root: the only place that chooses adapters.

Each function of Lambda is wired by one function here, which loads what that one needs and nothing
else: a cold start pays for every module.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stopward.settings import read_settings
from stopward.start import at_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from urllib3 import PoolManager

    from stopward.adapters.alpaca import Keys
    from stopward.adapters.functions import Functions
    from stopward.domain.identity import AccountId
    from stopward.domain.pulses import GuardKind
    from stopward.ports import Archive, Clock, Store
    from stopward.replay.sharding.walking import ShardWalker
    from stopward.services.attribution import AttributionBook, AttributionSummary
    from stopward.services.delivery import Delivery
    from stopward.services.dispatch import Dispatcher
    from stopward.services.fleet import FleetGuard
    from stopward.services.guard import Guard, Summary
    from stopward.services.journal_keeping import JournalKeeper
    from stopward.services.session_refresh import RefreshSummary
    from stopward.settings import Settings

CALL_SECONDS: Final = 10.0
BUSY_SECONDS: Final = 2.0
"""How long a guard that wakes by itself asks again for a busy lease, or one of two starves."""
OUTBOX_SECONDS: Final = 5.0
JOURNAL_SECONDS: Final = 30.0
"""A call compares or moves a portion of a month: seconds, and no gateway waits for minutes."""


@dataclass(slots=True, kw_only=True)
class MinuteGuard:
    """A guard with its pulses: what a scheduled function runs each minute.

    kind: which of the guards of the account. wire: builds the guard from the settings; called again
    when the broker refused our keys, for a secret may have been rotated under a process that lives
    on.
    """

    settings: Settings
    kind: GuardKind
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
        from stopward.services.guard import run_minute

        if self.guard.keys_refused:
            self.guard = self.wire()
        return run_minute(
            partial(self.guard.tick, invocation=invocation),
            kind=self.kind,
            scheduled_at=scheduled_at,
            clock=self.guard.clock,
            pulse_seconds=self.settings.pulse_seconds,
            remaining_seconds=remaining_seconds,
            margin_seconds=self.settings.tick_margin_seconds,
            on_failure=self.guard.on_failure,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitAttribution:
    """The attribution of one account's exits: what a scheduled function runs each evening."""

    settings: Settings
    book: AttributionBook

    def run(self, now: datetime, remaining_seconds: Callable[[], float]) -> AttributionSummary:
        """Attribute what waits; the broker's keys are read anew each time."""
        from stopward.adapters.alpaca import AlpacaMarketData, Transport
        from stopward.domain.identity import AccountId
        from stopward.services.attribution import Attributor

        clock, keys = _clock(self.settings, "attribute_exits"), _keys(self.settings)
        transport = Transport(self.settings.market_data_url, keys=keys, clock=clock)
        attributor = Attributor(
            book=self.book,
            bars=AlpacaMarketData(transport, feed=self.settings.market_data_feed),
            account_id=AccountId(self.settings.account_id),
        )
        try:
            return attributor.run(now=now, remaining_seconds=remaining_seconds)
        finally:
            transport.close()


@at_start
def minute_guard(
    *,
    source: str,
    on_failure: Callable[[str, Exception], None],
    environment: Mapping[str, str] | None = None,
) -> MinuteGuard:
    """Wire one scheduled guard from the environment; connections open at their first use.

    source: which of GUARDS.
    """
    from stopward.adapters.functions import FunctionStore
    from stopward.domain.identity import AccountId
    from stopward.domain.pulses import GUARDS

    settings = settings_of(environment).require_broker()
    kind, clock = GUARDS[source], _clock(settings, source)
    store = FunctionStore(functions(settings))

    def wire() -> Guard:
        return _guard(
            kind,
            settings=settings,
            account_id=AccountId(settings.account_id),
            keys=_keys(settings),
            store=store,
            clock=clock,
            on_failure=on_failure,
        )

    return MinuteGuard(settings=settings, kind=kind, wire=wire, guard=wire())


@at_start
def fleet_guard(
    *,
    on_failure: Callable[[str, Exception], None],
    environment: Mapping[str, str] | None = None,
) -> FleetGuard:
    """Wire what guards every account of a fleet, over one database and shared connections."""
    from stopward.adapters.alpaca.transport import connections
    from stopward.adapters.functions import FunctionStore
    from stopward.adapters.secrets import account_secret, broker_keys, secrets_client
    from stopward.services.fleet import FleetGuard

    settings = settings_of(environment).require_fleet()
    clock, store = _clock(settings, "tick_accounts"), FunctionStore(functions(settings))
    secrets, pools = secrets_client(), (connections(), connections())

    def wire(account_id: AccountId) -> Callable[[GuardKind], Guard]:
        return partial(
            _guard,
            settings=settings,
            account_id=account_id,
            keys=broker_keys(account_secret(settings.fleet, account_id), client=secrets),
            store=store,
            clock=clock,
            on_failure=on_failure,
            pools=pools,
            # Whoever has the lease does the work: nobody is paid to wait for it.
            busy_seconds=0.0,
        )

    return FleetGuard(wire=wire, clock=clock, margin_seconds=settings.tick_margin_seconds)


@at_start
def tick_dispatcher(
    *,
    on_failure: Callable[[str, Exception], None],
    environment: Mapping[str, str] | None = None,
) -> Dispatcher:
    """Wire what sends the pulses of a fleet to its queue."""
    from stopward.adapters.fleet import FunctionFleet
    from stopward.adapters.pulses_sqs import SqsPulses
    from stopward.services.dispatch import Dispatcher

    settings = settings_of(environment).require_queue()
    return Dispatcher(
        fleet=FunctionFleet(functions(settings), stage=settings.fleet),
        queue=SqsPulses(settings.tick_queue_url),
        clock=_clock(settings, "dispatch_ticks"),
        pulse_seconds=settings.pulse_seconds,
        margin_seconds=settings.tick_margin_seconds,
        on_failure=on_failure,
    )


@at_start
def outbox_deliverer(*, environment: Mapping[str, str] | None = None) -> Delivery:
    """Wire the delivery of notices to the channels of all accounts that are the Lambda's."""
    from stopward.adapters.notices.http import HttpNotices
    from stopward.adapters.notices.sender import SEND_SECONDS, Notices
    from stopward.adapters.outbox import FunctionOutbox
    from stopward.adapters.secrets import channel_fields
    from stopward.services.delivery import SETTLINGS, Delivery

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


@at_start
def journal_keeper(*, environment: Mapping[str, str] | None = None) -> JournalKeeper:
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
        journal=FunctionJournal(
            functions(settings, timeout_seconds=JOURNAL_SECONDS, starts_often=False)
        ),
        archive=archive,
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

    settings = settings_of(environment).require_broker()
    book = Administration(functions(settings, starts_often=False))

    def refresh(today: date) -> RefreshSummary:
        clock = _clock(settings, "refresh_sessions")
        transport = Transport(settings.broker_url, keys=_keys(settings), clock=clock)
        try:
            return refresh_sessions(broker=AlpacaBroker(transport), book=book, today=today)
        finally:
            transport.close()

    return refresh


@at_start
def exit_attributor(*, environment: Mapping[str, str] | None = None) -> ExitAttribution:
    """Wire the attribution of what closed the account's trades."""
    from stopward.adapters.attribution import FunctionAttribution

    settings = settings_of(environment).require_broker()
    book = FunctionAttribution(functions(settings, starts_often=False))
    return ExitAttribution(settings=settings, book=book)


@at_start
def shard_walker(*, compiled: Path) -> ShardWalker:
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


def functions(
    settings: Settings, *, timeout_seconds: float = CALL_SECONDS, starts_often: bool = True
) -> Functions:
    """Return who calls the database: supabase-py, or psycopg where a database URL is set.

    Only the one that is used is imported: both cost a cold start. starts_often: whether somebody
    waits for it; then no more of supabase-py is loaded than its part for the database.
    """
    if settings.supabase_url:
        from stopward.adapters.supabase import SupabaseDatabase
        from stopward.adapters.supabase_client import database_client, whole_client

        return SupabaseDatabase(
            settings.supabase_url,
            key=_supabase_key(settings),
            timeout_seconds=timeout_seconds,
            make_client=database_client if starts_often else whole_client,
        )
    from stopward.adapters.postgres import PostgresDatabase

    return PostgresDatabase(_database_url(settings), timeout_seconds=timeout_seconds)


def _guard(
    kind: GuardKind,
    *,
    settings: Settings,
    account_id: AccountId,
    keys: Keys,
    store: Store,
    clock: Clock,
    on_failure: Callable[[str, Exception], None],
    pools: tuple[PoolManager | None, PoolManager | None] = (None, None),
    busy_seconds: float = BUSY_SECONDS,
) -> Guard:
    # pools: connections to the broker's trading API and to its market data; None are its own.
    from stopward.adapters.alpaca import AlpacaBroker, AlpacaMarketData, Transport
    from stopward.adapters.alpaca.stakes import refuse_other_stakes
    from stopward.services.guard import Guard, GuardSettings

    refuse_other_stakes(settings.broker_url, stage=settings.stage, keys=keys)
    trading, data = (
        Transport(url, keys=keys, clock=clock, pool=pool)
        for url, pool in zip((settings.broker_url, settings.market_data_url), pools, strict=True)
    )
    return Guard(
        store=store,
        broker=AlpacaBroker(trading),
        market_data=AlpacaMarketData(data, feed=settings.market_data_feed),
        clock=clock,
        settings=GuardSettings(
            account_id=account_id,
            source=kind.source,
            mask=kind.mask,
            lease_seconds=settings.lease_seconds,
            busy_seconds=busy_seconds,
            account_number=keys.account_number,
        ),
        on_failure=on_failure,
    )


def _clock(settings: Settings, source: str) -> Clock:
    from stopward.adapters.clocks import RemoteClock, SystemClock

    return RemoteClock(settings.clock_url, name=source) if settings.clock_url else SystemClock()


def _keys(settings: Settings) -> Keys:
    if settings.broker_secret_arn:
        from stopward.adapters.secrets import broker_keys

        return broker_keys(settings.broker_secret_arn)
    from stopward.adapters.alpaca import Keys

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
