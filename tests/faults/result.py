"""What both worlds, in memory and whole, begin with and end in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import Session
from stopward.domain.rulebook import RuleBook, parse
from stopward.domain.snapshot import Mode
from stopward.local.simulator import Simulator
from tests.builders.faults import Schedule
from tests.builders.simulator import SESSIONS
from tests.faults.boundary import Boundary
from tests.faults.frame import Line

NAME = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a schedule. broken: the invariant that did not hold, or None."""

    broken: str | None
    lines: tuple[Line, ...]
    applied: Mapping[str, int]
    calls: int
    ticks: int
    calls_of: Mapping[int, int]
    unprotected_seconds: float
    failures: tuple[str, ...]


class People(Protocol):
    """What a person writes to a store before its guards wake."""

    def open_account(
        self, account_id: AccountId, *, name: str, mode: Mode, equity_prior_close: Decimal
    ) -> None:
        """Open the account."""

    def put_rules(self, account_id: AccountId, toml: str, *, rules_hash: str) -> None:
        """Store its rules."""

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Store sessions."""

    def tag_symbol(self, account_id: AccountId, symbol: Symbol, tag: str) -> None:
        """Tag a symbol."""


def open_account(store: People, account_id: AccountId, schedule: Schedule) -> RuleBook:
    """Write what the schedule's guards are to find, and return their rules."""
    store.open_account(
        account_id, name=NAME, mode=schedule.mode, equity_prior_close=Decimal(100_000)
    )
    # Under the name that the guards read it by, so that it is read once.
    book = parse(schedule.rules, source=f"rules of account {NAME}")
    store.put_rules(account_id, schedule.rules, rules_hash=book.hash)
    store.put_sessions(SESSIONS)
    for symbol in schedule.hands_off:
        store.tag_symbol(account_id, symbol, "hands-off")
    return book


def the_result(
    broken: str | None,
    *,
    simulator: Simulator,
    boundary: Boundary,
    ticks: int,
    calls_of: Mapping[int, int],
    failures: Iterable[str],
) -> Result:
    """Return what came of a schedule, with the timeline and the seconds without protection."""
    return Result(
        broken=broken,
        lines=tuple(boundary.lines),
        applied=boundary.applied,
        calls=boundary.total,
        ticks=ticks,
        calls_of=calls_of,
        unprotected_seconds=sum(span.seconds(simulator.now) for span in simulator.ledger.spans),
        failures=tuple(failures),
    )


def writes_of(boundary: Boundary, simulator: Simulator) -> int:
    """Return how many requests changed something; in session, refused ones too.

    A stop that the price has passed is refused until the open; then it becomes an exit. What an
    order of the trader's stands against is refused as long as that does, and settled all the same.
    """
    is_open = simulator.state.hours.session_at(simulator.now) is not None
    return boundary.writes + (boundary.refusals - boundary.in_vain if is_open else 0)
