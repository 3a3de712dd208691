"""Commands about the journal's months: db partitions, db archive, db restore."""

from collections.abc import Callable
from typing import TypeVar

import click

from stopward.local.exit_code import ExitCode

Command = TypeVar("Command", bound=Callable[..., object])

KEEP_MONTHS = 24
MOST_ROWS = 50_000
RETIRED = (
    "journal_months_archived",
    "journal_months_dropped",
    "journal_months_left",
    "journal_rows_dropped",
    "journal_failures",
)


def url_option(command: Command) -> Command:
    """Add --url, for which only STOPWARD_DATABASE_URL stands in: no local run is taken for it."""
    return click.option("--url", "--database-url", required=True, envvar="STOPWARD_DATABASE_URL")(
        command
    )


@click.command()
@url_option
@click.option("--file-late", is_flag=True, help="First move rows that came before their month.")
@click.option(
    "--most", type=click.IntRange(min=1), default=MOST_ROWS, show_default=True,
    help="Most rows that --file-late moves, in portions that a tick may wait for.",
)  # fmt: skip
def partitions(*, url: str, file_late: bool, most: int) -> None:
    """Show the journal's months: those here, those made ahead, those archived and dropped."""
    from contextlib import closing

    from stopward.adapters.clocks import SystemClock
    from stopward.adapters.postgres import PostgresDatabase
    from stopward.local.archiving import PATIENCE_SECONDS, month_lines, tidy
    from stopward.local.screen.words import counted

    with closing(PostgresDatabase(url, timeout_seconds=PATIENCE_SECONDS)) as database:
        if file_late:
            filed, made = tidy(database, most=most, today=SystemClock().now().date())
            click.echo(f"{counted(filed, 'row')} moved, {counted(made, 'month')} made", err=True)
        for line in month_lines(database):
            click.echo(line)


@click.command()
@url_option
@click.option("--to", "place", required=True, help="A folder, or s3://bucket/prefix.")
@click.option(
    "--keep-months", type=click.IntRange(min=1, max=1200), default=KEEP_MONTHS, show_default=True,
    help="Whole months before this one that stay.",
)  # fmt: skip
@click.option(
    "--dry-run", is_flag=True, help="Only say which months are old enough, and which stay."
)
def archive(*, url: str, place: str, keep_months: int, dry_run: bool) -> int:
    """Archive months older than --keep-months, read them back, and drop them."""
    from contextlib import closing

    from stopward.adapters.clocks import SystemClock
    from stopward.adapters.postgres import PostgresDatabase
    from stopward.local.archiving import PATIENCE_SECONDS, archive_old, old_month_lines

    today = SystemClock().now().date()
    with closing(PostgresDatabase(url, timeout_seconds=PATIENCE_SECONDS)) as database:
        if dry_run:
            for line in old_month_lines(database, keep_months=keep_months, today=today):
                click.echo(line)
            return ExitCode.OK
        summary = archive_old(database, place=place, keep_months=keep_months, today=today)
    # The rest of a night's counts is the nightly function's.
    for name in RETIRED:
        count = summary.counts()[name]
        click.echo(f"{name.removeprefix('journal_').replace('_', ' '):<18}{count}")
    for sentence in summary.failures:
        click.echo(f"stopward: {sentence}", err=True)
    return ExitCode.DATABASE if summary.failures else ExitCode.OK


@click.command()
@url_option
@click.argument("location")
def restore(*, url: str, location: str) -> None:
    """Load an archive into schema stopward_archive, beside the journal; the URL is the owner's.

    LOCATION is a file, or s3://bucket/key, ending in .ndjson.gz; its manifest lies beside it.
    """
    from stopward.adapters.archive_location import object_at
    from stopward.local.archive_restoring import restore_month
    from stopward.local.screen.words import counted

    place, key = object_at(location)
    done = restore_month(url, archive=place, key=key)
    known = f", {done.rows - done.added} of them there already" if done.added < done.rows else ""
    click.echo(f"{counted(done.rows, 'row')} of {done.month} in {done.relation}{known}")


COMMANDS = (partitions, archive, restore)
