"""The page of a replay: whole in one file, the same bytes again, with the trades asked for."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stopward.domain.identity import PositionId
from stopward.domain.rulebook import parse
from stopward.errors import InvalidInput
from stopward.local.html_file import check_writable, write
from stopward.local.replay.page import MOST_ROWS, page
from stopward.local.replay.trades import choose, named_trades, trade_of
from stopward.replay.results import Results
from stopward.replay.retrace import retrace
from stopward.replay.run import replay
from stopward.replay.summary import summarize
from stopward.replay.table import BarTable
from stopward.replay.terms import Conditions
from tests.builders.kernel_random import dice
from tests.builders.pictures import marks, read, title, words
from tests.builders.replay import a_table, some_positions

BOOK = parse(
    '[account]\nadopt = "all"\n[rules.breakeven]\narm = "0.5 r"\n'
    '[rules.session_flat]\nminutes = 5\n[rules.partial]\nat_1 = "0.6 r"\nfraction_1 = 0.5\n',
    source="test",
)
"""As in tests/replay/test_engine.py: the same machine code serves both."""
CONDITIONS = Conditions()
HOSTILE = '"><script src="https://example.com/x.js">1</script><img src=x onerror=1>'
FROM_OUTSIDE = re.compile(
    r"https?:|//|url\(|src=|@import|<script|<link|<img|<iframe|href|\son\w+=", re.IGNORECASE
)


def a_replay(count: int, seed: int = 1) -> tuple[Results, BarTable]:
    rng = dice(seed)
    table = a_table(rng)
    return replay(some_positions(rng, table, count=count), table, BOOK, CONDITIONS), table


def drawn(
    results: Results, table: BarTable, named: tuple[int, ...] = (), *, bars: str = "bars.csv"
) -> str:
    chosen = choose(results, named)
    traces = retrace([each.row for each in chosen], results, table, BOOK, CONDITIONS)
    trades = [trade_of(trace, results, table) for trace in traces]
    return page(
        results,
        summarize(results),
        {"p99": "hands off"},
        terms=[("bars", bars)],
        trades=list(zip(chosen, trades, strict=True)),
    )


@pytest.fixture(scope="module")
def many() -> tuple[Results, BarTable]:
    return a_replay(MOST_ROWS + 12)


def test_it_is_well_formed_and_asks_for_nothing_from_outside(
    many: tuple[Results, BarTable],
) -> None:
    text = drawn(*many)
    tree = read(text)
    assert FROM_OUTSIDE.findall(text) == []
    assert len(list(tree.iter("svg"))) == 4 + len(choose(many[0]))
    assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in tree.iter("svg"))


def test_the_same_input_is_the_same_bytes() -> None:
    assert drawn(*a_replay(20)) == drawn(*a_replay(20))


def test_hostile_ids_and_names_are_words(many: tuple[Results, BarTable]) -> None:
    results, table = many
    positions = (replace(results.positions[0], id=PositionId(HOSTILE)), *results.positions[1:])
    text = drawn(replace(results, positions=positions), table, (0,), bars=HOSTILE)
    tree = read(text)
    assert {each.tag for each in tree.iter()}.isdisjoint({"script", "img"})
    assert "<script" not in text
    assert any(HOSTILE in (each.text or "") for each in tree.iter("h3"))
    assert any(each.text == HOSTILE for each in tree.iter("td"))
    assert any(each.text == HOSTILE for each in tree.iter("dd"))


def test_figures_and_notes_are_those_of_the_table(many: tuple[Results, BarTable]) -> None:
    tree = read(drawn(*many))
    summary = summarize(many[0])
    assert tree.findtext("body/h1") == f"{len(many[0])} positions replayed"
    figures = {
        each.findtext("dt"): each.findtext("dd")
        for each in tree.iter("div")
        if each.find("dt") is not None
    }
    assert figures["share of winners"] == f"{summary.win_rate:.1%}"
    assert figures["net result"] == f"{summary.total_r:+,.2f} R, {summary.dollars:+,.2f} dollars"
    notes = [each.text or "" for each in tree.iter("p")]
    assert any("left alone, p99 because hands off" in note for note in notes)


def test_every_position_is_in_each_chart(many: tuple[Results, BarTable]) -> None:
    results, _ = many
    curve, spread, scattered, rules, *_ = read(drawn(*many)).iter("svg")
    assert f"sum of R: {results.net_r.sum():+,.2f}" in words(curve)
    told = [title(bar) for bar in spread.iter("rect") if title(bar)]
    assert sum(int(each.split(": ")[1].split()[0]) for each in told) == len(results)
    winners, losers = (
        next(int(word.split(": ")[1]) for word in words(scattered) if word.startswith(kind))
        for kind in ("R after costs above 0", "0 or below")
    )
    assert (winners, losers) == ((results.net_r > 0).sum(), (results.net_r <= 0).sum())
    shares = summarize(results).by_rule
    assert [title(bar).split(",")[0] for bar in marks(rules, "bar plain")] == [
        f"{share.rule.replace('_', ' ')}: {share.positions}" for share in shares
    ]


def test_the_table_has_the_first_positions_and_counts_the_rest(
    many: tuple[Results, BarTable],
) -> None:
    tree = read(drawn(*many))
    rows = list(tree.iter("tr"))
    assert len(rows) == 1 + MOST_ROWS
    assert rows[1][0].text == many[0].positions[0].id
    assert any("12 positions more are not shown" in (each.text or "") for each in tree.iter("p"))
    assert "not shown" not in drawn(*a_replay(3))


def test_the_trades_worth_a_look_are_chosen_and_say_why(many: tuple[Results, BarTable]) -> None:
    results, _ = many
    why = {chosen.why: chosen.row for chosen in choose(results)}
    net = results.net_r
    named = {reason: row for reasons, row in why.items() for reason in reasons.split(", ")}
    assert net[named["best"]] == net.max()
    assert net[named["worst"]] == net.min()
    given_back = results.mfe_r - results.gross_r
    assert given_back[named["gave back most"]] == given_back.max()
    assert net[named["second best"]] == sorted(net)[-2]
    assert len(why) <= 8
    assert ("stop and target in one bar" in named) == bool(results.is_ambiguous.any())


def test_one_position_is_a_page() -> None:
    results, table = a_replay(1)
    (chosen,) = choose(results)
    assert chosen.why == "best, worst, gave back most"
    tree = read(drawn(results, table))
    assert tree.findtext("body/h1") == "1 position replayed"
    assert len(list(tree.iter("svg"))) == 5


def test_a_trade_has_its_bars_and_a_few_around_them(many: tuple[Results, BarTable]) -> None:
    results, table = many
    for trace in retrace([3, 4, 5], results, table, BOOK, CONDITIONS):
        trade = trade_of(trace, results, table)
        position = results.positions[trace.row]
        first, last = trade.at[trade.entered], trade.at[trade.entered + len(trade.stops) - 1]
        assert abs(first - position.entry_at) < timedelta(days=1)
        sales = list(results.sales(trace.row))
        assert last == sales[-1].at
        assert [trade.at[sale.bar] for sale in trade.exits] == [sale.at for sale in sales]
        assert len(trade.at) <= len(trade.stops) + 10
        assert trade.at[0].utcoffset() == timedelta(hours=-5)
        for sale in trade.exits:
            assert trade.low[sale.bar] <= sale.price <= trade.high[sale.bar]


def test_named_trades_are_found_once_and_in_their_order() -> None:
    positions = a_replay(5)[0].positions
    assert named_trades("p3, p0,p3", positions, {}) == (3, 0)
    assert named_trades(None, positions, {}) == ()
    many_names = ",".join(f"x{number}" for number in range(51))
    longer = [replace(positions[0], id=PositionId(name)) for name in many_names.split(",")]
    with pytest.raises(InvalidInput, match="names 51 positions; a page shows 50 at most"):
        named_trades(many_names, longer, {})


@pytest.mark.parametrize(
    ("text", "words_of_refusal"),
    [
        ("p1,nobody", 'no position is called "nobody"'),
        ("", 'no position is called ""'),
        ("p9", '"p9" is left alone: its tag is hands-off'),
    ],
)
def test_a_trade_that_is_not_there_is_refused(text: str, words_of_refusal: str) -> None:
    positions = a_replay(5)[0].positions
    with pytest.raises(InvalidInput, match=words_of_refusal):
        named_trades(text, positions, {"p9": "its tag is hands-off"})


def test_a_page_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="that is a folder"):
        check_writable(tmp_path)
    with pytest.raises(InvalidInput, match="there is no folder"):
        check_writable(tmp_path / "nowhere" / "page.html")
    with pytest.raises(InvalidInput, match="cannot be written"):
        write("page", tmp_path)
