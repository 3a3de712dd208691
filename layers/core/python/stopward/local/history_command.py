"""`stopward import`: the trader's own past, from a broker's export into the database."""

import json
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from stopward.domain.history import Source
from stopward.errors import InvalidInput
from stopward.local.account_options import account_options, connection_of
from stopward.local.screen.words import counted
from stopward.local.up.home import Home

if TYPE_CHECKING:
    from stopward.adapters.imports import ImportedHistory
    from stopward.adapters.postgres import PostgresDatabase
    from stopward.local.account_target import Target
    from stopward.local.history.preview import Preview
    from stopward.local.history.reading import HistoryFile

STORING_SECONDS = 120.0
"""A call stores two thousand executions in a second or two, but all of a symbol in one."""
SOURCES = click.Choice(["tradervue", "alpaca", "ibkr"])


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--format", "source", type=SOURCES, help="Default: told by the header.")
@click.option(
    "--timezone", metavar="ZONE",
    help="Of times without an offset, such as America/New_York; asked for where a file has none.",
)  # fmt: skip
@click.option("--broker-account", help="The one to import, where a file has several.")
@click.option("--skip-bad-rows", is_flag=True, help="Import the others, and tell the bad ones.")
@click.option("--preview", "previews", is_flag=True, help="Show what it would do, and end.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--forget", type=SOURCES, help="Take back all that came from one source.")
@account_options
@click.pass_obj
def import_history(
    home: Home,
    *,
    file: Path | None,
    source: Source | None,
    timezone: str | None,
    broker_account: str | None,
    skip_bad_rows: bool,
    previews: bool,
    yes: bool,
    as_json: bool,
    forget: Source | None,
    database_url: str | None,
    account: str | None,
) -> None:
    """Import FILE, an export of Tradervue, Alpaca or IBKR, as trades of the past.

    Trades go from flat to flat in each symbol. They are kept apart from guarded ones: nothing is
    sent, and no limit counts them. Importing again adds what is new.
    """
    if as_json and not (yes or previews):
        raise click.UsageError("--json asks nothing: add --yes, or --preview")
    if forget is not None and file is None:
        with connection_of(home, database_url, account) as (database, target):
            _forget(database, target, forget, yes=yes, as_json=as_json)
    elif file is not None and forget is None:
        found = _read(
            file,
            source=source,
            timezone=timezone,
            broker_account=broker_account,
            skip_bad_rows=skip_bad_rows,
        )
        if previews and not database_url and not home.runs():
            _show(_beside(found, None, timezone), as_json=as_json)
            return
        with connection_of(home, database_url, account, timeout_seconds=STORING_SECONDS) as (
            database,
            target,
        ):
            imported = _imported(database, target, found.source)
            shown = _beside(found, imported, timezone)
            if previews:
                _show(shown, as_json=as_json)
            else:
                _store(shown, imported, target, yes=yes, as_json=as_json)
    else:
        raise click.UsageError("say a FILE to import, or --forget and a source")


def _read(
    file: Path,
    *,
    source: Source | None,
    timezone: str | None,
    broker_account: str | None,
    skip_bad_rows: bool,
) -> "HistoryFile":
    from stopward.adapters.clocks import SystemClock
    from stopward.local.history.reading import read_history

    return read_history(
        file,
        now=SystemClock().now(),
        source=source,
        zone=None if timezone is None else _zone(timezone),
        broker_account=broker_account,
        skip_bad_rows=skip_bad_rows,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"--timezone was {name!r}; allowed is a name such as America/New_York or UTC"
        ) from error


def _imported(database: "PostgresDatabase", target: "Target", source: Source) -> "ImportedHistory":
    from stopward.adapters.imports import ImportedHistory

    return ImportedHistory(database, target.account_id, source)


def _beside(
    found: "HistoryFile", imported: "ImportedHistory | None", timezone: str | None
) -> "Preview":
    from stopward.local.history.merging import merge, nothing_stored
    from stopward.local.history.preview import Preview

    merged = merge(found, nothing_stored if imported is None else imported.executions)
    symbols = [each.symbol for each in merged.histories]
    return Preview(
        file=found,
        merged=merged,
        zone=timezone,
        is_compared=imported is not None,
        elsewhere=() if imported is None else imported.others(symbols),
    )


def _show(shown: "Preview", *, as_json: bool) -> None:
    from stopward.local.history.preview import document, text

    if as_json:
        click.echo(json.dumps(document(shown, None)))
        return
    for line in text(shown):
        click.echo(line)


def _store(
    shown: "Preview", imported: "ImportedHistory", target: "Target", *, yes: bool, as_json: bool
) -> None:
    from stopward.local.history.merging import store
    from stopward.local.history.preview import document

    if not as_json:
        _show(shown, as_json=False)
    new, trades = counted(shown.merged.new, "execution"), len(shown.merged.trades)
    if shown.merged.new and not yes:
        click.confirm(
            f"Store {new} and {counted(trades, 'trade')} in {target.words}?", abort=True, err=True
        )
    written = store(shown.merged, imported)
    if as_json:
        click.echo(json.dumps(document(shown, written)))
    elif shown.merged.new:
        again = f", {written.trades_removed} of them made anew" if written.trades_removed else ""
        click.echo(
            f"{target.words}: {counted(written.executions, 'execution')} and "
            f"{counted(written.trades, 'trade')} stored{again}"
        )
    else:
        click.echo(f"{target.words}: nothing new; nothing was written")


def _forget(
    database: "PostgresDatabase", target: "Target", source: Source, *, yes: bool, as_json: bool
) -> None:
    if not yes:
        click.confirm(
            f"Take back all that was imported from {source} into {target.words}?",
            abort=True,
            err=True,
        )
    gone = _imported(database, target, source).forget()
    if as_json:
        click.echo(json.dumps({"executions": gone.executions, "trades": gone.trades}))
        return
    click.echo(
        f"{target.words}: {counted(gone.executions, 'execution')} and "
        f"{counted(gone.trades, 'trade')} of {source} taken back"
    )
