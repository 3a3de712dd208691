"""Run checks one after another, and show what came of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stopward.adapters.alpaca import Keys
from stopward.errors import BrokerRejected, BrokerUnavailable, InvalidInput
from stopward.local.verify import groups, held_shares, reading, single_orders
from stopward.local.verify.check import Check, FactFails, NotCheckable, Result
from stopward.local.verify.opening import open_venue
from stopward.local.verify.venue import Venue
from stopward.ports import Clock
from stopward.settings import DATA_URL, PAPER_URL

CHECKS: tuple[Check, ...] = (
    *reading.CHECKS,
    *single_orders.CHECKS,
    *held_shares.CHECKS,
    *groups.CHECKS,
    *reading.LAST,
)
LONGEST_RUN_ID = 16
KEY_ID_NAME = "APCA_API_KEY_ID"
SECRET_NAME = "APCA_API_SECRET_KEY"  # noqa: S105 (the name of a variable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All results; `left` says what could not be cleaned up, and is empty when nothing remains."""

    results: tuple[Result, ...]
    left: str = ""

    @property
    def all_hold(self) -> bool:
        """Whether nothing that could be checked failed, and nothing was left behind."""
        return not self.left and all(
            r.verdict in {"holds", "not checkable now"} for r in self.results
        )


def keys_from(environ: Mapping[str, str]) -> Keys:
    """Return APCA_API_KEY_ID and APCA_API_SECRET_KEY; InvalidInput when one is missing."""
    missing = [name for name in (KEY_ID_NAME, SECRET_NAME) if not environ.get(name, "").strip()]
    if missing:
        raise InvalidInput(
            f"environment: {' and '.join(missing)} not set; use a paper account's keys"
        )
    return Keys(key_id=environ[KEY_ID_NAME].strip(), secret=environ[SECRET_NAME].strip())


def verify(
    *,
    keys: Keys,
    clock: Clock,
    run_id: str,
    url: str = PAPER_URL,
    data_url: str = DATA_URL,
    symbol: str = "F",
    other_symbol: str = "SPY",
    checks: Sequence[Check] = CHECKS,
) -> Report:
    """Check a paper account, or the simulator on this machine, with a few shares of `symbol`.

    run_id: up to 16 letters and digits that no run has used before. Orders and shares of the run
    are gone at the end, also when it is interrupted. Raises InvalidInput for a live URL, an account
    that is no paper account or a symbol in use; BrokerUnavailable or BrokerRejected when it could
    not start.
    """
    if not (run_id.isalnum() and len(run_id) <= LONGEST_RUN_ID):
        raise InvalidInput(
            f"run id: was {run_id!r}, expected 1 to {LONGEST_RUN_ID} letters, digits"
        )
    results: list[Result] = []
    try:
        with open_venue(
            url=url,
            data_url=data_url,
            keys=keys,
            clock=clock,
            run_id=run_id,
            symbol=symbol,
            other_symbol=other_symbol,
        ) as venue:
            results.extend(_run(venue, checks))
    except (BrokerUnavailable, BrokerRejected) as error:
        if not results:
            raise
        return Report(results=tuple(results), left=str(error))
    return Report(results=tuple(results))


def _run(venue: Venue, checks: Iterable[Check]) -> Iterable[Result]:
    for check in checks:
        yield _result(venue, check)
        venue.cancel_all()


def _result(venue: Venue, check: Check) -> Result:
    try:
        seen = check.run(venue)
    except FactFails as failure:
        return Result(name=check.name, fact=check.fact, verdict="fails", seen=str(failure))
    except NotCheckable as reason:
        return Result(
            name=check.name, fact=check.fact, verdict="not checkable now", seen=str(reason)
        )
    except (BrokerUnavailable, BrokerRejected) as error:
        return Result(name=check.name, fact=check.fact, verdict="no answer", seen=str(error))
    return Result(name=check.name, fact=check.fact, verdict="holds", seen=seen)


def table(report: Report) -> str:
    """Return the report as plain text: one fact a line, evidence below it, a sum at the end."""
    lines: list[str] = []
    for result in report.results:
        lines.append(f"{result.verdict:<18}{result.name:<21}{result.fact}")
        lines.append(f"{'':<39}{result.seen}")
    counts = dict.fromkeys(("holds", "fails", "not checkable now", "no answer"), 0)
    for result in report.results:
        counts[result.verdict] += 1
    lines.append(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if report.left:
        lines.append(f"LEFT BEHIND: {report.left}")
    return "\n".join(lines)
