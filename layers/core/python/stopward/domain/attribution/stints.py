"""What holds for a lived trade from bar to bar: the rules that guarded it, and the day's lock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from stopward.domain.attribution.track import MINUTE, Track
from stopward.domain.attribution.trade import ClosedTrade, Guarded, Lock
from stopward.domain.measured import with_measured, without_score
from stopward.domain.rule_set import RuleSet
from stopward.domain.sessions import EVENING
from stopward.errors import InvalidState
from stopward.rules.codes import NO_RULE, RULE_NAMES
from stopward.rules.parameters import Rules

INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stint:
    """The rules, and the code of the day's rule that had acted, up to a bar (exclusive)."""

    until: int
    rules: Rules
    locked: float


class _Locked(NamedTuple):
    since: int
    until: int
    code: float


def stints(
    trade: ClosedTrade,
    track: Track,
    rule_sets: Mapping[str, RuleSet],
    *,
    first: int,
    end: int,
    session_flat_tag: str,
) -> Iterator[Stint]:
    """Yield what holds from bar `first` to bar `end` (exclusive).

    What guarded it last goes on; once it is held overnight as it was not live, the session flat
    leaves it alone unless it carries `session_flat_tag`. A lock holds to the end of its session.
    Raises InvalidState for a rule set that cannot be read.
    """
    held = _held(trade, track, rule_sets)
    overnight = _overnight(trade, track)
    if overnight is not None and session_flat_tag not in trade.tags:
        held.append((overnight, held[-1][1]._replace(session_flat=None)))
    locks = [_locked(lock, track) for lock in trade.locks]
    changes = {place for place, _ in held} | {each for lock in locks for each in lock[:2]}
    edges = sorted({first, end, *(place for place in changes if first < place < end)})
    for begin, until in pairwise(edges):
        rules = [each for place, each in held if place <= begin] or [held[0][1]]
        codes = [lock.code for lock in locks if lock.since <= begin < lock.until]
        yield Stint(until=until, rules=rules[-1], locked=max(codes, default=NO_RULE))


def _held(
    trade: ClosedTrade, track: Track, rule_sets: Mapping[str, RuleSet]
) -> list[tuple[int, Rules]]:
    """Return from which bar on which rules guarded it; the same again, but for a score, is one."""
    found = [(_first_decided(each, track), _rules_of(each, rule_sets)) for each in trade.guarded]
    return found[:1] + [now for before, now in pairwise(found) if before[1] != now[1]]


def _first_decided(guarded: Guarded, track: Track) -> int:
    """Return the first bar that was closed at that tick or later."""
    return track.after(guarded.since - MINUTE - INSTANT)


def _rules_of(guarded: Guarded, rule_sets: Mapping[str, RuleSet]) -> Rules:
    rule_set = rule_sets[guarded.rule_set]
    if not rule_set.is_whole:
        raise InvalidState(f"rule set {rule_set.digest} holds what has another digest")
    return without_score(with_measured(rule_set.rules(), guarded.measured))


def _overnight(trade: ClosedTrade, track: Track) -> int | None:
    """Return the first bar of the first session it is carried into, unless it was so live."""
    for number, session in enumerate(track.sessions):
        if session.opens_at - EVENING > trade.opened_at:
            was_live = any(each.since >= session.opens_at for each in trade.guarded)
            return None if was_live else track.first_of(number)
    return None


def _locked(lock: Lock, track: Track) -> _Locked:
    # A lock is known by its first sale, which a decision on the bar before it asked for.
    since = track.after(lock.at - 2 * MINUTE)
    until = since if since == len(track) else track.first_of(track.session[since] + 1)
    return _Locked(since, until, float(RULE_NAMES.index(lock.rule)))
