"""`stopward replay`: the rules over what was."""

import sys
from pathlib import Path
from typing import cast

import click

from stopward.errors import InvalidInput
from stopward.local.up.home import Home

FILE = click.Path(path_type=Path)


@click.command()
@click.option("--bars", type=FILE, help="CSV or Parquet: symbol,at,open,high,low,close,volume")
@click.option(
    "--positions", type=FILE,
    help="position_id,symbol,side,quantity,entry_at,entry_price,initial_stop",
)  # fmt: skip
@click.option("--rules", type=FILE, help="The rules, in TOML; without, the standard ones.")
@click.option("--intrabar", type=FILE, help="Finer bars, to settle stop and target in one bar.")
@click.option(
    "--timing", type=click.Choice(["executable", "idealised"]), default="executable",
    show_default=True, help="What live can do, or raised stops that fill in the same bar.",
)  # fmt: skip
@click.option(
    "--gap", type=click.Choice(["target", "open"]), default="target", show_default=True,
    help="What a favourable gap over a resting target books.",
)  # fmt: skip
@click.option("--slippage", metavar="TEXT", help='Such as "1 tick, 0.5 spread", or none.')
@click.option("--slip-exits", is_flag=True, help="Exits at the next open slip too.")
@click.option("--commission", metavar="TEXT", help='Such as "0.005/share, 1 least", or none.')
@click.option("--equity", metavar="DOLLARS", help="At the start, for limits of a share of it.")
@click.option("--workers", type=click.IntRange(1, 64), help="Threads; as many as cores.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--csv", "as_csv", is_flag=True, help="A row for each position on stdout.")
@click.pass_obj
def replay(
    home: Home,
    *,
    bars: Path | None,
    positions: Path | None,
    rules: Path | None,
    intrabar: Path | None,
    timing: str,
    gap: str,
    slippage: str | None,
    slip_exits: bool,
    commission: str | None,
    equity: str | None,
    workers: int | None,
    as_json: bool,
    as_csv: bool,
) -> int:
    """What these rules would have made of positions, over bars: the rules that run live, compiled.

    A stop fills on touch, a target when it is traded through, and where a bar holds both, the stop.
    """
    if bars is None or positions is None:
        raise click.UsageError("say what to replay: --bars FILE and --positions FILE")

    from rich.console import Console

    try:
        from stopward.local.replay.command import Wanted, replay_files
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("stopward"):
            raise
        raise InvalidInput(
            f"replay needs {error.name}, which is not installed: install stopward[replay]"
        ) from error
    from stopward.replay.terms import Gap, Timing

    wanted = Wanted(
        bars=bars,
        positions=positions,
        rules=rules,
        intrabar=intrabar,
        timing=cast(Timing, timing),
        gap=cast(Gap, gap),
        slippage=slippage,
        slip_exits=slip_exits,
        commission=commission,
        equity=equity,
        workers=workers,
        as_json=as_json,
        as_csv=as_csv,
        page=None,
        cache_folder=home.folder / "machine-code",
    )
    return replay_files(wanted, console=Console(stderr=True), output=sys.stdout)
