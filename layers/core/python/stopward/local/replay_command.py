"""`stopward replay`, `attribution` and `whatif`: the rules over what was."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from stopward.local.account_options import account_options
from stopward.local.replay_start import attribute_account, decide_again, loaded, run_files
from stopward.local.typed_option import all_but, refuse_typed
from stopward.local.up.home import Home

FILE = click.Path(path_type=Path)
OF_AN_ACCOUNT = ("since", "again", "feed", "database_url", "account")
OF_A_JOURNAL = ("since", "until", "database_url", "account")
NOT_OF_FREQTRADE = ("intrabar", "timing", "gap")
Command = TypeVar("Command", bound=Callable[..., Any])
OPTIONS = (
    click.option("--bars", type=FILE, help="CSV or Parquet: symbol,at,open,high,low,close,volume"),
    click.option(
        "--positions",
        type=FILE,
        help="position_id,symbol,side,quantity,entry_at,entry_price,initial_stop",
    ),
    click.option("--intrabar", type=FILE, help="Finer bars: which of stop and target came first."),
    click.option(
        "--timing",
        type=click.Choice(["executable", "idealised"]),
        default="executable",
        show_default=True,
        help="What live can do, or raised stops that fill in the same bar.",
    ),
    click.option(
        "--gap",
        type=click.Choice(["target", "open"]),
        default="target",
        show_default=True,
        help="What a favourable gap over a resting target books.",
    ),
    click.option("--slippage", metavar="TEXT", help='Such as "1 tick, 0.5 spread", or none.'),
    click.option("--slip-exits", is_flag=True, help="Exits at the next open slip too."),
    click.option("--commission", metavar="TEXT", help='Such as "0.005/share, 1 least", or none.'),
    click.option("--equity", metavar="DOLLARS", help="At the start, for limits of a share of it."),
    click.option("--workers", type=click.IntRange(1, 64), help="Threads; as many as cores."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
)
RULES = click.option("--rules", type=FILE, help="The rules, in TOML; without, the standard ones.")


def file_options(command: Command) -> Command:
    """Add the options that all commands over files share."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command()
@file_options
@RULES
@click.option(
    "--policy", type=click.Choice(["conservative", "freqtrade"]), default="conservative",
    show_default=True, help="Whose fills; with freqtrade --rules is a strategy of that peer.",
)  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="A row for each position on stdout.")
@click.option("--html", "page", type=FILE, help="A page with charts, in one file of its own.")
@click.option("--trades", metavar="ID,ID", help="The trades that the page draws bar by bar.")
@click.option("--journal", is_flag=True, help="Decide every recorded decision again instead.")
@click.option(
    "--since", metavar="DAY|TIME", help="Of the journal: from a day (New York) or a time on."
)
@click.option("--until", metavar="DAY|TIME", help="Of the journal: before a day or a time.")
@account_options
@click.pass_context
def replay(
    context: click.Context,
    /,
    *,
    rules: Path | None,
    policy: str,
    as_csv: bool,
    page: Path | None,
    trades: str | None,
    journal: bool,
    since: str | None,
    until: str | None,
    database_url: str | None,
    account: str | None,
    **asked: Any,
) -> int:
    """What these rules would have made of positions, over bars: the rules that run live, compiled.

    A stop fills on touch, a target when it is traded through, and where a bar holds both, the stop.
    With --journal it decides again what was decided live, from what is recorded: that must agree to
    the bit, or it ends with 1 and prints the row.
    """
    home: Home = context.obj
    if journal:
        read = all_but(context, "journal", "as_json", *OF_A_JOURNAL)
        refuse_typed(context, read, "is of files: leave it out, or --journal")
        return decide_again(
            home, since, until, database_url=database_url, account=account,
            as_json=asked["as_json"],
        )  # fmt: skip
    refuse_typed(context, OF_A_JOURNAL, "is of the journal: give --journal too, or leave it out")
    if policy == "freqtrade":
        refuse_typed(
            context, NOT_OF_FREQTRADE, "says nothing with --policy freqtrade: leave it out"
        )
    files = () if rules is None else (rules,)
    return run_files(
        home, "replay_files", rules=files, policy=policy, as_csv=as_csv, page=page, trades=trades,
        **asked,
    )  # fmt: skip


@click.command()
@file_options
@RULES
@click.option("--since", metavar="DAY", help="Of an account: trades that closed from a day on.")
@click.option("--again", is_flag=True, help="Of an account: ask for what is known too.")
@click.option(
    "--feed", type=click.Choice(["iex", "sip"]), default="iex", show_default=True,
    help="Of an account: whose bars, when the broker is asked for them.",
)  # fmt: skip
@account_options
@click.pass_context
def attribution(
    context: click.Context,
    /,
    *,
    rules: Path | None,
    since: str | None,
    again: bool,
    feed: str,
    database_url: str | None,
    account: str | None,
    **asked: Any,
) -> int:
    """What each rule saved or cost: the same positions under the same rules without it.

    With --positions it replays files. Without, it asks for the trades of an account that have no
    figures yet, stores them and tells all: --bars FILE has the bars, else a local run has its own,
    and for another account the broker is asked, with the keys of the environment.
    """
    home: Home = context.obj
    if asked["positions"] is None:
        refuse_typed(
            context,
            all_but(context, "bars", "as_json", *OF_AN_ACCOUNT),
            "is of files: give --positions FILE too, or leave it out, for an account's trades keep "
            "the rules that guarded them",
        )
        return attribute_account(
            home, bars=asked["bars"], as_json=asked["as_json"], since=since, again=again,
            feed=feed, database_url=database_url, account=account,
        )  # fmt: skip
    refuse_typed(context, OF_AN_ACCOUNT, "is of an account: leave --positions out")
    return run_files(home, "attribute_files", rules=() if rules is None else (rules,), **asked)


@click.command()
@file_options
@click.option("--rules", type=FILE, multiple=True, help="Two files: the present and the other.")
@click.pass_obj
def whatif(home: Home, /, *, rules: tuple[Path, ...], **asked: Any) -> int:
    """Compare two rule files on the same positions: what the second adds, and on which."""
    return run_files(home, "compare_files", rules=rules, **asked)


@click.command()
@file_options
@RULES
@click.option("--grid", type=FILE, help="The values to try, in TOML.")
@click.option("--to", metavar="S3-URL", help="Write it for many machines below s3://bucket/prefix.")
@click.option(
    "--sets-per-shard", "sets_a_shard", type=click.IntRange(min=1), help="With --to: of a machine."
)
@click.option(
    "--from", "place", metavar="S3-URL", help="Judge what many machines found; --to says where."
)
@click.pass_context
def sweep(
    context: click.Context,
    /,
    *,
    rules: Path | None,
    grid: Path | None,
    place: str | None,
    **asked: Any,
) -> int:
    """Try every combination of a grid: chosen on past days, judged on the days after.

    With --to it is only written, in shards that machines in the cloud walk, and with --from judged.
    """
    if place is None:
        if asked["sets_a_shard"] is not None and asked["to"] is None:
            raise click.UsageError("--sets-per-shard is for --to")
        files = () if rules is None else (rules,)
        return run_files(context.obj, "sweep_files", rules=files, grid=grid, **asked)
    elsewhere = all_but(context, "place", "as_json")
    refuse_typed(context, elsewhere, "is not read with --from, which has all of that: leave it out")
    command = loaded("many_machines")
    join: Callable[..., int] = command.join_sweep
    return join(place, as_json=asked["as_json"], output=sys.stdout)
