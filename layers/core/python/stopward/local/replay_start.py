"""What `stopward replay` and its kin start, loaded when it is needed: numpy, pandas, LLVM."""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from stopward.errors import InvalidInput
from stopward.local import extras
from stopward.local.up.home import Home


def attribute_account(home: Home, *, since: str | None, as_json: bool, **asked: Any) -> int:
    """Attribute the exits of an account's own trades. Raises UsageError unless `since` is a day."""
    import os

    from rich.console import Console

    from stopward.adapters.clocks import SystemClock

    try:
        first = None if since is None else date.fromisoformat(since)
    except ValueError as error:
        raise click.UsageError(f"--since was {since!r}; a day is needed: 2026-11-23") from error
    module = loaded("account")
    run: Callable[..., int] = module.attribute_account
    return run(
        home,
        module.Asked(since=first, as_json=as_json, **asked),
        environment=os.environ,
        clock=SystemClock(),
        console=Console(stderr=True),
        output=sys.stdout,
    )


def run_files(
    home: Home,
    name: str,
    *,
    bars: Path | None,
    positions: Path | None,
    rules: tuple[Path, ...],
    policy: str = "conservative",
    grid: Path | None = None,
    as_csv: bool = False,
    page: Path | None = None,
    trades: str | None = None,
    **asked: Any,
) -> int:
    """Run what `stopward.local.replay.command` calls `name`. Raises UsageError without files."""
    if bars is None or positions is None:
        instead = ", or --journal" if name == "replay_files" else ""
        raise click.UsageError(f"say what to replay: --bars FILE and --positions FILE{instead}")

    from rich.console import Console

    command = loaded("command")
    wanted = command.Wanted(
        bars=bars,
        positions=positions,
        rules=rules,
        policy=policy,
        grid=grid,
        as_csv=as_csv,
        page=page,
        trades=trades,
        machine_code=home.folder / "machine-code",
        **asked,
    )
    run: Callable[..., int] = getattr(command, name)
    return run(wanted, console=Console(stderr=True), output=sys.stdout)


def decide_again(
    home: Home,
    since: str | None,
    until: str | None,
    *,
    database_url: str | None,
    account: str | None,
    as_json: bool,
) -> int:
    """Decide a journal again. Raises UsageError unless the times are times, in order."""
    from rich.console import Console

    from stopward.adapters.clocks import SystemClock
    from stopward.local.journal_command import moment_of, replay_journal

    try:
        first, last = (None if text is None else moment_of(text) for text in (since, until))
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error
    if first is not None and last is not None and first >= last:
        raise click.UsageError(f"--since {since} is not before --until {until}")
    return replay_journal(
        home,
        database_url=database_url,
        account=account,
        since=first,
        until=last,
        as_json=as_json,
        clock=SystemClock(),
        console=Console(stderr=True),
        output=sys.stdout,
    )


def loaded(module: str = "command") -> ModuleType:
    """Return the module of `stopward.local.replay` that does it (`extras.loaded`)."""
    return extras.loaded(f"replay.{module}", by="replay")
