"""The live display: a progress bar over simulated time and the table above it.

On a terminal it redraws itself; elsewhere (a file, a pipe) it prints one line a quarter of an hour
of simulated time, so that a log stays readable.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from stopward.local.screen.picture import Picture
from stopward.local.screen.table import render
from stopward.local.screen.words import clock_text, day_text, r_text
from stopward.ports import Clock

REDRAWS_A_SECOND = 4
READ_EVERY = timedelta(seconds=1 / REDRAWS_A_SECOND)
LINE_EVERY = timedelta(minutes=15)


class Screen:
    """Shows a run from `first` to `last`. Use it as a context manager; `show` is cheap to call."""

    def __init__(self, console: Console, *, first: datetime, last: datetime, clock: Clock) -> None:
        """`clock` is the real one: a picture is read no oftener than it is drawn."""
        self._console = console
        self._clock = clock
        self._next_read = clock.now()
        self._first = first
        self._has_days = day_text(first) != day_text(last)
        self._next_line = first
        self._picture: Picture | None = None
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            expand=True,
        )
        self._task = self._progress.add_task(
            "session", total=max(1.0, (last - first).total_seconds())
        )
        self._live = Live(
            get_renderable=self._render,
            console=console,
            refresh_per_second=REDRAWS_A_SECOND,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def step(self, now: datetime, *, read: Callable[[], Picture]) -> None:
        """Move the bar; `read` is called only when a new picture is going to be shown."""
        self._progress.update(self._task, completed=(now - self._first).total_seconds())
        if self._console.is_terminal:
            if self._clock.now() >= self._next_read:
                self._picture = read()
                self._next_read = self._clock.now() + READ_EVERY
        elif now >= self._next_line:
            self._next_line = now + LINE_EVERY
            day = f"{day_text(now)} " if self._has_days else ""
            self._console.print(f"{day}{line_of(read())}", highlight=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        if self._picture is None:
            return self._progress
        room = max(10, self._console.height - 2)
        return Group(render(self._picture, width=self._console.width, height=room), self._progress)


def line_of(picture: Picture) -> str:
    """Return the picture in one line."""
    naked = sum(not line.protected for line in picture.positions)
    return (
        f"{clock_text(picture.now, seconds=False)}  open {len(picture.positions)}"
        f"  closed {picture.trades}  {r_text(picture.total_r)}  ticks {picture.ticks}"
        f"  alarms {len(picture.alarms)}  unprotected {naked}"
        + (f"  TROUBLE {picture.trouble}" if picture.trouble else "")
    )
