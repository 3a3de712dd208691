"""What a run proves: no pulse lost, none doubled, none too late. A fault is a line."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import psycopg

from stopward.domain.identity import AccountId
from stopward.domain.pulses import OLDEST, Pulse
from stopward.services.dispatch import pulses_of

TICKS: Final = """
select p.account_id, p.id, d.source, coalesce(sum(d.ticks), 0)::int
from stopward.positions as p
left join stopward.decisions as d on p.account_id = d.account_id and p.id = d.position_id
where p.closed_at is null
group by p.account_id, p.id, d.source
"""
Key = tuple[str, str, str]


@dataclass(slots=True, kw_only=True)
class Told:
    """What the handlers printed. ticks: by account, guard and instant; ages: seconds.

    sums: of the counts of all ticks.
    """

    ticks: Counter[Key] = field(default_factory=Counter)
    busy: Counter[Key] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    sums: Counter[str] = field(default_factory=Counter)
    too_old: int = 0
    failed: list[str] = field(default_factory=list)

    def age(self, percent: int) -> float:
        """Return the age under which so many of the ticks began, in seconds."""
        return quantiles(self.ages, n=100, method="inclusive")[percent - 1]


def told(logs: Sequence[Path], *, since: datetime) -> Told:
    """Read what was printed of pulses from a moment on."""
    found = Told()
    for line in _lines(logs):
        message = line.get("message")
        if message == "pulse_failed":
            found.failed.append(str(line.get("exception", ""))[-200:])
        if message not in {"tick_finished", "pulse_too_old"}:
            continue
        tick_at = datetime.fromisoformat(line["tick_at"])
        if tick_at < since:
            continue
        key = (line["account_id"], line["source"], tick_at.isoformat())
        if message == "pulse_too_old":
            found.too_old += 1
            continue
        found.ages.append(line["age_seconds"])
        found.ticks[key] += line["ticks"]
        found.busy[key] += line["busy"]
        found.sums.update({name: line[name] for name in SUMMED})
    return found


SUMMED: Final = (
    "ticks", "busy", "moves", "arms", "exits", "reduces", "orders_sent", "trades", "failures",
    "unusable_views",
)  # fmt: skip


def faults_of(
    found: Told,
    *,
    accounts: Sequence[AccountId],
    minutes: Sequence[datetime],
    pulse_seconds: float,
    doubled: int,
) -> list[str]:
    """Return what is wrong with the ticks. doubled: messages that were received a second time."""
    due = {
        (pulse.account_id, pulse.source, pulse.tick_at.isoformat())
        for minute in minutes
        for pulse in pulses_of(accounts, minute, pulse_seconds=pulse_seconds)
    }
    ran = {key for key, count in found.ticks.items() if count}
    wrong = [f"pulse {key} was lost" for key in sorted(due - ran)]
    wrong += [f"pulse {key} was never due" for key in sorted(ran - due)]
    again = sum(found.ticks.values()) - len(ran)
    met = sum(found.busy.values())
    if again + met != doubled:
        wrong.append(f"{doubled} messages were doubled; {again} ticked again, {met} met the first")
    wrong += [f"failed: {each}" for each in found.failed]
    if found.too_old:
        wrong.append(f"{found.too_old} pulses were refused for their age")
    oldest = max(found.ages, default=0.0)
    if oldest > OLDEST.total_seconds():
        wrong.append(f"a tick began {oldest:.1f} s after its instant")
    if found.sums["failures"]:
        wrong.append(f"ticks survived {found.sums['failures']} failures")
    return wrong


def journal_faults(url: str, *, pulses: int, again: Iterable[Pulse] = ()) -> tuple[int, list[str]]:
    """Return how many positions are open, and those whose journal has not each pulse once.

    pulses: of one guard, from when the positions were taken under guard. again: what was sent
    twice; a tick of it that decides otherwise, for the first has moved the stop, is told too. What
    ended meanwhile is left out: it has fewer.
    """
    twice = Counter((pulse.account_id, pulse.source) for pulse in again)
    with psycopg.connect(url) as connection:
        rows = connection.execute(TICKS.encode()).fetchall()
    positions = {(account, position) for account, position, _, _ in rows}
    counted = {(account, position, source): ticks for account, position, source, ticks in rows}
    wrong = [
        f"{account}: {position}: {source} decided {counted.get((account, position, source), 0)}"
        f" times, not {pulses}"
        for account, position in sorted(positions)
        for source in ("check_breakeven", "monitor_positions")
        if not 0 <= counted.get((account, position, source), 0) - pulses <= twice[account, source]
    ]
    return len(positions), wrong


def _lines(logs: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for log in logs:
        with log.open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("{"):
                    yield json.loads(line)
