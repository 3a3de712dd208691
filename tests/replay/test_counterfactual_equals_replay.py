"""What a trade would have brought, walked in lists, is what the compiled replay says."""

import numpy as np
import pytest

from stopward.domain.attribution.counterfactual import figures
from stopward.domain.attribution.track import track_of
from stopward.domain.attribution.trade import Figure
from stopward.domain.rulebook import RuleBook, parse
from stopward.replay.attribution import Attribution, attribute
from stopward.replay.results import STILL_OPEN
from stopward.replay.run import replay
from stopward.replay.table import BarTable
from stopward.replay.terms import Conditions
from tests.builders.kernel_random import dice
from tests.builders.lived import bars_of, lived
from tests.builders.replay import a_table, some_positions

BOOK = parse(
    '[account]\nadopt = "all"\n'
    '[rules.breakeven]\narm = "0.5 r"\n'
    '[rules.ratchet]\nat_1 = "0.8 r"\nlock_1 = "0.3 r"\n'
    '[rules.chandelier]\narm = "0.6 r"\ndistance = "3 atr"\nwindow = 5\n'
    "[rules.session_flat]\nminutes = 5\n"
    '[rules.partial]\nat_1 = "0.6 r"\nfraction_1 = 0.5\n'
    "[rules.give_back]\narm_r = 0.7\nkeep = 0.5\n"
    "[rules.time_stop]\nminutes = 12\nneed_best_r = 0.4\n"
    "[rules.momentum]\nvotes = 1\n"
    "[tag.day.rules.time_stop]\nenabled = false\n"
    "[tag.day.rules.session_flat]\nenabled = false\n",
    source="test",
)


def asked(seed: int) -> tuple[Attribution, BarTable, RuleBook]:
    table = a_table(dice(seed), gaps=0.05)
    found = [p for p in some_positions(dice(seed), table, count=60) if p.initial_stop is not None]
    replayed = attribute(BOOK, lambda rules: replay(found, table, rules, Conditions()))
    return replayed, table, BOOK


def again(told: Attribution, table: BarTable, book: RuleBook, row: int) -> dict[str, Figure]:
    trade = lived(told.results, row, book, table)
    track = track_of(
        bars_of(table, trade.symbol), sessions=table.sessions, usual_volume=(), periods=book.periods
    )
    kinds = [
        book.rule_set_for(trade.symbol, trade.tags, held_overnight=overnight)
        for overnight in (False, True)
    ]
    sets = {each.digest: each for each in kinds}
    flat_tag = book.account.session_flat_tag
    return {each.rule: each for each in figures(trade, track, sets, session_flat_tag=flat_tag)}


@pytest.mark.parametrize("seed", range(4))
def test_each_figure_is_that_of_the_replay(seed: int) -> None:
    told, table, book = asked(seed)
    known = unknown = 0
    for row, _ in enumerate(told.results.positions):
        if told.results.rule(row) == STILL_OPEN:
            continue
        result = float(told.results.net_r[row])
        for rule, figure in again(told, table, book, row).items():
            if figure.because == "not_reproduced":
                # It closed nothing of the trade, so that nobody would ask.
                assert rule not in {sale.rule for sale in told.results.sales(row)}
                continue
            saved = told.saved_r[rule][row]
            if figure.without_r is None:
                unknown += 1
                assert (figure.because, np.isnan(saved)) == ("bars_end", True)
            else:
                known += 1
                assert result - float(figure.without_r) == pytest.approx(saved, abs=2e-9)
    assert known > 60
    assert unknown > 0
