"""Random rules, positions and markets for properties of the kernel; same seed, same numbers.

Single bars and positions lie on a grid of 1/64, so that mirroring them is exact in floats. Markets
are in cents, as real ones are.
"""

from random import Random

from stopward.rules.columns import Bars, Entries
from stopward.rules.parameters import (
    ATR,
    PERCENT,
    PRICE,
    TICKS,
    AdverseExcursion,
    AgedTarget,
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    DayLoss,
    DayProfit,
    Distance,
    FollowTargets,
    GiveBack,
    ModelTighten,
    Momentum,
    Partial,
    PercentTrail,
    R,
    Ratchet,
    Rules,
    SessionFlat,
    Target,
    TimeStop,
    Volume,
)
from stopward.rules.types import NAN, Account, Bar, State

GRID = 64.0
SCALE = {R: 1.0, PERCENT: 1.0, ATR: 4.0, TICKS: 64.0, PRICE: 1.0}
"""Units about as large as one R of the positions below."""


def dice(seed: int) -> Random:
    """Return a seeded generator of test data."""
    return Random(seed)  # noqa: S311  nothing here is a secret


def eighths(rng: Random, low: float, high: float) -> float:
    """Return a number from a grid of 1/8."""
    return float(rng.randint(int(low * 8), int(high * 8))) / 8.0


def a_distance(rng: Random, low: float, high: float) -> Distance:
    """Return a distance of about that many R, in any unit; now and then one that is not used."""
    unit = rng.choice(list(SCALE))
    value = NAN if rng.random() < 0.05 else eighths(rng, low, high) * SCALE[unit]
    return Distance(value, unit)


def all_rules(rng: Random) -> Rules:
    """Return every rule, with parameters of its own."""
    steps = sorted(eighths(rng, 0.25, 5) for _ in range(4))
    targets = [Distance(step, R) for step in sorted(eighths(rng, 0.5, 4) for _ in range(3))]
    return Rules(
        day_loss=DayLoss(0.02, 3.0, float(rng.random() < 0.5), Distance(0.5, R)),
        day_profit=DayProfit(3.0, 0.4),
        session_flat=SessionFlat(10.0),
        adverse_excursion=AdverseExcursion(eighths(rng, 0.25, 1), 40.0, 30.0),
        give_back=GiveBack(eighths(rng, 0.5, 2), 0.5, eighths(rng, 2, 4), 0.75),
        time_stop=TimeStop(float(rng.randint(5, 40)), rng.choice([NAN, 0.25, 0.5])),
        momentum=Momentum(float(rng.randint(1, 3)), eighths(rng, 0, 2)),
        volume=Volume(0.5, float(rng.randint(1, 4))),
        target=Target(a_distance(rng, 1, 4), float(rng.random() < 0.5)),
        aged_target=AgedTarget(eighths(rng, 2, 4), 20.0, eighths(rng, 1, 2), 40.0, 0.5),
        partial=Partial(
            targets[0], 0.5, targets[1], 0.25, rng.choice([targets[2], Distance(NAN, R)]), 0.125
        ),
        breakeven=Breakeven(a_distance(rng, 0.25, 2), Distance(eighths(rng, 0, 0.5), R)),
        ratchet=Ratchet(
            steps[0], steps[0] - 0.5, steps[1], steps[1] - 0.5, steps[2], steps[2] - 0.25, NAN, NAN
        ),
        chandelier=Chandelier(
            a_distance(rng, 0, 2), a_distance(rng, 0.5, 3), float(rng.choice([0, 5]))
        ),
        percent_trail=PercentTrail(
            a_distance(rng, 0, 2),
            a_distance(rng, 0.5, 2),
            a_distance(rng, 2, 4),
            a_distance(rng, 0.25, 1),
        ),
        bar_trail=BarTrail(a_distance(rng, 0, 2), Distance(eighths(rng, 0, 4), TICKS), 5.0),
        average_trail=AverageTrail(a_distance(rng, 0, 2), a_distance(rng, 0, 1)),
        follow_targets=FollowTargets(*targets),
        model_tighten=ModelTighten(
            0.5, a_distance(rng, 0.125, 2), rng.choice([NAN, 0.25, 0.25, 0.75])
        ),
    )


def only(rules: Rules, names: frozenset[str]) -> Rules:
    """Return the rules with all but the named ones off."""
    return Rules(*(getattr(rules, name) if name in names else None for name in Rules._fields))


def some_rules(rng: Random) -> Rules:
    """Return a random set of rules."""
    names = frozenset(name for name in Rules._fields if rng.random() < 0.5)
    return only(all_rules(rng), names)


def on_grid(rng: Random, low: float, high: float) -> float:
    """Return a price from the grid."""
    return float(rng.randint(int(low * GRID), int(high * GRID))) / GRID


def a_random_state(rng: Random, side: float = 1.0) -> State:
    """Return a position somewhere in its life, on the grid; R is about 1 dollar at 100."""
    entry = on_grid(rng, 90, 110)
    risk = on_grid(rng, 0.5, 2)
    initial = float(rng.choice([1, 7, 100]))
    lot = rng.choice([1.0, 0.125])
    return State(
        side=side,
        entry=entry,
        risk=risk,
        quantity=min(initial, float(rng.randint(1, 100))),
        initial_quantity=initial,
        lot=lot,
        per_unit=GRID,
        stop=entry - side * on_grid(rng, -1, 2),
        target=rng.choice([NAN, entry + side * on_grid(rng, 0.5, 4)]),
        best=entry + side * on_grid(rng, 0, 4),
        worst=entry - side * on_grid(rng, 0, 2),
        age=float(rng.randint(0, 60)),
        quiet=float(rng.randint(0, 4)),
        reversed=float(rng.random() < 0.3),
        partials=float(rng.choice([0, 0, 1, 2])),
        hits=float(rng.choice([0, 0, 1, 2])),
        fees=rng.choice([0.0, 0.0078125]),
        entry_volume=NAN,
        pending=0.0,
        pending_rule=0.0,
    )


