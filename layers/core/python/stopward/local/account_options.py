"""Which account and database a command is about, as options, and the way to both."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from stopward.local.up.home import Home

if TYPE_CHECKING:
    from stopward.adapters.administration import Administration
    from stopward.adapters.postgres import PostgresDatabase
    from stopward.local.account_target import Target
    from stopward.local.screen.reader import AccountReader

Command = TypeVar("Command", bound=Callable[..., object])


def database_option(command: Command) -> Command:
    """Add --database-url."""
    return click.option(
        "--database-url", envvar="STOPWARD_DATABASE_URL", help="Default: the newest local run."
    )(command)


def account_options(command: Command) -> Command:
    """Add --database-url and --account."""
    account = click.option(
        "--account", envvar="STOPWARD_ACCOUNT_ID", help="Our id of the account in that database."
    )
    return database_option(account(command))


@contextmanager
def administration_of(
    home: Home, database_url: str | None, account: str | None, *, needs_account: bool = True
) -> Iterator["tuple[Administration, Target]"]:
    """Reach what writes to the account that was said, or to what all accounts share."""
    from stopward.adapters.administration import Administration

    with connection_of(home, database_url, account, needs_account=needs_account) as (
        connection,
        target,
    ):
        yield Administration(connection), target


@contextmanager
def connection_of(
    home: Home,
    database_url: str | None,
    account: str | None,
    *,
    needs_account: bool = True,
    timeout_seconds: float = 10.0,
) -> Iterator["tuple[PostgresDatabase, Target]"]:
    """Reach the database of the account that was said, to call its functions and read its views.

    timeout_seconds: of each statement.
    """
    from stopward.adapters.clocks import SystemClock
    from stopward.adapters.postgres import PostgresDatabase
    from stopward.local.account_target import target_of

    with target_of(
        home,
        database_url=database_url,
        account=account,
        clock=SystemClock(),
        needs_account=needs_account,
    ) as target:
        connection = PostgresDatabase(target.url, timeout_seconds=timeout_seconds)
        try:
            yield connection, target
        finally:
            connection.close()


@contextmanager
def reader_of(
    home: Home, database_url: str | None, account: str | None
) -> Iterator["AccountReader"]:
    """Reach what reads the account that was said.

    Raises DatabaseRejected with rule `unknown_account` when it was never opened.
    """
    from stopward.adapters.clocks import SystemClock
    from stopward.local.account_target import target_of

    with (
        target_of(home, database_url=database_url, account=account, clock=SystemClock()) as target,
        reading(target) as reader,
    ):
        if target.run is not None:
            click.echo(target.words, err=True)
        reader.require_account()
        yield reader


@contextmanager
def reading(target: "Target") -> Iterator["AccountReader"]:
    """Reach what reads a target, whether its account was opened or not."""
    from stopward.local.screen.reader import AccountReader

    reader = AccountReader(target.url, account_id=target.account_id)
    try:
        yield reader
    finally:
        reader.close()
