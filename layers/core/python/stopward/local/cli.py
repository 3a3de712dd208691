"""The command line: `stopward COMMAND`. Each command loads only what it needs."""

import sys
from pathlib import Path
from typing import Any

import click

import stopward
from stopward.errors import InvalidInput, StopwardError
from stopward.local.exit_code import ExitCode, exit_code_of
from stopward.local.up.home import FOLDER, Home, find_template

DAY_SPEED = 130.0
"""Simulated seconds a real second: a session of 390 minutes in three."""

FILE = click.Path(path_type=Path, dir_okay=False)


class Speed(click.ParamType[float]):
    """A positive number, or `max`, which is no pace at all (infinity)."""

    name = "N|max"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; `max` is infinity."""
        if isinstance(value, float):
            return value
        try:
            speed = float("inf") if value == "max" else float(value)
        except ValueError:
            speed = 0.0
        if not speed > 0:
            self.fail(f"was {value!r}; allowed is a number above 0, or max", param, ctx)
        return speed


class HourMinute(click.ParamType[str]):
    """A time of day, HH:MM."""

    name = "HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, checked."""
        hour, colon, minute = str(value).partition(":")
        if not (colon and len(hour) == len(minute) == 2 and hour.isdigit() and minute.isdigit()):
            self.fail(f"was {value!r}; allowed is HH:MM, as in 11:30", param, ctx)
        if int(hour) > 23 or int(minute) > 59:
            self.fail(f"was {value!r}; there is no such time of day", param, ctx)
        return str(value)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(stopward.__version__, prog_name="stopward")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    envvar="STOPWARD_FOLDER",
    show_default=True,
    help="Where local mode keeps its database, logs and records.",
)
@click.pass_context
def stopward_command(context: click.Context, folder: Path) -> None:
    """Guard open positions: early exits, breakeven stops, profit protection.

    Exit codes: 0 ok, 2 usage, 3 configuration, 4 broker, 5 database, 6 unprotected position found,
    130 interrupted.
    """
    context.obj = Home(folder)


@stopward_command.command()
@click.option("--speed", type=Speed(), help="Simulated seconds a real second, or max.")
@click.option("--once", is_flag=True, help="End by itself after the session; at max speed.")
@click.option("--until", type=HourMinute(), help="Stop at this time of day in New York.")
@click.option("--minutes", type=click.IntRange(min=1), help="Stop after so many minutes.")
@click.option("--bars", type=FILE, help="symbol,at,open,high,low,close,volume")
@click.option(
    "--positions", type=FILE,
    help="position_id,symbol,side,quantity,entry_at,entry_price,initial_stop",
)  # fmt: skip
@click.option("--rules", type=FILE, help="The rules, in TOML.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--template", type=FILE, help="The SAM template to host.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data packages.")
@click.pass_obj
def up(
    home: Home,
    *,
    speed: float | None,
    once: bool,
    until: str | None,
    minutes: int | None,
    bars: Path | None,
    positions: Path | None,
    rules: Path | None,
    as_json: bool,
    template: Path | None,
    data: Path | None,
) -> int:
    """Run a session on this machine: a real database, a simulated broker, the deployed handlers.

    Without files it plays the demo: 25 positions in real market data.
    """
    import os

    from rich.console import Console

    from stopward.adapters.clocks import SystemClock
    from stopward.local.data.packages import data_folder
    from stopward.local.up.run import Wanted
    from stopward.local.up.run import up as run_up

    pace = speed or (float("inf") if once else DAY_SPEED)
    wanted = Wanted(
        home=home,
        template=find_template(template),
        data_folder=data_folder(data, environment=os.environ),
        speed=None if pace == float("inf") else pace,
        once=once,
        as_json=as_json,
        until=until,
        minutes=minutes,
        bars=bars,
        positions=positions,
        rules=rules,
    )
    return run_up(wanted, clock=SystemClock(), console=Console(stderr=True), output=sys.stdout)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code; an error is one message, never a trace."""
    try:
        code = stopward_command.main(args=arguments, prog_name="stopward", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except StopwardError as error:
        kind = "" if isinstance(error, InvalidInput) else f"{type(error).__name__}: "
        click.echo(f"stopward: {kind}{error}", err=True)
        return exit_code_of(error)
    return code if isinstance(code, int) else ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
