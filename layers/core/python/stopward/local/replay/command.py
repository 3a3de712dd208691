"""`stopward replay --bars FILE --positions FILE`: what the rules would have made of positions."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stopward.errors import InvalidInput
from stopward.local.exit_code import ExitCode
from stopward.local.replay.inputs import equity_of, read_inputs
from stopward.local.replay.options import commission_of, slippage_of
from stopward.local.replay.telling import as_csv, as_json, tell
from stopward.replay.run import replay
from stopward.replay.summary import summarize
from stopward.replay.terms import Conditions, Gap, Timing

LARGEST_CORES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for at the command line, as it was written."""

    bars: Path
    positions: Path
    rules: Path | None
    intrabar: Path | None
    timing: Timing
    gap: Gap
    slippage: str | None
    slip_exits: bool
    commission: str | None
    equity: str | None
    workers: int | None
    as_json: bool
    as_csv: bool
    page: Path | None
    cache_folder: Path


def replay_files(wanted: Wanted, *, console: Console, output: TextIO) -> int:
    """Replay files and tell the result; returns the exit code.

    Raises InvalidInput when a file, a rule or an option cannot be used; then nothing is written.
    """
    conditions = Conditions(
        timing=wanted.timing,
        gap=wanted.gap,
        slippage=slippage_of(wanted.slippage, exits=wanted.slip_exits),
        commission=commission_of(wanted.commission),
        equity=equity_of(wanted.equity),
    )
    if wanted.as_json and wanted.as_csv:
        raise InvalidInput("--json and --csv both write to stdout: choose one")
    with _progress(console, "reading bars", total=None) as advance:
        inputs = read_inputs(
            bars=wanted.bars,
            positions=wanted.positions,
            rules=wanted.rules,
            intrabar=wanted.intrabar,
            progress=advance,
        )
    with _progress(console, "walking positions", total=len(inputs.positions)) as advance:
        results = replay(
            inputs.positions,
            inputs.table,
            inputs.book,
            conditions,
            finer=inputs.finer,
            workers=wanted.workers or min(os.cpu_count() or 1, LARGEST_CORES),
            cache_folder=wanted.cache_folder,
            progress=advance,
        )
    summary = summarize(results)
    if wanted.as_json:
        output.write(as_json(results, summary, inputs.left_alone) + "\n")
    elif wanted.as_csv:
        output.write(as_csv(results))
    else:
        tell(Console(file=output), results, summary, inputs.left_alone)
    return ExitCode.OK


@contextmanager
def _progress(
    console: Console, doing: str, *, total: int | None
) -> Iterator[Callable[[int], None]]:
    """Yield what is told of each portion; nothing is drawn where nobody watches."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda count: progress.advance(task, count)
