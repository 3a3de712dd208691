"""`stopward replay`, `attribution` and `whatif`: the rules over what was."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import click

from stopward.errors import InvalidInput
from stopward.local.up.home import Home

FILE = click.Path(path_type=Path)
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
@click.option("--csv", "as_csv", is_flag=True, help="A row for each position on stdout.")
@click.pass_obj
def replay(home: Home, /, *, rules: Path | None, as_csv: bool, **asked: Any) -> int:
    """What these rules would have made of positions, over bars: the rules that run live, compiled.

    A stop fills on touch, a target when it is traded through, and where a bar holds both, the stop.
    """
    return _run(
        home, "replay_files", rules=() if rules is None else (rules,), as_csv=as_csv, **asked
    )


@click.command()
@file_options
@RULES
@click.pass_obj
def attribution(home: Home, /, *, rules: Path | None, **asked: Any) -> int:
    """What each rule saved or cost: the same positions under the same rules without it."""
    return _run(home, "attribute_files", rules=() if rules is None else (rules,), **asked)


@click.command()
@file_options
@click.option("--rules", type=FILE, multiple=True, help="Two files: the present and the other.")
@click.pass_obj
def whatif(home: Home, /, *, rules: tuple[Path, ...], **asked: Any) -> int:
    """Compare two rule files on the same positions: what the second adds, and on which."""
    return _run(home, "compare_files", rules=rules, **asked)


def _run(
    home: Home,
    name: str,
    *,
    bars: Path | None,
    positions: Path | None,
    rules: tuple[Path, ...],
    as_csv: bool = False,
    **asked: Any,
) -> int:
    if bars is None or positions is None:
        raise click.UsageError("say what to replay: --bars FILE and --positions FILE")

    from rich.console import Console

    command = _loaded()
    wanted = command.Wanted(
        bars=bars,
        positions=positions,
        rules=rules,
        as_csv=as_csv,
        page=None,
        machine_code=home.folder / "machine-code",
        **asked,
    )
    run: Callable[..., int] = getattr(command, name)
    return run(wanted, console=Console(stderr=True), output=sys.stdout)


def _loaded() -> ModuleType:
    """Return the module that does it; a package that is missing is named."""
    try:
        from stopward.local.replay import command
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("stopward"):
            raise
        raise InvalidInput(
            f"replay needs {error.name}, which is not installed: install stopward[replay]"
        ) from error
    return command
