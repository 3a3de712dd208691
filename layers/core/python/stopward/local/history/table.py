"""The rows of a CSV export and the items of a JSON one, read as they are consumed."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stopward.errors import InvalidInput
from stopward.local.data.csv_reading import Fault, opened

DELIMITERS: Final = ",\t|"
"""A file has the one that its first line has most of."""
CHUNK: Final = 65_536
LONGEST_ITEM: Final = 1_000_000
"""Characters of one item of JSON; a fill has four hundred."""
BETWEEN: Final = " \t\r\n,[]"
"""What stands between items: one list, pages one behind the other, or an item a line."""


def is_json(path: Path) -> bool:
    """Whether a file begins as JSON does. Raises InvalidInput for an empty one."""
    with opened(path) as file:
        while part := file.read(CHUNK):
            if start := part.lstrip():
                return start[0] in "[{"
    raise InvalidInput(f"{path}: is empty; an export of Tradervue, Alpaca or IBKR is needed")


def records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its number, as a spreadsheet shows it: from 1, with the blank ones.

    Blank rows are counted and not yielded; cells have no spaces around them.
    """
    with opened(path) as file:
        first = file.readline()
        delimiter = max(DELIMITERS, key=first.count)
        file.seek(0)
        reader = csv.reader(file, strict=True, delimiter=delimiter)
        row = 0
        try:
            for row, cells in enumerate(reader, start=1):
                stripped = [cell.strip() for cell in cells]
                if any(stripped):
                    yield row, stripped
        except csv.Error as error:
            raise InvalidInput(f"{path}: row {row + 1}: not valid CSV: {error}") from error


def items(path: Path) -> Iterator[tuple[int, dict[str, str] | Fault]]:
    """Yield each object of a JSON export with its place from 1; numbers as they are written.

    What is no object is a Fault. Raises InvalidInput where it is no JSON.
    """
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
    text, place = "", 0
    with opened(path) as file:
        while True:
            part = file.read(CHUNK)
            text = (text + part).lstrip(BETWEEN)
            while text:
                try:
                    found, end = decoder.raw_decode(text)
                except RecursionError as error:
                    raise InvalidInput(f"{path}: item {place + 1}: nests too deeply") from error
                except ValueError as error:
                    if part and len(text) <= LONGEST_ITEM:
                        break
                    raise InvalidInput(
                        f"{path}: item {place + 1}: not valid JSON: {error}"
                    ) from error
                place += 1
                yield place, _plain(found)
                text = text[end:].lstrip(BETWEEN)
            if not part:
                return


def _plain(found: object) -> dict[str, str] | Fault:
    if not isinstance(found, dict):
        return Fault("(item)", str(found), "an item must be an object, one activity")
    return {name: value for name, value in found.items() if isinstance(value, str)}
