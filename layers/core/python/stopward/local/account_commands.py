"""Commands about one account: tag, halt, resume, flatten, positions, why."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from stopward.domain.identity import Symbol
from stopward.local.up.home import Home

if TYPE_CHECKING:
    from stopward.adapters.administration import Administration
    from stopward.local.account_target import Target
    from stopward.local.screen.reader import AccountReader

Command = TypeVar("Command", bound=Callable[..., object])


def _account_options(command: Command) -> Command:
    url = click.option(
        "--database-url", envvar="STOPWARD_DATABASE_URL", help="Default: the newest local run."
    )
    account = click.option(
        "--account", envvar="STOPWARD_ACCOUNT_ID", help="Our id of the account in that database."
    )
    return url(account(command))


@contextmanager
def _administration(
    home: Home, database_url: str | None, account: str | None
) -> Iterator["tuple[Administration, Target]"]:
    from stopward.adapters.administration import Administration
    from stopward.adapters.clocks import SystemClock
    from stopward.adapters.postgres import PostgresDatabase
    from stopward.local.account_target import target_of

    with target_of(home, database_url=database_url, account=account, clock=SystemClock()) as target:
        connection = PostgresDatabase(target.url)
        try:
            yield Administration(connection), target
        finally:
            connection.close()


@contextmanager
def _reader(home: Home, database_url: str | None, account: str | None) -> Iterator["AccountReader"]:
    from stopward.adapters.clocks import SystemClock
    from stopward.local.account_target import target_of
    from stopward.local.screen.reader import AccountReader

    with target_of(home, database_url=database_url, account=account, clock=SystemClock()) as target:
        reader = AccountReader(target.url, account_id=target.account_id)
        try:
            yield reader
        finally:
            reader.close()


@click.command()
@click.argument("symbol")
@click.argument("tag")
@click.option("--remove", is_flag=True, help="Take the tag off.")
@_account_options
@click.pass_obj
def tag(
    home: Home,
    *,
    symbol: str,
    tag: str,
    remove: bool,
    database_url: str | None,
    account: str | None,
) -> None:
    """Tag a symbol, as in `stopward tag TSLA hands-off`; it holds from the next tick on."""
    with _administration(home, database_url, account) as (administration, target):
        if remove:
            administration.untag_symbol(target.account_id, Symbol(symbol), tag)
            click.echo(f"{symbol}: tag {tag} taken off")
        else:
            administration.tag_symbol(target.account_id, Symbol(symbol), tag)
            click.echo(f"{symbol}: tagged {tag}")


@click.command()
@click.option("--reason", default="asked for on the command line", show_default=True)
@_account_options
@click.pass_obj
def halt(home: Home, *, reason: str, database_url: str | None, account: str | None) -> None:
    """Stop all rules. Stops keep resting, and are armed again where they are missing."""
    with _administration(home, database_url, account) as (administration, target):
        administration.halt(target.account_id, reason=reason)
    click.echo("halted: no rule acts until `stopward resume`; stops keep resting")


@click.command()
@_account_options
@click.pass_obj
def resume(home: Home, *, database_url: str | None, account: str | None) -> None:
    """End a halt, and a flatten."""
    with _administration(home, database_url, account) as (administration, target):
        administration.resume(target.account_id)
    click.echo("resumed: the rules act from the next tick on")


@click.command()
@_account_options
@click.pass_obj
def flatten(home: Home, *, database_url: str | None, account: str | None) -> None:
    """Close every guarded position at the next tick in session."""
    with _administration(home, database_url, account) as (administration, target):
        administration.request_flatten(target.account_id, at=target.now)
    click.echo("flatten asked for: every guarded position is closed; `stopward resume` ends it")


@click.command()
@_account_options
@click.pass_obj
def positions(home: Home, *, database_url: str | None, account: str | None) -> None:
    """Show the open positions and how they stand."""
    from stopward.local.account_reading import positions_text

    with _reader(home, database_url, account) as reader:
        click.echo(positions_text(reader))


@click.command()
@click.argument("symbol")
@click.option("--holds", is_flag=True, help="Also show when it was left as it was.")
@_account_options
@click.pass_obj
def why(
    home: Home, *, symbol: str, holds: bool, database_url: str | None, account: str | None
) -> None:
    """Tell what was decided for a symbol, and why."""
    from stopward.local.account_reading import why_text

    with _reader(home, database_url, account) as reader:
        click.echo(why_text(reader, symbol, holds=holds))


COMMANDS = (tag, halt, resume, flatten, positions, why)
