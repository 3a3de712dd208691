"""The command line: `stopward COMMAND`. Each command loads only what it needs."""

import sys
from pathlib import Path

import click

import stopward
from stopward.errors import InvalidInput, StopwardError
from stopward.local.account_commands import COMMANDS
from stopward.local.exit_code import ExitCode, exit_code_of
from stopward.local.up.home import FOLDER, Home, find_template

DAY_SPEED = 130.0
"""Simulated seconds a real second: a session of 390 minutes in three."""

FILE = click.Path(path_type=Path, dir_okay=False)


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

    Exit codes: 0 ok, 1 a defect of ours, 2 usage, 3 configuration, 4 broker, 5 database,
    6 unprotected position found, 130 interrupted.
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


@stopward_command.command()
@click.pass_obj
def doctor(home: Home) -> int:
    """Check the installation; each finding comes with its remedy."""
    import os

    from stopward.local.doctor import examine

    code = ExitCode.OK
    for finding in examine(home, environment=os.environ):
        click.echo(f"{'ok' if finding.is_well else 'NOT OK':<8}{finding.name:<10}{finding.seen}")
        if not finding.is_well:
            click.echo(f"{'':<18}remedy: {finding.remedy or finding.seen}")
            code = code or finding.code
    return code


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
    import os

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


@stopward_command.group()
def db() -> None:
    """The database."""


@db.command("migrate")
@click.option("--url", required=True, envvar="STOPWARD_DATABASE_URL", help="Its owner's URL.")
@click.option("--plain", is_flag=True, help="No Supabase: create its roles and schemas first.")
def migrate_database(*, url: str, plain: bool) -> None:
    """Apply the migrations that a database does not have yet."""
    from stopward.local.migrate import migrate, prepare_platform

    if plain:
        prepare_platform(url)
    applied = migrate(url)
    click.echo(f"{len(applied)} migrations applied" if applied else "up to date")


for command in COMMANDS:
    stopward_command.add_command(command)


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
