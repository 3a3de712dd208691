"""`stopward replay`: the rules over what was."""

import sys

import click

from stopward.local.account_options import account_options
from stopward.local.up.home import Home


@click.command()
@click.option("--journal", is_flag=True, help="Decide every recorded decision again.")
@click.option(
    "--since", metavar="DAY|TIME", help="From a day (New York) or a time with a zone on."
)  # fmt: skip
@click.option("--until", metavar="DAY|TIME", help="Before a day or a time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@account_options
@click.pass_obj
def replay(
    home: Home,
    *,
    journal: bool,
    since: str | None,
    until: str | None,
    as_json: bool,
    database_url: str | None,
    account: str | None,
) -> int:
    """Decide again what was decided live, from what the journal holds; it must agree to the bit.

    Ends with 1 when a decision comes out otherwise; that row is printed whole.
    """
    if not journal:
        raise click.UsageError("say what to replay: --journal, the decisions of an account")

    from rich.console import Console

    from stopward.adapters.clocks import SystemClock
    from stopward.errors import InvalidInput
    from stopward.local.journal_command import moment_of, replay_journal

    try:
        first, last = (None if text is None else moment_of(text) for text in (since, until))
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error
    if first is not None and last is not None and first >= last:
        raise click.UsageError(f"--since {since} is not before --until {until}")
    return replay_journal(
        home,
        database_url=database_url,
        account=account,
        since=first,
        until=last,
        as_json=as_json,
        clock=SystemClock(),
        console=Console(stderr=True),
        output=sys.stdout,
    )
