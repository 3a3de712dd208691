"""`stopward replay`, `attribution` and `whatif` over files: what rules would have made of them."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stopward.domain.freqtrade import parse_freqtrade
from stopward.domain.rulebook import RuleBook
from stopward.errors import InvalidInput
from stopward.local.exit_code import ExitCode
from stopward.local.html_file import check_writable, write
from stopward.local.replay import comparing, sweeping, telling
from stopward.local.replay.inputs import Inputs, equity_of, read_inputs
from stopward.local.replay.many_machines import bucket_at, send_sweep
from stopward.local.replay.options import commission_of, slippage_of
from stopward.local.replay.page import page
from stopward.local.replay.trades import choose, named_trades, trade_of
from stopward.local.replay.wanted import Wanted, labels, terms
from stopward.local.rules_command import read_text
from stopward.local.up.inputs import DEFAULT_RULES
from stopward.replay.attribution import attribute
from stopward.replay.compare import compare
from stopward.replay.compiled import keep_in
from stopward.replay.folds import folds
from stopward.replay.freqtrade import OPTIMISTIC, replay_freqtrade
from stopward.replay.grid import parse_grid, rule_sets
from stopward.replay.limits import has_limits
from stopward.replay.results import Results
from stopward.replay.retrace import Trace, retrace, retrace_freqtrade
from stopward.replay.run import replay
from stopward.replay.sharding.order import Order
from stopward.replay.summary import summarize
from stopward.replay.sweep import days_of, judge_sets, walk_sets
from stopward.replay.terms import Conditions

MOST_WORKERS = 64
Retrace = Callable[[Sequence[int]], tuple[Trace, ...]]
"""What returns where the stops of some rows of a replay rested."""


def replay_files(wanted: Wanted, *, console: Console, output: TextIO) -> int:
    """Replay files and tell the result; returns the exit code.

    Raises InvalidInput when a file, a rule or an option cannot be used; then nothing is written.
    """
    conditions = _conditions(wanted)
    if wanted.as_json and wanted.as_csv:
        raise InvalidInput("--json and --csv both write to stdout: choose one")
    if wanted.page is not None:
        check_writable(wanted.page)
    elif wanted.trades is not None:
        raise InvalidInput("--trades chooses what --html FILE draws: give both")
    if wanted.policy == "freqtrade":
        inputs, results, traced = _as_freqtrade(wanted, conditions, console)
    else:
        inputs = _inputs(wanted, console)
        telling.tell_odd(console, inputs, inputs.book, left_alone=wanted.as_csv)
        results = _replayed(wanted, inputs, conditions, console)(inputs.book)
        traced = _retraced(inputs, results, conditions, console)
    summary = summarize(results)
    if wanted.as_json:
        output.write(telling.as_json(results, summary, inputs.left_alone) + "\n")
    elif wanted.as_csv:
        output.write(telling.as_csv(results))
    else:
        telling.tell(telling.Printer(file=output), results, summary, inputs.left_alone)
        if wanted.policy == "freqtrade":
            output.write(f"Policy freqtrade: {OPTIMISTIC}.\n")
        elif summary.ambiguous and wanted.intrabar is None:
            output.write("--intrabar FILE settles what met in one bar by finer bars.\n")
    if wanted.page is not None:
        _draw(wanted, inputs, results, traced, wanted.page)
        console.print(f"the page is {wanted.page}", highlight=False, markup=False, soft_wrap=True)
    return ExitCode.OK


def attribute_files(wanted: Wanted, *, console: Console, output: TextIO) -> int:
    """Replay files with and without each rule, and tell what each saved or cost.

    Raises InvalidInput as `replay_files` does.
    """
    conditions = _conditions(wanted)
    inputs = _inputs(wanted, console)
    telling.tell_odd(console, inputs, inputs.book)
    found = attribute(inputs.book, _replayed(wanted, inputs, conditions, console))
    if wanted.as_json:
        output.write(comparing.attribution_json(found) + "\n")
    else:
        comparing.tell_attribution(telling.Printer(file=output), found)
    return ExitCode.OK


def compare_files(wanted: Wanted, *, console: Console, output: TextIO) -> int:
    """Replay files under two rule files, and tell what the second changes.

    Raises InvalidInput as `replay_files` does, and unless two rule files are given.
    """
    if len(wanted.rules) != 2:
        raise InvalidInput(f"--rules was given {len(wanted.rules)} times; two files are compared")
    conditions = _conditions(wanted)
    inputs = _inputs(wanted, console)
    replayed = _replayed(wanted, inputs, conditions, console)
    telling.tell_odd(console, inputs, *inputs.books)
    first, second = map(replayed, inputs.books)
    found = compare(first, second)
    names = tuple(str(path) for path in wanted.rules)
    if wanted.as_json:
        output.write(comparing.comparison_json(found, names) + "\n")
    else:
        comparing.tell_comparison(telling.Printer(file=output), found, names)
    return ExitCode.OK


def sweep_files(wanted: Wanted, *, console: Console, output: TextIO) -> int:
    """Replay files under every rule set of a grid, and tell what choosing among them is worth.

    The first set is the rules file as it is. With `--to` they are not walked, but
    written for many machines. Raises InvalidInput as `replay_files` does, and for a grid or a rule
    set that cannot be used.
    """
    if wanted.grid is None:
        raise InvalidInput("say what to try: --grid FILE")
    if wanted.to is not None:
        bucket_at(wanted.to, option="--to")
    conditions = _conditions(wanted)
    values = read_text(wanted.grid)
    grid = parse_grid(values, source=str(wanted.grid))
    path = wanted.rules[0] if wanted.rules else None
    text = DEFAULT_RULES if path is None else read_text(path)
    source = "the standard rules" if path is None else str(path)
    sets = tuple(rule_sets(grid, text, source=source))
    inputs = _inputs(wanted, console)
    folds(days_of(inputs.positions)[1], grid.split)
    telling.tell_odd(console, inputs, *sets)
    if wanted.to is not None:
        order = Order(
            table=inputs.table,
            finer=inputs.finer,
            positions=inputs.positions,
            rules=text,
            rules_source=source,
            grid=values,
            grid_source=str(wanted.grid),
            conditions=conditions,
        )
        return send_sweep(
            order, place=wanted.to, sets_a_shard=wanted.sets_a_shard, as_json=wanted.as_json,
            output=output,
        )  # fmt: skip
    quiet = Console(quiet=True)
    with _progress(console, "walking rule sets", total=len(sets)) as advance:
        replayed = _replayed(wanted, inputs, conditions, quiet)
        found = judge_sets(walk_sets(sets, replayed, progress=advance), grid.split)
    return sweeping.told(found, grid, as_json=wanted.as_json, output=output)


def _as_freqtrade(
    wanted: Wanted, conditions: Conditions, console: Console
) -> tuple[Inputs, Results, Retrace]:
    """Replay by the exits of a strategy of that peer; `--rules` is its configuration."""
    if len(wanted.rules) != 1:
        raise InvalidInput("--policy freqtrade needs --rules FILE: the strategy, in JSON or TOML")
    (path,) = wanted.rules
    strategy = parse_freqtrade(read_text(path), source=str(path))
    inputs = _inputs(replace(wanted, rules=()), console)
    telling.tell_odd(console, inputs)
    with _progress(console, "walking positions", total=len(inputs.positions)) as advance:
        results = replay_freqtrade(
            inputs.positions,
            inputs.table,
            strategy.rules,
            conditions,
            timeframe_minutes=strategy.timeframe_minutes,
            workers=wanted.workers or min(os.cpu_count() or 1, MOST_WORKERS),
            progress=advance,
        )

    def traced(rows: Sequence[int]) -> tuple[Trace, ...]:
        return retrace_freqtrade(rows, results, inputs.table, strategy.rules)

    return inputs, results, traced


def _conditions(wanted: Wanted) -> Conditions:
    """Return the conditions asked for; by the policy of that peer nothing slips unless told to."""
    slippage = wanted.slippage
    if slippage is None and wanted.policy == "freqtrade":
        slippage = "none"
    return Conditions(
        timing=wanted.timing,
        gap=wanted.gap,
        slippage=slippage_of(slippage, exits=wanted.slip_exits),
        commission=commission_of(wanted.commission),
        equity=equity_of(wanted.equity),
    )


def _inputs(wanted: Wanted, console: Console) -> Inputs:
    keep_in(wanted.machine_code)
    with _progress(console, "reading bars", total=None) as advance:
        inputs = read_inputs(
            bars=wanted.bars,
            positions=wanted.positions,
            rules=wanted.rules,
            intrabar=wanted.intrabar,
            progress=advance,
        )
    named_trades(wanted.trades, inputs.positions, inputs.left_alone)
    return inputs


def _replayed(
    wanted: Wanted, inputs: Inputs, conditions: Conditions, console: Console
) -> Callable[[RuleBook], Results]:
    """Return what replays the positions of these files under rules."""

    def run(book: RuleBook) -> Results:
        with _progress(console, "walking positions", total=len(inputs.positions)) as advance:
            return replay(
                inputs.positions,
                inputs.table,
                book,
                conditions,
                finer=inputs.finer,
                workers=wanted.workers or min(os.cpu_count() or 1, MOST_WORKERS),
                progress=advance,
            )

    return run


def _retraced(
    inputs: Inputs, results: Results, conditions: Conditions, console: Console
) -> Retrace:
    """Return what walks positions again for their stops: all of them where a limit is on."""

    def run(rows: Sequence[int]) -> tuple[Trace, ...]:
        again = len(results) if has_limits(inputs.book.base) else len(rows)
        with _progress(console, "walking what is drawn again", total=again) as advance:
            return retrace(
                rows, results, inputs.table, inputs.book, conditions,
                finer=inputs.finer, progress=advance,
            )  # fmt: skip

    return run


def _draw(wanted: Wanted, inputs: Inputs, results: Results, traced: Retrace, path: Path) -> None:
    """Write the page of a replay."""
    named = named_trades(wanted.trades, inputs.positions, inputs.left_alone)
    chosen = choose(results, named)
    drawn = [
        trade_of(trace, results, inputs.table) for trace in traced([each.row for each in chosen])
    ]
    text = page(
        results,
        summarize(results),
        inputs.left_alone,
        labels=tuple(labels(wanted)),
        terms=tuple(terms(wanted)),
        trades=tuple(zip(chosen, drawn, strict=True)),
    )
    write(text, path)


@contextmanager
def _progress(
    console: Console, doing: str, *, total: int | None
) -> Iterator[Callable[[int], None]]:
    """Yield what is told of each portion; nothing is drawn where nobody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    watched = console.is_terminal
    drawn = Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=not watched
    )
    with drawn as progress:
        task = progress.add_task(doing, total=total)
        yield lambda count: progress.advance(task, count)
