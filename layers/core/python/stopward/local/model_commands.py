"""`stopward model`: from closed trades to a judged model, and a page about it."""

import sys
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from types import ModuleType

import click

from stopward.errors import InvalidInput
from stopward.local.account_options import account_options
from stopward.local.up.home import Home

FILE = click.Path(path_type=Path)


@click.group()
def model() -> None:
    """The model that scores trades, and must earn its weight."""


@model.command()
@click.option("--csv", "file", type=FILE, required=True, help="entry_at,exit_at,net_r, features")
@click.option("--to", metavar="PLACE", help="Folder, or s3://BUCKET/PREFIX; else the local folder.")
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
    file: Path,
    to: str | None,
    registered: tuple[str, ...],
    allowed: tuple[str, ...],
    cost_r: float,
    as_json: bool,
) -> int:
    """Train on closed trades, judge out of fold, and store the graph with its manifest.

    A model is published only if it beats the base rate out of fold; that it does not is a result
    too, and ends with 0. A suspected leak ends with 3, a wrong conversion with 1.
    """
    from stopward.adapters.clocks import SystemClock

    training = _loaded()
    with click.progressbar(length=training.FOLDS, label="Walking forward", file=sys.stderr) as bar:
        told = training.train_file(
            file,
            to=str(home.folder / "archive") if to is None else to,
            now=SystemClock().now(),
            salt=token_hex(16),
            registered=registered,
            allowed=allowed,
            cost_r=cost_r,
            progress=lambda: bar.update(1),
        )
    click.echo(training.as_json(told) if as_json else told.text, nl=as_json)
    code: int = told.code
    return code


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


def _loaded() -> ModuleType:
    """Return the module that does it; a package that is missing is named."""
    try:
        return import_module("stopward.local.model.training")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("stopward"):
            raise
        raise InvalidInput(
            f"this needs {error.name}, which is not installed: run make train once"
        ) from error
