"""The same work for each account: whoever fails is told, whoever is left is sooner next time."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.identity import AccountId
from stopward.domain.pulses import Roster
from stopward.errors import (
    BrokerUnavailable,
    DatabaseRejected,
    DatabaseUnavailable,
    InvalidInput,
    InvalidState,
)
from stopward.services.each_account import (
    MOST_NAMED,
    EachAccount,
    Round,
    day_turn,
    in_turn,
    minute_turn,
    weekday_turn,
)

MONDAY = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
ADA, BOB, CYD = THREE = tuple(AccountId(each) for each in ("ada", "bob", "cyd"))
GONE = DatabaseUnavailable("no answer")
WAITS = 3.5
"""By how much longer than without any overlap an account waits at most."""


@dataclass(slots=True)
class Sum:
    """A summary: whose work it is, as a sum of names."""

    whose: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {"works": len(self.whose), "work_failures": len(self.failures)}

    def add_account(self, account_id: AccountId, other: "Sum") -> None:
        assert set(other.whose) == {account_id}
        self.whose += other.whose


@dataclass(frozen=True, slots=True)
class OneRoster:
    """A Fleet of some accounts, or what its roster raises."""

    accounts: tuple[AccountId, ...] = ()
    fails: Exception | None = None

    def roster(self, *, silent_before: datetime) -> Roster:
        if self.fails is not None:
            raise self.fails
        return Roster(accounts=self.accounts)


def each_of(*accounts: AccountId, turn: int = 0, fails: Exception | None = None) -> EachAccount:
    return EachAccount(
        account_id=AccountId("main"),
        fleet=OneRoster(accounts, fails),
        work="sums",
        turn=lambda _: turn,
        margin_seconds=60.0,
    )


def one(account_id: AccountId) -> Sum:
    return Sum(whose=[account_id])


def failing(errors: dict[AccountId, Exception]) -> Callable[[AccountId], Sum]:
    def do(account_id: AccountId) -> Sum:
        if account_id in errors:
            raise errors[account_id]
        return one(account_id)

    return do


def run(
    accounts: EachAccount,
    do: Callable[[AccountId], Sum] = one,
    *,
    seconds: Iterator[float] | None = None,
) -> Round[Sum]:
    left = seconds or iter(lambda: 900.0, None)
    return accounts.run(do, Sum(), at=MONDAY, remaining_seconds=lambda: next(left))


def test_the_one_account_is_done_as_it_is_and_nothing_is_said_of_accounts() -> None:
    accounts = EachAccount(
        account_id=AccountId("main"), fleet=None, work="sums", turn=day_turn, margin_seconds=60.0
    )
    found = run(accounts, lambda _: Sum(whose=["main"], failures=["p1: odd"]), seconds=iter([0.0]))
    assert found.summary == Sum(whose=["main"], failures=["p1: odd"])
    assert found.counts() == {"works": 1, "work_failures": 1}
    assert found.facts() == {}
    with pytest.raises(DatabaseRejected):
        run(accounts, failing({AccountId("main"): DatabaseRejected("no", rule="r")}))


def test_a_fleet_is_done_one_after_the_other_and_summed() -> None:
    found = run(each_of(*THREE))
    assert found.summary.whose == list(THREE)
    assert found.counts() == {
        "works": 3, "work_failures": 0, "sums_accounts_done": 3, "sums_accounts_left": 0,
    }  # fmt: skip
    assert found.facts() == {"left": []}


def test_an_empty_fleet_is_no_failure() -> None:
    assert run(each_of()).counts() == {
        "works": 0, "work_failures": 0, "sums_accounts_done": 0, "sums_accounts_left": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (DatabaseRejected("unknown account", rule="account_is_known"), "bob: unknown account"),
        (BrokerUnavailable("GET /v2/stocks/bars: no answer"), "bob: GET /v2/stocks/bars: no"),
        (InvalidState("the answer cannot be read"), "bob: the answer cannot be read"),
        (InvalidInput("rules: was odd"), "bob: rules: was odd"),
        (GONE, "bob: no answer"),
        (ZeroDivisionError("division by zero"), "bob: ZeroDivisionError in do, line "),
    ],
)
def test_an_account_that_fails_is_told_by_name_and_costs_no_other(
    error: Exception, says: str
) -> None:
    found = run(each_of(*THREE), failing({BOB: error}))
    assert found.summary.whose == [ADA, CYD]
    (told,) = found.summary.failures
    assert told.startswith(says)
    assert found.counts()["sums_accounts_done"] == 2


def test_what_failed_within_an_account_is_told_with_its_name() -> None:
    found = run(each_of(ADA, BOB), lambda each: Sum(whose=[each], failures=[f"p of {each}: odd"]))
    assert found.summary.failures == ["ada: p of ada: odd", "bob: p of bob: odd"]


@pytest.mark.parametrize(
    ("silent", "raises"),
    [([ADA], False), ([ADA, CYD], False), ([ADA, BOB], True), ([BOB, CYD], True)],
)
def test_a_database_that_two_accounts_running_do_not_reach_ends_the_run(
    silent: list[AccountId], raises: bool
) -> None:
    do = failing(dict.fromkeys(silent, GONE))
    if raises:
        with pytest.raises(DatabaseUnavailable):
            run(each_of(*THREE), do)
    else:
        assert len(run(each_of(*THREE), do).summary.failures) == len(silent)


def test_a_fleet_of_one_that_reaches_no_database_fails_as_one_account_does() -> None:
    with pytest.raises(DatabaseUnavailable):
        run(each_of(ADA), failing({ADA: GONE}))


@pytest.mark.parametrize("error", [GONE, DatabaseRejected("no", rule="r"), InvalidState("odd")])
def test_a_roster_that_cannot_be_read_fails_the_run(error: Exception) -> None:
    with pytest.raises(type(error)):
        run(each_of(fails=error))


def test_nobody_is_begun_with_less_than_the_margin_left_and_they_are_named() -> None:
    many = tuple(AccountId(f"a{number:02d}") for number in range(MOST_NAMED + 5))
    found = run(each_of(*many), seconds=iter([60.0, 60.0, 59.9]))
    assert found.summary.whose == ["a00", "a01"]
    assert (found.done, found.left) == (2, many[2:])
    assert found.counts()["sums_accounts_left"] == MOST_NAMED + 3
    assert found.facts() == {"left": list(many[2 : 2 + MOST_NAMED])}


@pytest.mark.parametrize("size", [2, 3])
def test_a_small_fleet_of_which_one_is_done_a_run_begins_with_who_was_left(size: int) -> None:
    done: list[AccountId] = []
    for turn in range(size):
        found = run(each_of(*THREE[:size], turn=turn), seconds=iter([60.0, 0.0]))
        done += [AccountId(each) for each in found.summary.whose]
        assert set(done) | set(found.left) == set(THREE[:size])
    assert sorted(done) == sorted(THREE[:size])


@given(st.integers(0, 200), st.integers(0, 10**9))
def test_a_turn_has_everybody_once_and_keeps_the_round(size: int, turn: int) -> None:
    roster = tuple(AccountId(f"a{number:03d}") for number in range(size))
    found = in_turn(roster, turn)
    assert sorted(found) == list(roster)
    assert found == in_turn(roster, turn)
    if size:
        first = roster.index(found[0])
        assert found == (*roster[first:], *roster[:first])


@given(st.integers(1, 120), st.integers(0, 10**9))
def test_in_as_many_turns_as_there_are_accounts_each_begins_once(size: int, turn: int) -> None:
    roster = tuple(AccountId(str(number)) for number in range(size))
    begins = Counter(in_turn(roster, each)[0] for each in range(turn, turn + size))
    assert set(begins.values()) == {1}
    assert set(begins) == set(roster)


@given(st.data(), st.integers(1, 60), st.integers(0, 10**9))
def test_whoever_is_left_is_soon_come_to(data: st.DataObject, size: int, turn: int) -> None:
    each_run = data.draw(st.integers(1, size))
    roster = tuple(AccountId(str(number)) for number in range(size))
    reached: set[AccountId] = set()
    for runs in range(1, size + 1):
        reached |= set(in_turn(roster, turn + runs - 1)[:each_run])
        if len(reached) == size:
            break
    assert len(reached) == size
    assert runs <= WAITS * ceil(size / each_run)


def consecutive(turn: Callable[[datetime], int], instants: Sequence[datetime]) -> bool:
    numbers = [turn(each) for each in instants]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_turns_count_the_runs_of_their_schedules() -> None:
    days = [MONDAY + timedelta(days=number) for number in range(100)]
    assert consecutive(day_turn, days)
    assert consecutive(weekday_turn, [each for each in days if each.isoweekday() <= 5])
    assert consecutive(minute_turn, [MONDAY + timedelta(minutes=each) for each in range(100)])
    # A run by hand on a weekend is one of Friday's.
    assert weekday_turn(MONDAY - timedelta(days=1)) == weekday_turn(MONDAY - timedelta(days=3))
    assert weekday_turn(MONDAY) == weekday_turn(MONDAY.replace(hour=23))
    assert date(1, 1, 1).isoweekday() == 1, "weeks are counted from a Monday"
