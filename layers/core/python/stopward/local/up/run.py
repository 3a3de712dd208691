"""`stopward up` from start to end."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from types import FrameType
from typing import NoReturn, TextIO

from rich.console import Console

from stopward.errors import StopwardError
from stopward.local.exit_code import ExitCode, exit_code_of
from stopward.local.gateway.keys import FILE as KEYS
from stopward.local.gateway.running import RunningGateway, gateway_over
from stopward.local.screen.drawing import check_drawable, draw
from stopward.local.screen.picture import Summary
from stopward.local.screen.report import document, print_summary
from stopward.local.screen.words import counted
from stopward.local.simulator import Simulator
from stopward.local.up.database import RunDatabase, create_database, stop_server
from stopward.local.up.home import DEMO, Home, RecordFile, RunRecord
from stopward.local.up.inputs import Inputs, Window, read_inputs, window
from stopward.local.up.session import ACCOUNT, Stage, build_simulator, play, set_up_account
from stopward.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asked for. speed: simulated seconds a real second; None is no pace."""

    home: Home
    template: Path
    data_folder: Path
    speed: float | None
    once: bool = False
    as_json: bool = False
    until: str | None = None
    minutes: int | None = None
    bars: Path | None = None
    positions: Path | None = None
    rules: Path | None = None
    picture: Path | None = None


def up(wanted: Wanted, *, clock: Clock, console: Console, output: TextIO) -> ExitCode:
    """Run the main job; `console` is for people, `output` takes the one JSON document.

    Raises StopwardError; KeyboardInterrupt passes through once everything is shut down.
    """
    if wanted.picture is not None:
        check_drawable(wanted.picture)
    inputs = read_inputs(
        bars=wanted.bars,
        positions=wanted.positions,
        rules=wanted.rules,
        data_folder=wanted.data_folder,
        cache=wanted.home.folder / "cache",
    )
    stretch = window(inputs, until=wanted.until, minutes=wanted.minutes)
    now = clock.now()
    name = wanted.home.new_run_name(now)
    record = RunRecord(
        name=name,
        account_id=ACCOUNT,
        database=f"stopward_{name}",
        simulator_url="",
        session_day=inputs.sessions[0].day,
        started_at=now.isoformat(timespec="seconds"),
        bars=DEMO if wanted.bars is None else str(wanted.bars.resolve()),
    )
    with _terminated_like_interrupted(), wanted.home.recording(record) as file:
        try:
            code = _run(
                wanted, inputs, stretch=stretch, record=record, file=file,
                clock=clock, console=console, output=output,
            )  # fmt: skip
        except StopwardError as error:
            file.write(replace(record, exit_code=int(exit_code_of(error)), trouble=str(error)))
            raise
        except KeyboardInterrupt:
            file.write(replace(record, exit_code=int(ExitCode.INTERRUPTED)))
            raise
        finally:
            stop_server(wanted.home, but=name)
    return code


def _run(
    wanted: Wanted,
    inputs: Inputs,
    *,
    stretch: Window,
    record: RunRecord,
    file: RecordFile,
    clock: Clock,
    console: Console,
    output: TextIO,
) -> ExitCode:
    console.print(
        f"{counted(len(inputs.positions), 'position')}: {inputs.label}",
        highlight=False, markup=False,
    )  # fmt: skip
    with console.status("starting Postgres, applying migrations"):
        database = create_database(wanted.home, record)
        set_up_account(inputs, database)
    simulator = build_simulator(inputs, stretch)
    with (
        simulator.serve() as url,
        gateway_over(database.owner_url, folder=wanted.home.folder, clock=clock) as gateway,
    ):
        record = replace(record, simulator_url=url)
        file.write(record)
        console.print(
            f"views at {gateway.url}, keys in {wanted.home.folder / KEYS} (docs/querying.md)",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
        stage = Stage(
            inputs=inputs,
            window=stretch,
            database=database,
            simulator=simulator,
            simulator_url=url,
            template=wanted.template,
            log_folder=wanted.home.log_folder(record.name),
            clock=clock,
            console=console,
            speed=wanted.speed,
        )
        played = play(stage)
        summary, notes = played.summary, played.notes
        code = _code_of(summary)
        file.write(replace(record, exit_code=int(code), trouble="; ".join(notes[-3:])))
        _tell(summary, notes, wanted=wanted, console=console, output=output)
        if wanted.picture is not None:
            draw(played.picture, wanted.picture)
        if not wanted.once:
            _serve(database, url, gateway=gateway, simulator=simulator, console=console)
    return code


def _code_of(summary: Summary) -> ExitCode:
    if summary.unprotected:
        return ExitCode.UNPROTECTED
    if not any(counts["answered"] for counts in summary.functions.values()):
        return ExitCode.DEFECT  # no function ever ran to its end: nothing was guarded
    return ExitCode.OK


def _tell(
    summary: Summary,
    notes: tuple[str, ...],
    *,
    wanted: Wanted,
    console: Console,
    output: TextIO,
) -> None:
    print_summary(console, summary)
    for note in notes:
        console.print(note, style="yellow", highlight=False, markup=False, soft_wrap=True)
    if wanted.as_json:
        output.write(json.dumps({**document(summary), "notes": list(notes)}, allow_nan=False))
        output.write("\n")
        output.flush()


def _serve(
    database: RunDatabase,
    url: str,
    *,
    gateway: RunningGateway,
    simulator: Simulator,
    console: Console,
) -> None:
    lines = (
        "",
        "Still serving, until Ctrl-C:",
        f"  Postgres   {database.worker_url}",
        f"  broker     {url}  (key {simulator.key}, secret {simulator.secret})",
        "  views      by supabase-py and supabase-js, as docs/querying.md shows, with",
        *(f"             {line}" for line in gateway.lines()),
        "  commands   stopward positions, stopward why SYMBOL, stopward doctor",
    )
    try:
        console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
        Event().wait()
    except KeyboardInterrupt:
        console.print("stopping", highlight=False)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    # A service stopper and a closed terminal deserve the same clean end as Ctrl-C.
    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    known = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
