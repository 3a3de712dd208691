"""What every wiring needs: settings, who calls the database, the clock, the broker's keys."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stopward.adapters.secrets import broker_keys, database_url, secrets_client, supabase_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from stopward.adapters.alpaca import AlpacaMarketData, Keys
    from stopward.adapters.functions import Functions
    from stopward.adapters.secrets import ClientOf
    from stopward.ports import Archive, Clock
    from stopward.services.each_account import EachAccount
    from stopward.settings import Settings

CALL_SECONDS: Final = 10.0
MARKET_INDEX: Final = "SPY"
"""What stands for the market in features: the fund that follows the S&P 500."""


def settings_of(environment: Mapping[str, str] | None) -> Settings:
    """Return the settings of an environment; None is this process's."""
    # Here, for while a function is wired its modules are not searched for garbage: pydantic's too.
    from stopward.settings import read_settings

    return read_settings(os.environ if environment is None else environment)


def functions(
    settings: Settings,
    *,
    timeout_seconds: float = CALL_SECONDS,
    starts_often: bool = True,
    client_of: ClientOf = secrets_client,
) -> Functions:
    """Return who calls the database: supabase-py, or psycopg where a database URL is set.

    Only the one that is used is imported: both cost a cold start. starts_often: whether somebody
    waits for it; then no more of supabase-py is loaded than its part for the database. client_of:
    whom to ask for secrets.
    """
    if settings.supabase_url:
        from stopward.adapters.supabase import SupabaseDatabase
        from stopward.adapters.supabase_client import database_client, whole_client

        return SupabaseDatabase(
            settings.supabase_url,
            key=_supabase_key(settings, client_of),
            timeout_seconds=timeout_seconds,
            make_client=database_client if starts_often else whole_client,
        )
    from stopward.adapters.postgres import PostgresDatabase

    return PostgresDatabase(_database_url(settings, client_of), timeout_seconds=timeout_seconds)


def each_account(
    settings: Settings,
    functions: Functions,
    *,
    work: str,
    turn: Callable[[datetime], int],
    margin_seconds: float,
) -> EachAccount:
    """Return whose work a function does: the account's, or that of all in the stage's fleet."""
    from stopward.adapters.fleet import FunctionFleet
    from stopward.domain.identity import AccountId
    from stopward.services.each_account import EachAccount

    return EachAccount(
        account_id=AccountId(settings.account_id),
        fleet=FunctionFleet(functions, stage=settings.fleet) if settings.fleet else None,
        work=work,
        turn=turn,
        margin_seconds=margin_seconds,
    )


def clock_of(settings: Settings, source: str) -> Clock:
    """Return the machine's clock, or that of local mode; source: who asks it."""
    from stopward.adapters.clocks import RemoteClock, SystemClock

    return RemoteClock(settings.clock_url, name=source) if settings.clock_url else SystemClock()


def archive_of(settings: Settings) -> Archive | None:
    """Return where objects are kept, a bucket or a folder; None where neither is named."""
    if settings.archive_bucket:
        from stopward.adapters.archive_s3 import S3Archive

        return S3Archive(settings.archive_bucket)
    if settings.archive_folder:
        from stopward.adapters.archive_folder import FolderArchive

        return FolderArchive(Path(settings.archive_folder))
    return None


def keys_of(settings: Settings, client_of: ClientOf = secrets_client) -> Keys:
    """Return the broker's keys as they are now. Raises InvalidInput when their secret has none."""
    if settings.broker_secret_arn:
        return broker_keys(settings.broker_secret_arn, client_of=client_of)
    from stopward.adapters.alpaca import Keys

    return Keys(
        key_id=settings.broker_key_id,
        secret=settings.broker_secret_key,
        account_number=settings.broker_account_number,
    )


@contextmanager
def market_data(settings: Settings, source: str) -> Iterator[AlpacaMarketData]:
    """Give market data by the keys as they are now; its connections close at the end."""
    from stopward.adapters.alpaca import AlpacaMarketData, Transport

    clock, keys = clock_of(settings, source), keys_of(settings)
    transport = Transport(settings.market_data_url, keys=keys, clock=clock)
    try:
        yield AlpacaMarketData(transport, feed=settings.market_data_feed)
    finally:
        transport.close()


def _supabase_key(settings: Settings, client_of: ClientOf) -> str:
    if settings.supabase_secret_arn:
        return supabase_key(settings.supabase_secret_arn, client_of=client_of)
    return settings.supabase_secret_key


def _database_url(settings: Settings, client_of: ClientOf) -> str:
    if settings.database_secret_arn:
        return database_url(settings.database_secret_arn, client_of=client_of)
    return settings.database_url
