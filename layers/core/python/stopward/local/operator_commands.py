"""Commands that make an account ready: account open, mode and fleet, rules put."""

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import UUID

import click

from stopward.domain.identity import AccountId
from stopward.domain.snapshot import Mode
from stopward.errors import InvalidInput
from stopward.local.account_options import (
    Command,
    account_options,
    administration_of,
    reading,
)
from stopward.local.up.home import Home

if TYPE_CHECKING:
    from stopward.local.account_target import Target
    from stopward.local.account_writing import Standing

MODES = ("observe", "guard")
EXCHANGES = ("XNYS",)
"""The only calendar there is: its sessions cover all US equities."""


def dollars(text: str) -> Decimal:
    """Return an amount above zero. Raises click.BadParameter otherwise."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or amount <= 0:
        raise click.BadParameter(f"was {text!r}; allowed is an amount above 0, as in 135000")
    return amount


def confirm_option(command: Command) -> Command:
    """Add --yes-i-mean."""
    return click.option(
        "--yes-i-mean", metavar="ACCOUNT", help="The account's id again, instead of being asked."
    )(command)


@click.group()
def account() -> None:
    """An account: open it, look at it, switch between observe and guard."""


@account.command("open")
@click.argument("name")
@click.option("--mode", type=click.Choice(MODES), help="For a new account; observe is the default.")
@click.option(
    "--exchange", type=click.Choice(EXCHANGES), help="For a new account; XNYS is the default."
)
@click.option("--equity", type=dollars, metavar="DOLLARS", help="Equity at the prior close.")
@confirm_option
@account_options
@click.pass_obj
def open_account(
    home: Home,
    *,
    name: str,
    mode: str | None,
    exchange: str | None,
    equity: Decimal | None,
    yes_i_mean: str | None,
    database_url: str | None,
    account: str | None,
) -> None:
    """Open the account that --account names; for one that is open, change name and equity."""
    from stopward.local import account_writing as writing

    if not account:
        raise InvalidInput("say which account: --account (or STOPWARD_ACCOUNT_ID)")
    with administration_of(home, database_url, account) as (administration, target):
        said = writing.open_account(
            administration,
            target.account_id,
            _standing(target),
            name=name,
            mode=cast("Mode | None", mode),
            exchange=exchange,
            equity=equity,
            confirm=lambda: _confirm(target.account_id, yes_i_mean),
        )
        click.echo(f"{target.words}: {said}")
        _tell_what_is_lacking(target)


@account.command("mode")
@click.argument("mode", type=click.Choice(MODES))
@confirm_option
@account_options
@click.pass_obj
def change_mode(
    home: Home, *, mode: str, yes_i_mean: str | None, database_url: str | None, account: str | None
) -> None:
    """Switch an account to observe (nothing is sent) or to guard (orders are sent)."""
    from stopward.local import account_writing as writing

    with administration_of(home, database_url, account) as (administration, target):
        said = writing.change_mode(
            administration,
            _known(target),
            mode=cast("Mode", mode),
            confirm=lambda: _confirm(target.account_id, yes_i_mean),
        )
        click.echo(f"{target.words}: {said}")
        _tell_what_is_lacking(target)


@account.command("fleet")
@click.argument("stage", required=False)
@click.option("--leave", is_flag=True, help="Take it out of the fleet that it is in.")
@account_options
@click.pass_obj
def put_fleet(
    home: Home, *, stage: str | None, leave: bool, database_url: str | None, account: str | None
) -> None:
    """Put the account into the fleet that the stack of a stage guards, or take it out."""
    from stopward.local import account_writing as writing

    with administration_of(home, database_url, account) as (administration, target):
        known = _known(target).account_id
        said = writing.put_fleet(administration, known, stage=stage, leave=leave)
        click.echo(f"{target.words}: {said}")


@account.group("member")
def member() -> None:
    """Who may read the account, by the user id that Supabase gave the person."""


@member.command("add")
@click.argument("user_id", type=click.UUID)
@account_options
@click.pass_obj
def add_member(home: Home, *, user_id: UUID, database_url: str | None, account: str | None) -> None:
    """Let a person read the account's tables and views; nobody writes them."""
    with administration_of(home, database_url, account) as (administration, target):
        administration.add_member(_known(target).account_id, user_id)
        click.echo(f"{target.words}: {user_id} may read it")


@member.command("remove")
@click.argument("user_id", type=click.UUID)
@account_options
@click.pass_obj
def remove_member(
    home: Home, *, user_id: UUID, database_url: str | None, account: str | None
) -> None:
    """Let a person read the account no longer."""
    with administration_of(home, database_url, account) as (administration, target):
        administration.remove_member(_known(target).account_id, user_id)
        click.echo(f"{target.words}: {user_id} may not read it")


@account.command("show")
@account_options
@click.pass_obj
def show_account(home: Home, *, database_url: str | None, account: str | None) -> None:
    """Say how an account stands, and what it lacks."""
    from stopward.local.account_writing import standing_words

    with administration_of(home, database_url, account) as (_, target):
        click.echo(f"{target.words}: {standing_words(_known(target))}")
        _tell_what_is_lacking(target)


@click.command("put")
@click.argument("file", type=click.Path(path_type=Path))
@account_options
@click.pass_obj
def put_rules(home: Home, *, file: Path, database_url: str | None, account: str | None) -> None:
    """Check a rules file and make it the account's; it holds from the next tick on."""
    from stopward.local.account_writing import put_rules as put
    from stopward.local.rules_command import read_text

    text = read_text(file)
    with administration_of(home, database_url, account) as (administration, target):
        click.echo(f"{target.words}: {put(administration, target.account_id, text, of=str(file))}")
        _tell_what_is_lacking(target)


def _standing(target: "Target") -> "Standing | None":
    from stopward.local.account_reading import standing_of
    from stopward.local.data.calendar import new_york_day

    with reading(target) as reader:
        return standing_of(reader, today=new_york_day(target.now))


def _known(target: "Target") -> "Standing":
    from stopward.local.screen.reader import unknown_account

    found = _standing(target)
    if found is None:
        raise unknown_account(target.account_id)
    return found


def _tell_what_is_lacking(target: "Target") -> None:
    from stopward.local.account_writing import lacking

    for sentence in lacking(_known(target)):
        click.echo(f"note: {sentence}", err=True)


def _confirm(account_id: AccountId, given: str | None) -> None:
    # Read by hand: click's prompt takes an empty stdin for Ctrl-C.
    if given is None:
        click.echo(
            f"From the next tick on, orders are sent for account {account_id}. "
            "Type its id again to go on: ",
            nl=False, err=True,
        )  # fmt: skip
        given = sys.stdin.readline().strip()
    if given != account_id:
        raise InvalidInput(
            f'"{given}" was typed for account {account_id}: nothing was changed; '
            f"type the id, or say --yes-i-mean {account_id}"
        )
