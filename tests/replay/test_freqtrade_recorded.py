"""Random trades that freqtrade 2026.9 itself was asked about: the same bar, price and reason.

freqtrade_2026_9.json holds settings, bars in cents from the entry bar on, and what that backtest
answered: the number of the bar, the price, the reason. Signals came on the bar before the first.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from stopward.domain.freqtrade import parse_freqtrade
from tests.builders.freqtrade import walked_there

RECORDED = json.loads((Path(__file__).parent / "freqtrade_2026_9.json").read_text(encoding="utf-8"))
REASONS = {
    "stop_loss": "stop",
    "trailing_stop_loss": "percent_trail",
    "roi": "aged_target",
    "force_exit": "none",
}


@pytest.mark.parametrize("number", range(0, len(RECORDED), 10))
def test_ten_trades_leave_as_they_did_there(number: int) -> None:
    for trade in RECORDED[number : number + 10]:
        bars = [tuple(cents / 100 for cents in bar) for bar in trade["bars"]]
        bar, cents, reason = trade["left"]
        left = walked_there(
            bars,
            parse_freqtrade(json.dumps(trade["settings"]), source="recorded").rules,
            side=float(trade["side"]),
            entry=bars[0][0],
            bar_minutes=float(trade["minutes"]),
        ).left
        assert left == (bar, cents / 100, REASONS[reason]), trade


def test_both_sides_and_every_reason_were_recorded() -> None:
    count = Counter((trade["side"], trade["left"][2]) for trade in RECORDED)
    assert len(RECORDED) == 280
    assert set(count) == {(side, reason) for side in (1, -1) for reason in REASONS}
    assert min(count.values()) >= 10
