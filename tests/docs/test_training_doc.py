"""docs/training.md: its gates, verdicts and numbers are those of the code, its file can be read."""

import re
from pathlib import Path
from typing import get_args

from stopward.local.model.trade_file import read_trades
from stopward.local.model.training import CODES
from stopward.training import candidates, leaks, minimum, parity, splits, threshold, weights
from stopward.training.judge import judge
from stopward.training.parity import Parity
from stopward.training.verdict import Evidence, Judged
from tests.builders.data import a_file
from tests.builders.simulated_trades import some_trades
from tests.docs.pages import ROOT, blocks, section

NAME = "docs/training.md"
ROW = re.compile(r"^\| `(\w+)` \|.*\| `(\w+)` \|$", re.MULTILINE)
TEXT = (ROOT / NAME).read_text(encoding="utf-8")


def test_the_file_that_is_shown_can_be_read(tmp_path: Path) -> None:
    (shown,) = blocks(NAME, "csv")
    found = read_trades(a_file(tmp_path, *shown.splitlines()))
    assert found.names == ("atr_percent", "relative_volume")
    assert len(found) == 2


def test_the_gates_are_those_of_the_code_in_their_order() -> None:
    found = judge(some_trades(120, features=3), folds=4, draws=20)
    assert isinstance(found, Evidence)
    last = parity.gate(Parity(rows=0, worst=0.0, flips=0, invalid=0))
    told = ROW.findall(section(NAME, "## The gates"))
    assert [name for name, _ in told] == [gate.name for gate in (*found.gates, last)]
    assert {verdict for _, verdict in told} == set(get_args(Judged)) - {"published"}


def test_the_exit_codes_are_those_of_the_command() -> None:
    told = section(NAME, "## The gates")
    for verdict, code in CODES.items():
        assert f"`{verdict}` with {int(code)}" in told
    (well,) = re.findall(r"^(.*) end with exit code 0", told, re.MULTILINE)
    verdicts = {*get_args(Judged), "not_enough_trades"}
    assert set(re.findall(r"`(\w+)`", well)) == verdicts - set(CODES)


def test_the_numbers_are_those_of_the_code() -> None:
    for words in (
        f"{minimum.LEAST_TRADES} trades, an effective number of {minimum.LEAST_EFFECTIVE_N:.0f}, "
        f"{minimum.LEAST_OF_A_CLASS} winners and {minimum.LEAST_OF_A_CLASS} losers",
        f"{weights.HALF_LIFE:,} trades later a trade counts half, "
        f"{weights.REMEMBERED:,} later nothing",
        f"an effective number of {candidates.BOOSTING_FROM:,.0f} on",
        f"under {candidates.FEW_TRADES} trades at most {candidates.MOST_FEATURES}",
        f"{splits.HOLDING * 100:.0f}th percentile of holding",
        f"an area over {leaks.MOST_AUC} in either direction",
        f"over {parity.LEAST_ROWS:,} rows and more the graph differs by 1e-5 at most",
        f"if {threshold.PRIOR_TRADES} more",
    ):
        assert words in TEXT, words
    assert parity.MOST_DIFFERENCE == 1e-5
    assert (splits.FOLDS, len(candidates.STRENGTHS)) == (5, 4)
