"""Adopt what is opted in; tell of what is not and stands bare. Pure but for the ATR."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from stopward.domain.adoption import adopt, has_entry, is_doubtful, refusal
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import Instrument
from stopward.domain.position import Position
from stopward.domain.rulebook.settings import AccountSettings
from stopward.domain.snapshot import Alarm, Observation, Snapshot
from stopward.services.guard.settled import Settled, subject_of
from stopward.services.guard.subject import Picture, Subject


def adopt_new(
    snapshot: Snapshot,
    picture: Picture,
    settings: AccountSettings,
    settled: Settled,
    *,
    daily_atr: Callable[[Sequence[Symbol]], Mapping[Symbol, float]],
) -> tuple[tuple[Subject, ...], tuple[Alarm, ...]]:
    """Return what is adopted of the positions new to us, and the alarms of what is not.

    daily_atr: dollars by symbol, asked only for positions that no stop rests for.
    """
    ours = {position.symbol for position in snapshot.positions}
    new: list[Symbol] = []
    alarms: list[Alarm] = []
    for symbol, found in sorted(picture.positions.items()):
        if symbol in ours:
            continue
        why_not = refusal(settings, symbol, _new_tags(snapshot, picture, symbol))
        if why_not is None and is_doubtful(found, picture.fills_of.get(symbol, ()), now=picture.at):
            alarms.append(_doubtful_alarm(symbol))
        elif why_not is None and not has_entry(found):
            alarms.append(_entry_alarm(symbol, found.average_entry))
        elif why_not is None:
            new.append(symbol)
        elif picture.holding(symbol).covered_quantity(found.side) < found.quantity:
            alarms.append(_stranger_alarm(symbol, why_not))
    bare = [s for s in new if not picture.holding(s).stops(picture.positions[s].side)]
    atr = daily_atr(bare) if bare else {}
    subjects = []
    for symbol in new:
        holding = picture.holding(symbol)
        position = adopt(
            picture.positions[symbol],
            holding,
            account_id=snapshot.account.id,
            instrument=snapshot.instruments.get(symbol, Instrument(symbol=symbol)),
            fills=picture.fills_of.get(symbol, ()),
            daily_atr=atr.get(symbol),
            settings=settings,
            tags=_new_tags(snapshot, picture, symbol),
            now=picture.at,
        )
        subjects.append(subject_of(position, holding, settled, is_new=True))
    return tuple(subjects), tuple(alarms)


def _new_tags(snapshot: Snapshot, picture: Picture, symbol: Symbol) -> tuple[str, ...]:
    """Return the tags of a position to be adopted: the symbol's and its entry order's."""
    both = (*snapshot.tags.get(symbol, ()), *picture.entry_tags.get(symbol, ()))
    return tuple(dict.fromkeys(both))


def adopted_observation(position: Position) -> Observation:
    """Return what is to be told of a position that was adopted."""
    return Observation(
        position_id=PositionId(position.id),
        symbol=position.symbol,
        kind="adopted",
        cause="opted_in",
        detail={
            "side": position.side,
            "quantity": str(position.quantity),
            "entry": str(position.average_entry),
            "initial_stop": str(position.initial_stop),
            "flags": ",".join(position.flags),
        },
    )


def _stranger_alarm(symbol: Symbol, why_not: str) -> Alarm:
    return Alarm(
        key=f"unguarded:{symbol}",
        kind="unguarded",
        symbol=symbol,
        message=(
            f"{symbol} has no full stop and is left alone: {why_not}; `stopward tag` opts it in"
        ),
    )


def _doubtful_alarm(symbol: Symbol) -> Alarm:
    return Alarm(
        key=f"position_doubtful:{symbol}",
        kind="position_doubtful",
        symbol=symbol,
        message=f"{symbol}: fills of the last minute do not lead to the position listed; we wait",
    )


def _entry_alarm(symbol: Symbol, average_entry: Decimal) -> Alarm:
    return Alarm(
        key=f"entry_missing:{symbol}",
        kind="entry_missing",
        symbol=symbol,
        message=(
            f"{symbol} is opted in and left alone: the broker tells an average entry of "
            f"{average_entry}, so there is no risk to guard it by; place its stop by hand"
        ),
    )
