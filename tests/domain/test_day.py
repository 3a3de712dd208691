"""The account's day: sums over positions, the peak, the lock, what a person is told."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.adoption import ENTRY_UNKNOWN
from stopward.domain.day import DayNow, after_fills, after_trade, day_now, is_carried, notices
from stopward.domain.fills import fold_fills
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.position import Position
from stopward.domain.reconcile import close_trade
from stopward.domain.rulebook.settings import Limits, LossStreak
from stopward.domain.snapshot import DayRow, TradeRow
from stopward.rules.codes import DAY_LOSS, DAY_PROFIT
from stopward.rules.kernel import propose
from stopward.rules.parameters import DayLoss, DayProfit, Rules
from tests.builders.kernel import NOTHING, a_bar, a_state
from tests.builders.positions import AAPL, NOW, OPEN, SESSION, a_fill, a_position, d, minute

MSFT = Symbol("MSFT")
DAY = DayRow(session_day="2024-01-03", equity=d(100_000))


def a_trade(result: str, r: float = 0.0, *, minutes: int = 0) -> TradeRow:
    return TradeRow(
        position_id=PositionId("p"),
        symbol=AAPL,
        closed_at=NOW + timedelta(minutes=minutes),
        exit_price=d(100),
        result=d(result),
        result_r=r,
        mae_r=0.0,
        mfe_r=0.0,
        cause="stop",
    )


def now(row: DayRow, *positions: Position, **prices: str) -> DayNow:
    known = {Symbol(name): d(price) for name, price in prices.items()}
    return day_now(row, positions, known, session=SESSION, halted=False)


class TestSums:
    def test_open_results_count_from_the_entry(self) -> None:
        short = a_position("short", 50, symbol=MSFT)
        day = now(DAY, a_position(), short, AAPL="101", MSFT="98")
        assert day.account.day_r == pytest.approx(0.5 + 1.0)
        assert day.account.day_fraction == pytest.approx(200 / 100_000)

    def test_what_is_realised_counts_once(self) -> None:
        part = a_position(quantity=50, initial_quantity=100, realised="200", closed_quantity=50)
        day = now(DAY, part, AAPL="100")
        assert day.account.day_r == pytest.approx(1.0)
        row = after_trade(DAY, a_trade("200", 1.0))
        assert now(row).account.day_r == pytest.approx(1.0)
        assert row.realised == 200

    def test_without_equity_there_is_no_fraction(self) -> None:
        for equity in (None, d(0), d(-5)):
            day = now(replace(DAY, equity=equity), a_position(), AAPL="90")
            assert day.account.day_fraction == 0.0

    def test_a_halt_is_passed_on(self) -> None:
        for halted in (True, False):
            day = day_now(DAY, [], {}, session=SESSION, halted=halted)
            assert day.account.halted == float(halted)

    def test_losses_in_a_row_are_passed_on(self) -> None:
        assert now(replace(DAY, losses=2)).account.losses == 2.0


class TestPeak:
    def test_it_is_the_highest_sum_seen(self) -> None:
        day = now(DAY, a_position(), AAPL="104")
        assert day.row.peak_r == day.account.peak_r == pytest.approx(2.0)
        later = now(day.row, a_position(), AAPL="101")
        assert later.row.peak_r == pytest.approx(2.0)

    def test_it_waits_for_a_price_that_is_missing(self) -> None:
        loser, winner = a_position(), a_position(symbol=MSFT)
        day = now(DAY, loser, winner, MSFT="104")
        assert day.row.peak_r == 0.0
        assert math.isnan(day.account.peak_r)

    def test_a_missing_winner_is_no_profit_given_back(self) -> None:
        rules = Rules(day_profit=DayProfit(3.0, 0.4))
        row = replace(DAY, peak_r=5.0)
        winner = a_position()
        blind = now(row, winner).account
        assert propose(a_state(), a_bar(100.0), blind, rules).exit_quantity == 0.0
        seen = now(row, winner, AAPL="102").account
        assert propose(a_state(), a_bar(100.0), seen, rules).exit_quantity == 100.0

    def test_a_loser_that_is_gone_but_not_yet_written_makes_no_peak(self) -> None:
        winner = a_position(symbol=MSFT)
        before = now(DAY, a_position(), winner, AAPL="98", MSFT="106")
        assert before.row.peak_r == pytest.approx(2.0)
        gone = a_position(quantity=0, initial_quantity=100, realised="-200", closed_quantity=100)
        later = now(before.row, gone, winner, MSFT="106")
        assert later.account.day_r == later.account.peak_r == pytest.approx(2.0)


class TestOvernight:
    SWING = a_position(opened_at=OPEN - timedelta(days=5), adopted_at=OPEN - timedelta(days=5))

    def test_an_old_loss_is_not_of_today(self) -> None:
        rules = Rules(day_loss=DayLoss(0.02, 3.0, 1.0, NOTHING))
        swings = [replace(self.SWING, symbol=Symbol(name)) for name in ("A", "B", "C", "D")]
        day = now(DAY, *swings, A="98.22", B="98.22", C="98.22", D="98.22")
        assert (day.account.day_r, day.account.day_fraction, day.row.peak_r) == (0, 0, 0)
        assert propose(a_state(), a_bar(98.22), day.account, rules).exit_quantity == 0.0

    def test_neither_is_an_old_win_and_its_price_need_not_be_known(self) -> None:
        day = now(DAY, self.SWING, a_position(symbol=MSFT), MSFT="102")
        assert day.account.day_r == day.account.peak_r == pytest.approx(1.0)

    def test_what_was_bought_before_the_open_is_of_today(self) -> None:
        early = a_position(opened_at=OPEN - timedelta(minutes=15))
        assert now(DAY, early, AAPL="98").account.day_r == pytest.approx(-1.0)

    def test_of_unknown_age_is_overnight(self) -> None:
        assert is_carried(a_position(flags=(ENTRY_UNKNOWN,)), SESSION)
        assert is_carried(a_position(flags=(ENTRY_UNKNOWN,)), None)
        assert not is_carried(self.SWING, None)

    def test_its_end_waits_for_the_trade_without_a_peak(self) -> None:
        gone = replace(self.SWING, quantity=d(0), realised=d(-200), closed_quantity=d(100))
        day = now(DAY, gone, a_position(symbol=MSFT), MSFT="102")
        assert day.row.peak_r == 0.0
        assert math.isnan(day.account.peak_r)

    def test_each_fill_counts_on_its_own_day_and_the_streak_by_the_trade(self) -> None:
        start = replace(self.SWING, fees_per_share=d("0.01"))
        sold = fold_fills(start, [a_fill(50, "104", at=minute(1))])
        first = after_fills(DAY, start, sold.position, None, session=SESSION)
        assert (first.realised, first.realised_r) == (d("199.50"), pytest.approx(0.9975))
        rest = fold_fills(sold.position, [a_fill(50, "95", at=minute(2))])
        trade = close_trade(rest, {}, now=NOW)
        morrow = after_fills(DAY, sold.position, rest.position, trade, session=SESSION)
        assert morrow.realised == d("-250.50")
        assert first.realised + morrow.realised == trade.result
        assert (morrow.losses, morrow.last_loss_at) == (1, trade.closed_at)

    def test_a_trade_of_today_counts_whole_and_once(self) -> None:
        start = a_position()
        sold = fold_fills(start, [a_fill(50, "104", at=minute(1))])
        row = after_fills(DAY, start, sold.position, None, session=SESSION)
        assert row == DAY
        rest = fold_fills(sold.position, [a_fill(50, "95", at=minute(2))])
        trade = close_trade(rest, {}, now=NOW)
        row = after_fills(row, sold.position, rest.position, trade, session=SESSION)
        assert (row.realised, row.realised_r) == (-50, pytest.approx(-0.25))


class TestLock:
    @pytest.mark.parametrize(
        ("locked_by", "code"), [(None, 0.0), ("day_loss", DAY_LOSS), ("day_profit", DAY_PROFIT)]
    )
    def test_the_rules_are_told_who_locked(self, locked_by: str | None, code: float) -> None:
        assert now(replace(DAY, locked_by=locked_by)).account.locked == code

    def test_a_word_that_nobody_knows_locks_them_all(self) -> None:
        account = now(replace(DAY, locked_by="a rule of next year")).account
        for rules in (
            Rules(day_loss=DayLoss(0.02, 3.0, 1.0, NOTHING)),
            Rules(day_profit=DayProfit(3.0, 0.4)),
        ):
            assert propose(a_state(), a_bar(100.0), account, rules).exit_quantity == 100.0

    def test_a_day_locked_in_profit_does_not_tighten_for_a_loss(self) -> None:
        account = now(replace(DAY, locked_by="day_profit")).account
        rules = Rules(day_loss=DayLoss(0.02, 3.0, 1.0, NOTHING))
        assert propose(a_state(), a_bar(100.0), account, rules).exit_quantity == 0.0


class TestTrades:
    def test_a_loss_extends_the_streak_and_a_win_ends_it(self) -> None:
        row = after_trade(after_trade(DAY, a_trade("-1")), a_trade("-2", -0.5, minutes=3))
        assert (row.losses, row.last_loss_at) == (2, NOW + timedelta(minutes=3))
        assert after_trade(row, a_trade("0")).losses == 2
        won = after_trade(row, a_trade("5", 1.0, minutes=9))
        assert (won.losses, won.realised, won.realised_r) == (0, 2, 0.5)
        assert won.last_loss_at == NOW + timedelta(minutes=3)


class TestNotices:
    LIMITS = Limits(day_loss=DayLoss(0.02, 3.0, 1.0, NOTHING))

    def test_a_warning_is_told_while_it_holds_under_the_key_of_its_share(self) -> None:
        row, told = DAY, []
        for price in ("99", "95.5", "95.5", "95.2", "94.5", "94.5", "99", "94.5"):
            day = now(row, a_position(), AAPL=price)
            row, alarms = notices(day.row, day.account, self.LIMITS, now=NOW)
            told.append([alarm.key for alarm in alarms])
        assert told == [
            [],
            ["day_loss_near:2024-01-03:0.75"],
            ["day_loss_near:2024-01-03:0.75"],
            ["day_loss_near:2024-01-03:0.75"],
            ["day_loss_near:2024-01-03:0.9"],
            ["day_loss_near:2024-01-03:0.9"],
            [],
            ["day_loss_near:2024-01-03:0.9"],
        ]

    def test_the_nearer_of_money_and_r_counts(self) -> None:
        big = a_position(quantity=1000)
        day = now(DAY, big, AAPL="98.4")
        _, alarms = notices(day.row, day.account, self.LIMITS, now=NOW)
        assert [alarm.key for alarm in alarms] == ["day_loss_near:2024-01-03:0.75"]

    def test_without_a_limit_nothing_is_told(self) -> None:
        day = now(DAY, a_position(), AAPL="50")
        assert notices(day.row, day.account, Limits(), now=NOW) == (day.row, ())

    @pytest.mark.parametrize(
        ("losses", "minutes", "words"),
        [
            (2, 0, None),
            (3, 0, "no new entries before"),
            (3, 29, "no new entries before"),
            (3, 30, None),
            (5, 90, "the day is over"),
        ],
    )
    def test_a_streak_asks_for_a_rest(self, losses: int, minutes: int, words: str | None) -> None:
        limits = Limits(loss_streak=LossStreak(3.0, 30.0, 5.0))
        row = replace(DAY, losses=losses, last_loss_at=NOW)
        at = NOW + timedelta(minutes=minutes)
        after, alarms = notices(row, now(row).account, limits, now=at)
        assert after == row
        assert [words in alarm.message for alarm in alarms if words] == ([True] if words else [])
        assert len(alarms) == (0 if words is None else 1)
        assert all(alarm.severity == "notice" for alarm in alarms)


RESULTS = st.lists(st.integers(-500, 500), max_size=12)


@given(RESULTS)
def test_the_day_is_the_sum_of_its_trades_whatever_their_order(results: list[int]) -> None:
    row = DAY
    for result in results:
        row = after_trade(row, a_trade(str(result), result / 200))
    assert row.realised == sum(results)
    assert row.realised_r == pytest.approx(sum(results) / 200)
    streak = 0
    for result in results:
        streak = streak + 1 if result < 0 else streak if result == 0 else 0
    assert row.losses == streak


@given(st.lists(st.integers(9000, 11000), min_size=1, max_size=10))
def test_the_peak_never_falls(cents: list[int]) -> None:
    row, peaks = DAY, [0.0]
    for price in cents:
        row = now(row, a_position(), AAPL=str(Decimal(price) / 100)).row
        peaks.append(row.peak_r)
    assert peaks == sorted(peaks)
    assert peaks[-1] == pytest.approx(max(0.0, (max(cents) / 100 - 100) / 2))
