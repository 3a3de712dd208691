"""`stopward model`: from closed trades to a judged model, what it says, and a page about it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from types import ModuleType
from typing import Any, cast

import click

from stopward.errors import InvalidInput
from stopward.local import extras
from stopward.local.account_options import account_options, connection_of
from stopward.local.up.home import Home

FILE = click.Path(path_type=Path)
READING_SECONDS = 30.0
"""A page of a thousand trades takes a tenth of a second; a disk that is cold takes longer."""


@click.group()
def model() -> None:
    """The model that scores trades, and must earn its weight."""


@model.command()
@click.option("--csv", "file", type=FILE, help="entry_at,exit_at,net_r, features: no database.")
@click.option("--kind", type=click.Choice(["entry", "open"]), help="Of the CSV's rows; else entry.")
@click.option("--to", metavar="PLACE", help="Folder, or s3://BUCKET/PREFIX; else the local folder.")
@account_options
@click.option("--feature", "registered", multiple=True, help="One of at most 12 for few trades.")
@click.option(
    "--allow", "allowed", multiple=True, help="A feature that may tell the outcome alone."
)
@click.option("--cost-r", type=float, default=0.0, show_default=True, help="To bring on top, in R.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def train(
    home: Home,
    *,
    file: Path | None,
    kind: str | None,
    to: str | None,
    database_url: str | None,
    account: str | None,
    registered: tuple[str, ...],
    allowed: tuple[str, ...],
    cost_r: float,
    as_json: bool,
) -> int:
    """Train on closed trades, judge out of fold, and store the graph with its manifest.

    Without --csv on those of an account, which then has a model of each kind: of the newest local
    run, or of --database-url. A model is published only if it beats the base rate out of fold; that
    it does not is a result too, and ends with 0. A suspected leak ends with 3, a wrong conversion
    with 1.
    """
    if file is None and database_url and to is None:
        raise InvalidInput("--database-url needs --to too: where who serves the model can read it")
    if file is None and kind is not None:
        raise click.UsageError("--kind is of a --csv; of an account both kinds are trained")
    training = _loaded("training")
    bar: Any
    with click.progressbar(length=training.FOLDS, label="Walking forward", file=sys.stderr) as bar:
        how = {
            "to": str(home.folder / "archive") if to is None else to,
            "registered": registered,
            "allowed": allowed,
            "cost_r": cost_r,
            "progress": lambda: bar.update(1),
        }
        if file is None:
            told = _of_account(home, database_url, account, how)
        else:
            told = _of_file(file, {**how, "kind": kind or "entry"})
    click.echo(training.as_json(told) if as_json else told.text, nl=as_json)
    code: int = told.code
    return code


@model.command()
@click.option("--bars", "file", type=FILE, help="A file of one-minute bars; else the broker's.")
@click.option(
    "--feed", type=click.Choice(["iex", "sip"]), default="iex", show_default=True,
    help="Of the broker's bars.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@account_options
@click.pass_obj
def features(
    home: Home,
    *,
    file: Path | None,
    feed: str,
    as_json: bool,
    database_url: str | None,
    account: str | None,
) -> int:
    """Rebuild the entry features of imported trades, so that they can be trained on.

    Only trades with a stop that closed before the account was opened here have them: without R
    there is nothing to learn. Bars of the index (SPY) are read too where there are any. Guarded
    trades have theirs from `check_features` each evening.
    """
    import os

    from stopward.adapters.clocks import SystemClock
    from stopward.local.model.past_features import rebuild
    from stopward.local.replay.account_bars import bars_for

    with (
        connection_of(home, database_url, account, timeout_seconds=READING_SECONDS) as (
            database,
            target,
        ),
        bars_for(
            target,
            file=file,
            feed=cast("Any", feed),
            home=home,
            environment=os.environ,
            clock=SystemClock(),
        ) as bars,
    ):
        found = rebuild(database, target, bars)
    click.echo(found.as_json() if as_json else found.text(), nl=as_json)
    return found.code


@model.command()
@click.argument("file", type=FILE, required=False)
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A feature, for one row.")
@click.option("--model", "place", metavar="PLACE", help="Its folder, model.onnx, or s3://...")
@click.option("--archive", metavar="PLACE", help="Where a champion lies; else the local folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@account_options
@click.pass_obj
def predict(
    home: Home,
    *,
    file: Path | None,
    given: tuple[str, ...],
    place: str | None,
    archive: str | None,
    as_json: bool,
    database_url: str | None,
    account: str | None,
) -> None:
    """Score the vectors of a CSV or JSON FILE, or the one that --set names, and log nothing.

    Without --model the account's champion is asked. The model is opened as the server opens it:
    one that is not whole, or does not answer as it did when it was published, is refused.
    """
    from stopward.adapters.clocks import SystemClock

    if (file is None) == (not given):
        raise click.UsageError("say a FILE, or the features of one row with --set")
    scoring = _loaded("scoring")
    if place is not None:
        found = scoring.model_at(place)
    else:
        from stopward.adapters.models import FunctionModels

        with connection_of(home, database_url, account) as (connection, target):
            found = scoring.champion_of(
                FunctionModels(connection),
                target.account_id,
                archive=str(home.folder / "archive") if archive is None else archive,
            )
    scores = scoring.score(found, file=file, options=given, now=SystemClock().now())
    click.echo(scores.as_json() if as_json else scores.text(), nl=as_json)


@model.command()
@click.argument("name", metavar="MODEL")
@click.option("--from", "place", metavar="PLACE", help="Where models lie; else the local folder.")
@click.option("--html", "page", type=FILE, help="The page; else MODEL-ID.html in this folder.")
@account_options
@click.pass_obj
def card(
    home: Home,
    *,
    name: str,
    place: str | None,
    page: Path | None,
    database_url: str | None,
    account: str | None,
) -> None:
    """Write a page about one model: what it learned from, what it was judged by, its limits.

    MODEL is a manifest.json, a folder with one, or a model's id: of the account when a database is
    named, else in the folder of `stopward model train`. With a database, how it does live too.
    """
    from stopward.adapters.clocks import SystemClock
    from stopward.local.html_file import check_writable, write
    from stopward.local.model.card import card as card_of
    from stopward.local.model.card_source import found

    if database_url and not account:
        raise InvalidInput("--database-url needs --account too (or STOPWARD_ACCOUNT_ID)")
    manifest, live = found(
        name, place=place or str(home.folder / "archive"), url=database_url, account=account or ""
    )
    to = page or Path(f"{manifest['model_id']}.html")
    check_writable(to)
    write(card_of(manifest, live, now=SystemClock().now()), to)
    click.echo(to)


def _of_file(file: Path, how: Mapping[str, Any]) -> Any:
    from stopward.adapters.clocks import SystemClock

    return _loaded("training").train_file(file, now=SystemClock().now(), salt=token_hex(16), **how)


def _of_account(
    home: Home, database_url: str | None, account: str | None, how: Mapping[str, Any]
) -> Any:
    training = _loaded("account_training")
    with connection_of(home, database_url, account, timeout_seconds=READING_SECONDS) as (
        database,
        target,
    ):
        if target.run is not None:
            click.echo(target.words, err=True)
        return training.train_account(
            database,
            target,
            holder=f"stopward model train/{token_hex(8)}",
            make_salt=lambda: token_hex(16),
            **how,
        )


def _loaded(name: str) -> ModuleType:
    """Return the module of `stopward.local.model` that does it (`extras.loaded`)."""
    return extras.loaded(f"model.{name}", by="train")
