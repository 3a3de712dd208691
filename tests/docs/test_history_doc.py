"""docs/history.md shows what the import says, and names every column that it reads."""

from pathlib import Path

import pytest

from stopward.local.history import alpaca, ibkr, tradervue
from stopward.local.history.merging import merge, nothing_stored
from stopward.local.history.preview import Preview, text
from tests.builders.history_files import TRADERVUE, read
from tests.docs.pages import blocks, section

NAME = "docs/history.md"
IBKR_COLUMNS = {
    *ibkr.NEEDED, *ibkr.IDS, *ibkr.CHARGES, *ibkr.TELLING, "LevelOfDetail", "CurrencyPrimary",
    "Open/CloseIndicator", "Buy/Sell", "Notes/Codes", "TransactionType",
}  # fmt: skip


def test_the_example_is_what_it_shows(tmp_path: Path) -> None:
    shown = [block for block in blocks(NAME, "") if "symbol  trades" in block]
    assert any(TRADERVUE.strip() in block for block in blocks(NAME, ""))
    found = read(tmp_path / "trades.csv", TRADERVUE)
    preview = Preview(
        file=found,
        merged=merge(found, nothing_stored),
        zone="America/New_York",
        is_compared=True,
    )
    said = "\n".join(text(preview)).replace(f"{tmp_path}/", "")
    assert [block.strip() for block in shown] == [said]


@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        ("Tradervue, generic", {*tradervue.COLUMNS, *tradervue.FEES, *tradervue.EXTRA}),
        ("Alpaca, account activities", {*alpaca.NEEDED, *alpaca.SIDES, "id", "activity_type"}),
        ("Interactive Brokers, Flex Query", IBKR_COLUMNS),
    ],
)
def test_every_column_that_is_read_is_named(heading: str, columns: set[str]) -> None:
    part = section(NAME, f"### {heading}")
    assert {name for name in columns if f"`{name}`" not in part} == set()