def a_random_bar(rng: Random, around: float, *, closed: float = 1.0) -> Bar:
    """Return a bar near a price, on the grid; any number but the prices may be missing."""

    def known(number: float) -> float:
        return NAN if rng.random() < 0.1 else number

    close = around + on_grid(rng, -3, 4)
    open_ = close + on_grid(rng, -0.5, 0.5)
    high = max(open_, close) + on_grid(rng, 0, 0.5)
    low = min(open_, close) - on_grid(rng, 0, 0.5)
    return Bar(
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=float(rng.randint(0, 9999)),
        minutes=1.0,
        to_close=known(float(rng.randint(0, 120))),
        spread=known(on_grid(rng, 0, 0.25)),
        atr=known(on_grid(rng, 0.125, 0.5)),
        rsi=known(eighths(rng, 30, 70)),
        macd=known(eighths(rng, -1, 1)),
        signal=known(eighths(rng, -1, 1)),
        macd_before=known(eighths(rng, -1, 1)),
        signal_before=known(eighths(rng, -1, 1)),
        vwap=known(close + on_grid(rng, -1, 1)),
        relative_volume=known(eighths(rng, 0, 2)),
        average=known(close + on_grid(rng, -1, 1)),
        highest=known(high + on_grid(rng, 0, 1)),
        lowest=known(low - on_grid(rng, 0, 1)),
        trail_high=known(high + on_grid(rng, 0, 0.5)),
        trail_low=known(low - on_grid(rng, 0, 0.5)),
        closed=closed,
        at_entry=0.0,
    )


def a_random_account(rng: Random) -> Account:
    """Return a day in which a limit may be near."""
    return Account(
        day_r=eighths(rng, -4, 4),
        day_fraction=rng.choice([NAN, eighths(rng, -3, 3) / 128.0]),
        peak_r=eighths(rng, 0, 5),
        losses=0.0,
        locked=float(rng.choice([0, 0, 0, 1, 2, 3])),
        halted=float(rng.random() < 0.1),
    )


def a_market(rng: Random, *, symbols: int, length: int) -> Bars:
    """Return columns of closed bars in cents, symbol after symbol, gaps and holes included."""
    columns: dict[str, list[float]] = {name: [] for name in Bars._fields}
    for _ in range(symbols):
        close = float(rng.randint(2000, 20000)) / 100.0
        swing = close * 0.004
        for at in range(length):
            gap = rng.gauss(0.0, swing * (4.0 if rng.random() < 0.03 else 0.1))
            open_ = round(close + gap, 2)
            close = round(max(open_ + rng.gauss(0.0, swing), 1.0), 2)
            high = round(max(open_, close) + abs(rng.gauss(0.0, swing / 3)), 2)
            low = round(min(open_, close) - abs(rng.gauss(0.0, swing / 3)), 2)
            row = {
                "open": open_,
                "high": high,
                "low": low,
                "close": close,
                "volume": float(rng.randint(0, 9999)),
                "minutes": 1.0,
                "to_close": float(length - at),
                "spread": rng.choice([0.01, 0.02, 0.05]),
                "atr": swing * rng.uniform(0.8, 1.5),
                "rsi": rng.uniform(20, 80),
                "macd": rng.gauss(0.1, 0.2),
                "signal": rng.gauss(0.0, 0.1),
                "macd_before": rng.gauss(0.1, 0.2),
                "signal_before": rng.gauss(0.0, 0.1),
                "vwap": close + rng.gauss(0.0, swing),
                "relative_volume": rng.uniform(0.2, 1.2),
                "average": close + rng.gauss(0.0, swing),
                "highest": high + abs(rng.gauss(0.0, swing)),
                "lowest": low - abs(rng.gauss(0.0, swing)),
                "trail_high": high + abs(rng.gauss(0.0, swing / 2)),
                "trail_low": low - abs(rng.gauss(0.0, swing / 2)),
            }
            for name, number in row.items():
                hole = name not in {"open", "high", "low", "close"} and rng.random() < 0.02
                columns[name].append(NAN if hole else number)
    return Bars(**columns)


def some_entries(rng: Random, bars: Bars, *, symbols: int, length: int, rows: int) -> Entries:
    """Return positions that start anywhere in the market, long and short, some with a target."""
    columns: dict[str, list[float]] = {name: [] for name in Entries._fields}
    for _ in range(rows):
        symbol = rng.randrange(symbols)
        start = symbol * length + rng.randrange(length - 10)
        entry = bars.open[start]
        side = rng.choice([1.0, -1.0])
        risk = round(entry * rng.uniform(0.005, 0.02), 2)
        lot = rng.choice([1.0, 1.0, 1e-9])
        row = {
            "side": side,
            "entry": entry,
            "risk": risk,
            "quantity": float(rng.choice([1, 3, 100, 250])),
            "lot": lot,
            "per_unit": 100.0,
            "stop": round(entry - side * risk, 2),
            "target": rng.choice([NAN, NAN, round(entry + side * 3.0 * risk, 2)]),
            "fees": rng.choice([0.0, 0.005]),
            "start": start,
            "end": (symbol + 1) * length,
            "at_open": float(rng.random() < 0.7),
        }
        for name, number in row.items():
            columns[name].append(number)
    return Entries(**columns)  # type: ignore[arg-type]
