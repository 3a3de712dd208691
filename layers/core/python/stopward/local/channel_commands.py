"""Commands about where notices go: channel list, put, try, retry, remove, edge."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast, get_args

import click

from stopward.domain.notices import Deliverer, Kind, Severity
from stopward.errors import InvalidInput
from stopward.local.account_options import account_options, connection_of, database_option
from stopward.local.up.home import Home

if TYPE_CHECKING:
    from stopward.adapters.channels import Channels
    from stopward.adapters.postgres import PostgresDatabase
    from stopward.local.account_target import Target

KINDS: tuple[str, ...] = get_args(Kind)
DELIVERERS: tuple[str, ...] = get_args(Deliverer)
SEVERITIES: tuple[str, ...] = get_args(Severity)
SECRET_FILE = click.File(encoding="utf-8")
COLUMNS = "{channel:<20}{kind:<9}{deliverer:<9}{hears:<28}{pending:>8}{dead:>6}  {last}"


@contextmanager
def channels_of(
    home: Home, database_url: str | None, account: str | None, *, needs_account: bool = True
) -> Iterator["tuple[Channels, PostgresDatabase, Target]"]:
    """Reach the channels of the account that was said, and what reads them."""
    from stopward.adapters.channels import Channels

    with connection_of(home, database_url, account, needs_account=needs_account) as (
        database,
        target,
    ):
        yield Channels(database), database, target


@click.group()
def channel() -> None:
    """Where notices go: webhooks, Slack, Discord, ntfy, SNS. See docs/notifications.md."""


@channel.command("list")
@account_options
@click.pass_obj
def list_channels(home: Home, *, database_url: str | None, account: str | None) -> None:
    """Show each channel, what it hears, what waits and what was given up."""
    with channels_of(home, database_url, account) as (_, database, target):
        found = database.select("outbox_health", account_id=target.account_id, order="channel")
        headings = ("channel", "kind", "deliverer", "hears", "pending", "dead", "last")
        click.echo(COLUMNS.format(**{name: name for name in headings}))
        for row in found:
            click.echo(COLUMNS.format(**{**row, "hears": _hears(row), "last": _last(row)}))
        if not found:
            click.echo(f"{target.words}: no channel; notices wait in the view notification_log")


@channel.command("put")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="Needed for a new channel.")
@click.option(
    "--deliverer", type=click.Choice(DELIVERERS), help="Who sends; lambda is the default."
)
@click.option(
    "--address-file", type=SECRET_FILE, metavar="FILE",
    help="File whose first line is the address; - reads it from the standard input.",
)  # fmt: skip
@click.option("--secret-file", type=SECRET_FILE, metavar="FILE", help="The same for the secret.")
@click.option("--topics", metavar="WORDS", help="What it hears, by commas; all for everything.")
@click.option("--least-severity", type=click.Choice(SEVERITIES))
@click.option("--attempts", type=click.IntRange(1, 50), help="Before a notice is given up.")
@click.option("--on/--off", "enabled", default=None, help="Switch it on or off.")
@account_options
@click.pass_obj
def put_channel(
    home: Home,
    *,
    name: str,
    kind: str | None,
    deliverer: str | None,
    address_file: IO[str] | None,
    secret_file: IO[str] | None,
    topics: str | None,
    least_severity: str | None,
    attempts: int | None,
    enabled: bool | None,
    database_url: str | None,
    account: str | None,
) -> None:
    """Make channel NAME, or change what is said of it; addresses come from files, not from here."""
    with channels_of(home, database_url, account) as (channels, _, target):
        channels.put(
            target.account_id,
            name,
            kind=cast("Kind | None", kind),
            deliverer=cast("Deliverer | None", deliverer),
            address=_first_line(address_file, "--address-file"),
            secret=_first_line(secret_file, "--secret-file"),
            topics=_topics(topics),
            least_severity=cast("Severity | None", least_severity),
            attempts_limit=attempts,
            enabled=enabled,
        )
        click.echo(f"{target.words}: channel {name} is put; stopward channel try {name}")


@channel.command("try")
@click.argument("name")
@account_options
@click.pass_obj
def try_channel(home: Home, *, name: str, database_url: str | None, account: str | None) -> None:
    """Queue a trial notice for channel NAME, whatever it hears otherwise."""
    from stopward.adapters.clocks import SystemClock
    from stopward.adapters.views import Where

    with channels_of(home, database_url, account) as (channels, database, target):
        channels.attempt(target.account_id, name, key=SystemClock().now().isoformat())
        (row,) = database.select(
            "outbox_health", account_id=target.account_id, where=(Where("channel", "=", name),)
        )
        click.echo(f"{target.words}: a trial waits for channel {name}; {_when(row)}")


@channel.command("retry")
@click.argument("name", required=False)
@account_options
@click.pass_obj
def retry_channel(
    home: Home, *, name: str | None, database_url: str | None, account: str | None
) -> None:
    """Queue again what was given up, on channel NAME or on all."""
    with channels_of(home, database_url, account) as (channels, _, target):
        count = channels.retry_dead(target.account_id, name)
        click.echo(f"{target.words}: {count} queued again")


@channel.command("remove")
@click.argument("name")
@account_options
@click.pass_obj
def remove_channel(home: Home, *, name: str, database_url: str | None, account: str | None) -> None:
    """Remove channel NAME with its address and what waits for it; the notices stay."""
    with channels_of(home, database_url, account) as (channels, _, target):
        removed = channels.remove(target.account_id, name)
        click.echo(f"{target.words}: channel {name} {'is removed' if removed else 'was not there'}")


@channel.command("edge")
@click.argument("url", required=False)
@click.option("--secret-file", type=SECRET_FILE, metavar="FILE", help="- is the standard input.")
@click.option("--off", is_flag=True, help="Tell the edge function nothing more.")
@database_option
@click.pass_obj
def put_edge(
    home: Home,
    *,
    url: str | None,
    secret_file: IO[str] | None,
    off: bool,
    database_url: str | None,
) -> None:
    """Say where the edge function listens: URL and the secret that it checks, for all accounts."""
    if off == (url is not None):
        raise InvalidInput("say either a URL with --secret-file, or --off")
    with channels_of(home, database_url, None, needs_account=False) as (channels, _, _target):
        secret = _first_line(secret_file, "--secret-file")
        channels.put_edge_webhook(None if off else url, secret=secret)
        click.echo("the edge function is told nothing" if off else "the edge function is told")


def _topics(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [] if text == "all" else [word.strip() for word in text.split(",") if word.strip()]


def _first_line(file: IO[str] | None, option: str) -> str | None:
    if file is None:
        return None
    line = file.readline().strip()
    if not line:
        raise InvalidInput(f"{option}: its first line was empty")
    return line


def _hears(row: dict[str, object]) -> str:
    topics = cast("list[str]", row["topics"])
    least = row["least_severity"]
    off = "" if row["enabled"] else "off: "
    return f"{off}{','.join(topics) or 'all'}" + ("" if least == "notice" else f" from {least}")


def _when(row: dict[str, object]) -> str:
    if not row["enabled"]:
        return "it goes once the channel is on (stopward channel put NAME --on)"
    if row["held_until"] is not None:
        return f"it goes after {row['held_until']}, for the other side asked us to wait"
    return "it goes within a minute"


def _last(row: dict[str, object]) -> str:
    return str(row["last_error"] or row["last_delivered_at"] or "never")
