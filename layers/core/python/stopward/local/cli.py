"""The command line: `stopward COMMAND`. Each command loads only what it needs."""

import os
import sys
from pathlib import Path

import click

import stopward
from stopward.errors import StopwardError
from stopward.local.account_commands import COMMANDS
from stopward.local.archive_commands import COMMANDS as JOURNAL_COMMANDS
from stopward.local.channel_commands import channel
from stopward.local.exit_code import ExitCode, exit_code_of, refusal_of_the_system, told
from stopward.local.gateway_command import gateway
from stopward.local.history_command import import_history
from stopward.local.installation_commands import db, doctor
from stopward.local.model_commands import model
from stopward.local.operator_commands import account, put_rules
from stopward.local.replay_command import attribution, replay, sweep, whatif
from stopward.local.session_commands import sessions
from stopward.local.up.home import FOLDER, Home, find_template

DAY_SPEED = 130.0
"""Simulated seconds a real second: a session of 390 minutes in three."""

FILE = click.Path(path_type=Path)


def speed_of(text: str) -> float:
    """Return a positive number; `max` is infinity. Raises click.BadParameter otherwise."""
    try:
        speed = float("inf") if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise click.BadParameter(f"was {text!r}; allowed is a number above 0, or max")
    return speed


def time_of_day(text: str) -> str:
    """Return HH:MM, checked. Raises click.BadParameter otherwise."""
    hour, colon, minute = text.partition(":")
    if not (colon and len(hour) == len(minute) == 2 and hour.isdigit() and minute.isdigit()):
        raise click.BadParameter(f"was {text!r}; allowed is HH:MM, as in 11:30")
    if int(hour) > 23 or int(minute) > 59:
        raise click.BadParameter(f"was {text!r}; there is no such time of day")
    return text


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

    Exit codes: 0 ok, 1 a defect of ours, 2 usage, 3 configuration, 4 broker, 5 database or
    archive, 6 unprotected position found, 130 interrupted.
    """
    context.obj = Home(folder)


@stopward_command.command()
@click.option(
    "--speed", type=speed_of, metavar="N|max", help="Simulated seconds a real second, or max."
)
@click.option("--once", is_flag=True, help="End by itself after the session; at max speed.")
@click.option(
    "--until", type=time_of_day, metavar="HH:MM", help="Stop at this time of day in New York."
)
@click.option("--minutes", type=click.IntRange(min=1), help="Stop after so many minutes.")
@click.option("--bars", type=FILE, help="symbol,at,open,high,low,close,volume")
@click.option(
    "--positions", type=FILE,
    help="position_id,symbol,side,quantity,entry_at,entry_price,initial_stop",
)  # fmt: skip
@click.option("--rules", type=FILE, help="The rules, in TOML.")
@click.option("--picture", type=FILE, help="Write the table of the end as SVG.")
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
    picture: Path | None,
    as_json: bool,
    template: Path | None,
    data: Path | None,
) -> int:
    """Run a session on this machine: a real database, a simulated broker, the deployed handlers.

    Without files it plays the demo: 25 positions in real market data.
    """
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
        picture=picture,
    )
    return run_up(wanted, clock=SystemClock(), console=Console(stderr=True), output=sys.stdout)


@stopward_command.group()
def rules() -> None:
    """Check and explain a rules file."""


@rules.command("check")
@click.argument("file", type=FILE)
def check_rules(file: Path) -> None:
    """Say whether a rules file is valid, and what it turns on."""
    from stopward.local.rules_command import check

    click.echo(check(file))


@rules.command("explain")
@click.argument("file", type=FILE, required=False)
def explain_rules(file: Path | None) -> None:
    """Tell in plain sentences what a rules file does; without a file, the demo's."""
    from stopward.domain.rulebook import explain
    from stopward.local.rules_command import explained, load_demo

    click.echo(explain(load_demo()) if file is None else explained(file), nl=False)


@stopward_command.group()
def broker() -> None:
    """The broker, and what we rely on of it."""


@broker.command()
@click.option("--paper", is_flag=True, help="On your paper account; keys from the environment.")
@click.option("--symbol", default="F", show_default=True, help="Symbol to trade on paper.")
def verify(*, paper: bool, symbol: str) -> int:
    """Check every broker fact that Stopward relies on: on the simulator, or on paper.

    On paper it needs APCA_API_KEY_ID and APCA_API_SECRET_KEY, trades a few shares and cleans up.
    """
    from stopward.adapters.clocks import SystemClock
    from stopward.local.broker_command import verify_paper, verify_simulator
    from stopward.local.verify import table

    report = (
        verify_paper(symbol=symbol, environment=os.environ, clock=SystemClock())
        if paper
        else verify_simulator()
    )
    click.echo(table(report))
    return ExitCode.OK if report.all_hold else ExitCode.BROKER


rules.add_command(put_rules)
for command in JOURNAL_COMMANDS:
    db.add_command(command)
OVER_HISTORY = (import_history, replay, attribution, whatif, sweep)
for command in (doctor, db, gateway, account, channel, sessions, model, *OVER_HISTORY, *COMMANDS):
    stopward_command.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code; an error is one message, never a trace.

    What nobody foresaw is the exception: its trace is what we need to see.
    """
    try:
        code = stopward_command.main(args=arguments, prog_name="stopward", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except StopwardError as error:
        click.echo(f"stopward: {told(error)}", err=True)
        return exit_code_of(error)
    except BrokenPipeError:
        # Who read us has enough (`stopward why AAPL | head`): say nothing, at the exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except OSError as error:
        said = refusal_of_the_system(error)
        if said is None:
            raise
        click.echo(f"stopward: {said}", err=True)
        return ExitCode.CONFIGURATION
    return code if isinstance(code, int) else ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
