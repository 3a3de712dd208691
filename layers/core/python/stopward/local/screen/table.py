"""The picture as tables of a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stopward.local.screen.picture import Action, AlarmLine, Picture, PositionLine, plain_message
from stopward.local.screen.words import clock_text, day_text, plain, price_text, r_colour, r_text

FEED_LENGTH = 6
"""Newest actions shown."""
ALARMS_SHOWN = 5
UNPROTECTED_KINDS = frozenset({"unprotected", "naked"})
WIDE = 100
"""Columns from which a position's sentence has room; below, its rule's name stands for it."""


def render(picture: Picture, *, width: int, height: int | None = None) -> RenderableType:
    """Return the picture for so many columns; with `height`, positions that fit into the lines.

    Every row takes one line: what is too long is cut with an ellipsis.
    """
    is_wide = width >= WIDE
    feed = min(FEED_LENGTH, len(picture.actions))
    alarms = min(ALARMS_SHOWN, len(picture.alarms))
    room = None if height is None else max(5, height - feed - alarms - 9 - bool(picture.trouble))
    parts: list[RenderableType] = [_positions(picture, room=room, is_wide=is_wide)]
    if picture.actions:
        parts.append(_feed(picture.actions[:FEED_LENGTH], is_wide=is_wide))
    if picture.alarms:
        parts.append(_alarms(picture.alarms[:ALARMS_SHOWN]))
    return Group(*parts)


def _positions(picture: Picture, *, room: int | None, is_wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.title = _title(picture)
    table.title_justify = "left"
    for name in ("symbol", "side"):
        table.add_column(name, no_wrap=True)
    for name in ("quantity", "R now", "best R", "stop"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last action", no_wrap=True)
    last = "why" if is_wide else "rule"
    table.add_column(last, ratio=1, no_wrap=True, overflow="ellipsis")
    shown = picture.positions if room is None else picture.positions[:room]
    for line in shown:
        table.add_row(
            *_position_cells(line, is_wide=is_wide), style=None if line.protected else "bold red"
        )
    if len(shown) < len(picture.positions):
        table.caption = Text(f"... {len(picture.positions) - len(shown)} more", style="dim")
        table.caption_justify = "left"
    return table


def _title(picture: Picture) -> Text:
    title = Text(f"{day_text(picture.now)} {clock_text(picture.now)} New York", style="bold")
    title.append(f"   open {len(picture.positions)}   closed {picture.trades}   ", style="default")
    title.append(r_text(picture.total_r), style=r_colour(picture.total_r))
    title.append(f"   ticks {picture.ticks}", style="dim")
    if picture.trouble:
        title.append(f"\n{picture.trouble}", style="bold red")
    title.no_wrap, title.overflow = True, "ellipsis"
    return title


def _position_cells(line: PositionLine, *, is_wide: bool) -> tuple[RenderableType, ...]:
    # Text, never markup: what others wrote is shown as it is.
    said = Text(line.why if is_wide else line.rule)
    if not line.action:
        said = Text("held so far", style="dim")
    return (
        line.symbol,
        Text(line.side, style="green" if line.side == "long" else "magenta"),
        plain(line.quantity),
        Text(r_text(line.r_now), style=r_colour(line.r_now)),
        r_text(line.best_r),
        price_text(line.stop) if line.protected else f"NONE ({price_text(line.stop)} wanted)",
        f"{line.action} {clock_text(line.action_at, seconds=False)}".strip(),
        said,
    )


def _feed(actions: tuple[Action, ...], *, is_wide: bool) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    for name in ("at", "symbol", "what", *(("rule",) if is_wide else ())):
        table.add_column(name, no_wrap=True)
    table.add_column("why", ratio=1, no_wrap=True, overflow="ellipsis")
    table.title, table.title_justify = "newest actions", "left"
    for action in actions:
        rule = (action.rule,) if is_wide else ()
        table.add_row(clock_text(action.at), action.symbol, action.what, *rule, Text(action.why))
    return table


def _alarms(alarms: tuple[AlarmLine, ...]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.title, table.title_justify = "alarms", "left"
    for name in ("severity", "symbol"):
        table.add_column(name, no_wrap=True)
    table.add_column("message", ratio=1, no_wrap=True, overflow="ellipsis")
    for alarm in alarms:
        table.add_row(
            alarm.severity, alarm.symbol or "", Text(plain_message(alarm)), style=alarm_style(alarm)
        )
    return table


def alarm_style(alarm: AlarmLine) -> str:
    """Return red for what leaves shares without a stop, or is critical; yellow for a warning."""
    if alarm.severity == "critical" or alarm.kind in UNPROTECTED_KINDS:
        return "bold red"
    return "yellow" if alarm.severity == "warning" else "dim"
