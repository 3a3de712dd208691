"""The table as an SVG file, for a page: letters as text, no font fetched from anywhere."""

import io
from pathlib import Path
from typing import Final

from rich.console import Console

from stopward.errors import InvalidInput
from stopward.local.screen.picture import Picture
from stopward.local.screen.table import render

WIDTH: Final = 110
"""Columns: at 900 pixels a letter is eight wide."""
TITLE: Final = "stopward up"
PREFIX: Final = "stopward"
"""Of the ids in the file, so that the same picture is the same file."""
FORMAT: Final = """\
<svg class="{unique_id}" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def svg(picture: Picture) -> str:
    """Return a picture as SVG."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True,
        color_system="truecolor", legacy_windows=False,
    )  # fmt: skip
    console.print(render(picture, width=WIDTH))
    return console.export_svg(title=TITLE, code_format=FORMAT, unique_id=PREFIX)


def check_drawable(path: Path) -> None:
    """Raise InvalidInput unless a file can lie at `path`; asked before an hour is played."""
    if not path.parent.is_dir():
        raise InvalidInput(f"--picture was {path}: there is no folder {path.parent}; make it first")


def draw(picture: Picture, path: Path) -> None:
    """Write a picture as an SVG file. Raises InvalidInput when it cannot be written."""
    try:
        path.write_text(svg(picture), encoding="utf-8", newline="\n")
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written: {error.strerror}") from error
