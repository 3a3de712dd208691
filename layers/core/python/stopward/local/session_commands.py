"""Commands about the exchange's sessions: sessions load, sessions forget."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stopward.domain.session_claims import SessionSource
from stopward.errors import InvalidInput
from stopward.local.account_options import administration_of, database_option
from stopward.local.up.home import Home

if TYPE_CHECKING:
    from stopward.local.session_loading import Loaded

LONGEST_STRETCH_DAYS = 366


@click.group()
def sessions() -> None:
    """The days and hours on which the exchange trades."""


@sessions.command("load")
@click.option(
    "--days", type=click.IntRange(1, LONGEST_STRETCH_DAYS), default=30, show_default=True,
    help="How many days ahead.",
)  # fmt: skip
@click.option(
    "--nyse", is_flag=True, help="The exchange's published rules, not the broker's calendar."
)
@click.option("--broker-url", envvar="STOPWARD_BROKER_URL", help="Default: the paper account's.")
@click.option(
    "--force", is_flag=True, help="Store it as your own word: it counts, whatever others say."
)
@click.option(
    "--file", type=click.Path(path_type=Path),
    help="Your own word on some days: lines such as `2026-12-03 09:30 13:00`, or `... closed`.",
)  # fmt: skip
@database_option
@click.pass_obj
def load_sessions(
    home: Home,
    *,
    days: int,
    nyse: bool,
    broker_url: str | None,
    force: bool,
    file: Path | None,
    database_url: str | None,
) -> None:
    """Store the sessions from a week ago to --days ahead; all accounts of a database share them.

    They come from the broker's calendar, with the keys of the environment. Where it disagrees with
    the exchange's rules the shorter session counts, and a note says so.
    """
    import os

    from stopward.adapters.clocks import SystemClock
    from stopward.local import session_loading as loading
    from stopward.local.data.calendar import new_york_day
    from stopward.local.session_file import read_session_file
    from stopward.settings import PAPER_URL

    if file is not None and (nyse or force):
        raise InvalidInput("--file is your own word already: leave --nyse and --force out")
    written = None if file is None else read_session_file(file)
    with administration_of(home, database_url, None, needs_account=False) as (
        administration,
        target,
    ):
        if written is not None:
            _tell(loading.load_written(administration, written))
            return
        stretch = loading.Stretch.around(new_york_day(target.now), days=days)
        found = (
            loading.sessions_of_rules(stretch)
            if nyse
            else loading.sessions_of_broker(
                stretch,
                url=broker_url or PAPER_URL,
                environment=os.environ,
                clock=SystemClock(),
            )
        )
        source: SessionSource = "calendar" if nyse else "broker"
        whose = "the exchange's published rules" if nyse else "the broker's calendar"
        _tell(
            loading.load(
                administration,
                found,
                stretch=stretch,
                source="person" if force else source,
                whose=f"{whose} as your word" if force else whose,
            )
        )


@sessions.command("forget")
@click.argument("days", nargs=-1, required=True, type=click.DateTime(formats=["%Y-%m-%d"]))
@database_option
@click.pass_obj
def forget_sessions(home: Home, *, days: tuple[datetime, ...], database_url: str | None) -> None:
    """Take back your own word on DAYS (YYYY-MM-DD); the calendars count again."""
    from stopward.local.data.calendar import EXCHANGE

    with administration_of(home, database_url, None, needs_account=False) as (administration, _):
        said = [day.date().isoformat() for day in days]
        administration.forget_sessions(EXCHANGE, said)
        click.echo(f"the calendars count again on {', '.join(said)}")


def _tell(loaded: "Loaded") -> None:
    click.echo(loaded.sentence)
    for note in loaded.notes:
        click.echo(f"note: {note}", err=True)
