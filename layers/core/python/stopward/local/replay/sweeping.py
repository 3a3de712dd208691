"""A sweep told: in sample beside out of sample, and whether choosing was worth anything."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from stopward.local.exit_code import ExitCode
from stopward.local.replay.telling import Printer, plain
from stopward.replay.grid import Grid
from stopward.replay.sweep import SURE, Sweep

Named = Sequence[dict[str, Any]]
"""The values of each rule set by path; the first rule set is the rules file as it is."""


def told(found: Sweep, grid: Grid, *, as_json: bool, output: TextIO) -> ExitCode:
    """Write what a sweep over a grid found, as a table or as JSON; returns the exit code."""
    names = ({}, *grid.combinations())
    if as_json:
        output.write(sweep_json(found, names) + "\n")
    else:
        tell_sweep(Printer(file=output), found, names)
    return ExitCode.OK


def tell_sweep(console: Console, found: Sweep, names: Named) -> None:
    """Print the folds, the best of all, and what to think of it."""
    table = Table(title=f"{found.tried:,} rule sets, chosen on past days", title_justify="left")
    for name in ("tested on", "positions", "chosen", "R in sample", "R after", "R of rules as is"):
        is_text = name in ("tested on", "chosen")
        table.add_column(name, justify="left" if is_text else "right", overflow="fold")
    for fold in found.folds:
        table.add_row(
            f"{fold.first_day} to {fold.last_day}",
            f"{fold.positions:,}",
            named(names[fold.chosen]),
            f"{fold.fit_r:+.4f}",
            f"{fold.test_r:+.4f}",
            f"{fold.first_r:+.4f}",
        )
    console.print(table)
    for line in verdict(found, names):
        console.print(line, highlight=False)


def verdict(found: Sweep, names: Named) -> tuple[str, ...]:
    """Return what the figures come to, in sentences."""
    choosing = (
        f"Chosen on past days: {found.fit_r:+.4f} R a position there, {found.test_r:+.4f} R on the "
        f"days after; the rules as they are: {found.test_first_r:+.4f} R."
    )
    best = (
        f"Best over all days: {named(names[found.best])}, {found.best_r:+.4f} R a position, "
        f"against {found.first_r:+.4f} R of the rules as they are."
    )
    sure = (
        f"Probability that it is better than the best of {found.tried:,} worthless ones (deflated "
        f"Sharpe ratio): {found.deflated:.3f}."
    )
    if found.holds:
        end = "It holds: told apart from luck, and choosing beat the rules as they are afterwards."
    elif found.deflated >= SURE:
        end = "It does not hold: on the days after, choosing did not beat the rules as they are."
    else:
        end = f"It overfits, or is not proved: under {SURE:g} it is not told apart from luck."
    return choosing, best, sure, end


def sweep_json(found: Sweep, names: Named) -> str:
    """Return every figure and the values of each rule set that was chosen."""
    document = asdict(found) | {
        "holds": found.holds,
        "best_values": names[found.best],
        "folds": [asdict(fold) | {"values": names[fold.chosen]} for fold in found.folds],
    }
    return json.dumps(plain(document), indent=1, default=str)


def named(values: dict[str, Any]) -> str:
    """Return a rule set by what differs from the rules file."""
    if not values:
        return "the rules as they are"
    return ", ".join(f"{path.removeprefix('rules.')} {value}" for path, value in values.items())
