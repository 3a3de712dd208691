"""Fold the new bars, sum the day, and decide about every position. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite

from stopward.domain.day import day_now, notices
from stopward.domain.decide import Verdict, decide, settled_by, with_one_zero
from stopward.domain.decision import Circumstances, Decision
from stopward.domain.identity import Symbol
from stopward.domain.market import Quote
from stopward.domain.measured import measured_in
from stopward.domain.money import decimal_of
from stopward.domain.position import HAND_LOOSENED, Position
from stopward.domain.reasons import reasons_of
from stopward.domain.rulebook import masked
from stopward.domain.snapshot import (
    Alarm,
    DayRow,
    DecisionRow,
    SymbolState,
    ViewRow,
)
from stopward.domain.split import symbol_after_split
from stopward.domain.view import (
    MINUTE,
    BarContext,
    bar_for,
    context_of,
    fold_position,
    fold_symbol,
    pulse,
)
from stopward.rules.codes import RULE_VERSION, fired_rules
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN, Account, Bar
from stopward.services.guard.bench import Bench
from stopward.services.guard.subject import (
    CROSSED_FLAG,
    Beliefs,
    Subject,
    crossed,
    exit_price,
    with_hits,
)

FRESH_BAR = timedelta(seconds=60)
"""A closed bar is decided on while it is younger than this; later the quote tells more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One position after the tick's decision. `decision` is None when nothing could be decided."""

    subject: Subject
    decision: Decision | None = None
    verdict: Verdict | None = None
    bar: Bar | None = None
    row: DecisionRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All decisions of a tick and what is to be stored beside them."""

    judged: tuple[Judged, ...]
    symbols: tuple[SymbolState, ...]
    views: tuple[ViewRow, ...]
    day: DayRow
    account: Account
    alarms: tuple[Alarm, ...]
    rules: Mapping[Symbol, Rules] = field(default_factory=dict)


def judge(bench: Bench, beliefs: Beliefs) -> Judgement:
    """Return what to do about every position, and the symbols, views and day to be stored.

    Outside the session nothing is decided: stops rest, arming goes on.
    """
    symbols, contexts = _fold_symbols(bench, beliefs)
    rules = {each.position.symbol: bench.rules_for(each.position) for each in beliefs.subjects}
    prepared = [_fold(bench, subject, contexts, rules) for subject in beliefs.subjects]
    prices = {
        subject.position.symbol: p
        for subject, bar in prepared
        if (p := _price(bench, subject, bar, symbols[subject.position.symbol])) is not None
    }
    now = day_now(
        beliefs.day,
        (*(subject.position for subject, _ in prepared), *beliefs.aside, *beliefs.gone),
        {**prices, **_prices_aside(bench, beliefs)},
        session=bench.session,
        halted=bench.snapshot.account.halted,
    )
    day, alarms = notices(now.row, now.account, bench.book.limits, now=bench.now)
    account = with_one_zero(now.account)
    judged = [
        _judge_one(bench, subject, bar, symbols, account, rules=rules[subject.position.symbol])
        for subject, bar in prepared
    ]
    if day.locked_by is None and (locked_by := _locking(judged)) is not None:
        day = replace(day, locked_by=locked_by)
    return Judgement(
        judged=tuple(judged),
        symbols=tuple(
            state
            for symbol, state in symbols.items()
            if state != bench.snapshot.symbols.get(symbol)
        ),
        views=_views(bench, judged, symbols),
        day=day,
        account=account,
        alarms=alarms,
        rules=rules,
    )


def _locking(judged: Sequence[Judged]) -> str | None:
    """Return the day limit that was reached, whether it closes or tightens; None when none was."""
    for each in judged:
        if each.verdict is None:
            continue
        for rule in fired_rules(each.verdict.proposal.fired):
            if rule in ("day_loss", "day_profit"):
                return rule
    return None


def _fold_symbols(
    bench: Bench, beliefs: Beliefs
) -> tuple[dict[Symbol, SymbolState], dict[Symbol, tuple[BarContext, ...]]]:
    # Also of what was closed or is left alone: the next position in it must not see old prices.
    known = bench.snapshot.symbols
    symbols = {s: symbol_after_split(known[s], r) for s, r in beliefs.splits.items() if s in known}
    contexts: dict[Symbol, tuple[BarContext, ...]] = {}
    for subject in beliefs.subjects:
        symbol = subject.position.symbol
        state = symbols.get(symbol, known.get(symbol, SymbolState(symbol=symbol)))
        if bench.session is not None:
            state, contexts[symbol] = fold_symbol(
                state,
                bench.market.bars.get(symbol, ()),
                session=bench.session,
                session_number=float(date.fromisoformat(bench.session.day).toordinal()),
                usual_volume=bench.snapshot.usual_volume.get(symbol, NAN),
                periods=bench.book.periods,
            )
        symbols[symbol] = state
    return symbols, contexts


def _fold(
    bench: Bench,
    subject: Subject,
    contexts: Mapping[Symbol, tuple[BarContext, ...]],
    rules: Mapping[Symbol, Rules],
) -> tuple[Subject, Bar | None]:
    """Return the subject after its new bars, and the last of them while it is fresh."""
    symbol = subject.position.symbol
    position, last = fold_position(subject.position, contexts.get(symbol, ()), rules[symbol])
    if last is None:
        return subject, None
    subject = replace(subject, position=position)
    if bench.tick_at - (last.at + MINUTE) >= FRESH_BAR:
        return subject, None
    return subject, last.bar


def _price(bench: Bench, subject: Subject, bar: Bar | None, state: SymbolState) -> Decimal | None:
    """Return the price that the day counts the position at; None when none was ever seen.

    The fresh close, else the quote's, else the last close: a quote that fails for a moment must not
    look like profit given back.
    """
    if bar is not None:
        return decimal_of(bar.close)
    quote = bench.market.usable(subject.position.symbol)
    if quote is not None:
        return exit_price(quote, subject.position)
    return decimal_of(state.carry.close) if isfinite(state.carry.close) else None


def _prices_aside(bench: Bench, beliefs: Beliefs) -> dict[Symbol, Decimal]:
    """Return quotes for what is set aside; its bars are not folded, so there is no last close."""
    quotes = ((position, bench.market.usable(position.symbol)) for position in beliefs.aside)
    return {p.symbol: exit_price(quote, p) for p, quote in quotes if quote is not None}


def _judge_one(
    bench: Bench,
    subject: Subject,
    fresh: Bar | None,
    symbols: Mapping[Symbol, SymbolState],
    account: Account,
    *,
    rules: Rules,
) -> Judged:
    position = subject.position
    if not bench.in_session or bench.session is None or subject.exit is not None:
        return Judged(subject=subject)
    rules = masked(rules, bench.mask)
    quote = bench.market.usable(position.symbol)
    bar = with_one_zero(_bar(bench, position, fresh, symbols[position.symbol], quote, rules=rules))
    usable = fresh is not None or quote is not None
    verdict = decide(position, bar, account, rules, usable=usable)
    circumstances = _circumstances(bench, subject)
    decision = settled_by(
        verdict, quote, covered=circumstances.covered, crossed=circumstances.crossed
    )
    subject = crossed(subject, verdict, quote, covered=circumstances.covered)
    subject = with_hits(subject, verdict.proposal.hits)
    row = DecisionRow(
        position_id=position.id,
        symbol=position.symbol,
        tick_at=bench.tick_at,
        source=bench.source,
        decision=decision,
        state=verdict.state,
        account=tuple(account),
        fired=verdict.proposal.fired,
        reasons=reasons_of(verdict, bar, account),
        price=bar.close,
        rules_hash=bench.book.hash,
        rule_version=RULE_VERSION,
        mask=bench.mask,
        closed_bar=bar.closed > 0,
        measured=measured_in(rules),
        circumstances=circumstances,
    )
    return Judged(subject=subject, decision=decision, verdict=verdict, bar=bar, row=row)


def _bar(
    bench: Bench,
    position: Position,
    fresh: Bar | None,
    state: SymbolState,
    quote: Quote | None,
    *,
    rules: Rules,
) -> Bar:
    """Return the bar to decide on: the fresh closed one, else a pulse at the exit price now."""
    to_close = NAN if bench.session is None else bench.session.minutes_to_close(bench.tick_at)
    spread = NAN if quote is None else float(quote.ask - quote.bid)
    if fresh is not None:
        return fresh._replace(to_close=to_close, spread=spread)
    if bench.session is None:
        return Bar(*([NAN] * len(Bar._fields)))
    context = context_of(
        state, session=bench.session, now=bench.tick_at, periods=bench.book.periods
    )
    price = NAN if quote is None else float(exit_price(quote, position))
    return pulse(bar_for(context, rules), price, to_close=to_close, spread=spread)


def _circumstances(bench: Bench, subject: Subject) -> Circumstances:
    position = subject.position
    return Circumstances(
        rule_set=bench.rule_set_for(position).digest,
        hand_loosened=HAND_LOOSENED in position.flags,
        covered=_is_covered(subject),
        crossed=CROSSED_FLAG in position.flags,
    )


def _is_covered(subject: Subject) -> bool:
    side = subject.position.side
    return subject.holding.covered_quantity(side) >= subject.position.quantity


def _views(
    bench: Bench, judged: Sequence[Judged], symbols: Mapping[Symbol, SymbolState]
) -> tuple[ViewRow, ...]:
    """Return the market as it was decided on, once a symbol."""
    rows = []
    for each in judged:
        if each.bar is None:
            continue
        symbol = each.subject.position.symbol
        quote = bench.market.quotes.get(symbol)
        rows.append(
            ViewRow(
                symbol=symbol,
                quote_at=None if quote is None else quote.at,
                bid=None if quote is None else quote.bid,
                ask=None if quote is None else quote.ask,
                feed="" if quote is None else quote.feed,
                bar_at=symbols[symbol].bar_at,
                bar=tuple(each.bar),
                fault=bench.market.faults.get(symbol),
            )
        )
    return tuple(rows)
