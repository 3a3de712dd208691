"""Commands about one account: tag, halt, resume, flatten, positions, why, alarms."""

import click

from stopward.local.account_options import account_options, administration_of, reader_of
from stopward.local.up.home import Home


@click.command()
@click.argument("symbol")
@click.argument("tag")
@click.option("--remove", is_flag=True, help="Take the tag off.")
@account_options
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
    from stopward.local.account_writing import put_tag

    with administration_of(home, database_url, account) as (administration, target):
        said = put_tag(administration, target.account_id, symbol=symbol, tag=tag, remove=remove)
        click.echo(f"{target.words}: {said}")


@click.command()
@click.option("--reason", default="asked for on the command line", show_default=True)
@account_options
@click.pass_obj
def halt(home: Home, *, reason: str, database_url: str | None, account: str | None) -> None:
    """Stop all rules. Stops keep resting, and are armed again where they are missing."""
    with administration_of(home, database_url, account) as (administration, target):
        administration.halt(target.account_id, reason=reason)
        click.echo(f"{target.words}: halted, no rule acts until `stopward resume`; stops rest on")


@click.command()
@account_options
@click.pass_obj
def resume(home: Home, *, database_url: str | None, account: str | None) -> None:
    """End a halt, and a flatten."""
    with administration_of(home, database_url, account) as (administration, target):
        administration.resume(target.account_id)
        click.echo(f"{target.words}: resumed, the rules act from the next tick on")


@click.command()
@account_options
@click.pass_obj
def flatten(home: Home, *, database_url: str | None, account: str | None) -> None:
    """Close every guarded position at the next tick in session."""
    with administration_of(home, database_url, account) as (administration, target):
        administration.request_flatten(target.account_id, at=target.now)
        click.echo(
            f"{target.words}: flatten asked for, every guarded position is closed; "
            "`stopward resume` ends it"
        )


@click.command()
@account_options
@click.pass_obj
def positions(home: Home, *, database_url: str | None, account: str | None) -> None:
    """Show the open positions and how they stand."""
    from stopward.local.account_reading import positions_text

    with reader_of(home, database_url, account) as reader:
        click.echo(positions_text(reader))


@click.command()
@click.argument("symbol")
@click.option("--holds", is_flag=True, help="Also show when it was left as it was.")
@account_options
@click.pass_obj
def why(
    home: Home, *, symbol: str, holds: bool, database_url: str | None, account: str | None
) -> None:
    """Tell what was decided for a symbol, and why."""
    from stopward.local.account_reading import why_text

    with reader_of(home, database_url, account) as reader:
        click.echo(why_text(reader, symbol, holds=holds))


@click.command()
@click.option("--all", "with_cleared", is_flag=True, help="Also those that are over.")
@account_options
@click.pass_obj
def alarms(
    home: Home, *, with_cleared: bool, database_url: str | None, account: str | None
) -> None:
    """Tell what is wrong, the gravest first."""
    from stopward.local.account_reading import alarms_text

    with reader_of(home, database_url, account) as reader:
        click.echo(alarms_text(reader, with_cleared=with_cleared))


COMMANDS = (tag, halt, resume, flatten, positions, why, alarms)
