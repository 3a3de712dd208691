"""`stopward replay --journal`: decide every recorded decision again, and say what came of it."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final, TextIO

from stopward.adapters import rows
from stopward.adapters.decisions import FunctionDecisions
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId
from stopward.errors import InvalidInput
from stopward.local.account_target import target_of
from stopward.local.exit_code import ExitCode
from stopward.local.screen.words import NEW_YORK, counted
from stopward.local.up.home import Home
from stopward.ports import Clock
from stopward.replay.journal import (
    DecisionReader,
    Disagreed,
    Tally,
    added,
    decide_page_again,
    pages_of,
)
from stopward.rules.codes import RULE_VERSION

if TYPE_CHECKING:
    from rich.console import Console

PATIENCE_SECONDS: Final = 60.0
"""A page takes a twentieth of a second; a disk that is cold takes longer."""
MOST_SHOWN: Final = 100
"""Rows shown at most: where the rules were changed under one version, all of them disagree."""
NOT_DECIDED: Final = {
    "other_versions": "decided by another version of the rules",
    "lacking_circumstances": "written without its circumstances",
    "lacking_view": "written without its market view",
    "lacking_rules": "whose rule set is not stored",
}
"""Rows that cannot be decided again, by the field of their count, in words after `rows`."""


@dataclass(slots=True, kw_only=True)
class Finding:
    """What was found so far; `shown` are the first disagreements, at most MOST_SHOWN."""

    tally: Tally = field(default_factory=Tally)
    shown: list[Disagreed] = field(default_factory=list)

    def note(self, disagreed: Disagreed) -> None:
        """Keep a disagreement to be shown."""
        if len(self.shown) < MOST_SHOWN:
            self.shown.append(disagreed)


def moment_of(text: str) -> datetime:
    """Return a day (its midnight in New York) or a time with a zone, in UTC.

    Raises InvalidInput for anything else.
    """
    try:
        if len(text) == len("2026-11-23"):
            day = date.fromisoformat(text)
            return datetime.combine(day, time(), tzinfo=NEW_YORK).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(
            f"{text!r} is no day (2026-11-23) and no time with a zone (2026-11-23T15:00:00Z)"
        )
    return moment.astimezone(UTC)


def replay_journal(
    home: Home,
    *,
    database_url: str | None,
    account: str | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
    clock: Clock,
    console: "Console",
    output: TextIO,
) -> ExitCode:
    """Decide an account's decisions again, since <= time < until, and print what came of it.

    Disagreements and the summary go to `output`, progress to `console`. Returns DEFECT when one
    disagrees. Memory holds a page.
    """
    with (
        target_of(home, database_url=database_url, account=account, clock=clock) as target,
        closing(PostgresDatabase(target.url, timeout_seconds=PATIENCE_SECONDS)) as database,
    ):
        if target.run is not None:
            console.print(target.words, highlight=False)
        found = decided_again(
            FunctionDecisions(database), target.account_id, since=since, until=until,
            console=console,
        )  # fmt: skip
    text = document(found, target.account_id) if as_json else summary(found)
    output.write(text + "\n")
    return ExitCode.DEFECT if found.tally.disagreed else ExitCode.OK


def decided_again(
    reader: DecisionReader,
    account_id: AccountId,
    *,
    since: datetime | None,
    until: datetime | None,
    console: "Console",
) -> Finding:
    """Decide an account's decisions again, showing how far it is."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    found = Finding()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading the journal", total=None)
        for page in pages_of(reader, account_id, since=since, until=until):
            found.tally = added(found.tally, decide_page_again(page, on_disagreement=found.note))
            if page.decisions:
                at = page.decisions[-1].row.tick_at.astimezone(NEW_YORK)
                told = f"{counted(found.tally.rows, 'row')}, to {at:%Y-%m-%d %H:%M}"
                progress.update(task, description=told)
    return found


def summary(found: Finding) -> str:
    """Return disagreements, each with its row whole, and then the counts."""
    tally = found.tally
    blocks = [_block(each) for each in found.shown]
    if tally.disagreed > len(found.shown):
        blocks.append(f"and {tally.disagreed - len(found.shown)} more that disagree\n")
    lines = [
        f"{counted(tally.rows, 'decision')}, the rules here are version {RULE_VERSION}",
        f"{tally.agreed:>9} agree to the last bit",
        f"{tally.disagreed:>9} disagree",
    ]
    lines += [
        f"{getattr(tally, name):>9} {words}: not decided again"
        for name, words in NOT_DECIDED.items()
        if getattr(tally, name)
    ]
    return "\n".join((*blocks, *lines))


def document(found: Finding, account_id: AccountId) -> str:
    """Return the counts and the first MOST_SHOWN disagreements as one JSON document."""
    tally = found.tally
    told = {
        "account_id": account_id,
        "rule_version": RULE_VERSION,
        "rows": tally.rows,
        **asdict(tally),
        "disagreements": [_told(each) for each in found.shown],
    }
    return json.dumps(told)


def _told(disagreed: Disagreed) -> Mapping[str, object]:
    recorded = disagreed.recorded
    return {
        "account_id": recorded.account_id,
        "telling": recorded.telling,
        "differences": [asdict(each) for each in disagreed.differences],
        "row": rows.write(recorded.row),
        "view": None if recorded.view is None else rows.write(recorded.view),
    }


def _block(disagreed: Disagreed) -> str:
    recorded = disagreed.recorded
    row = recorded.row
    head = (
        f"{row.symbol} at {row.tick_at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC, "
        f"position {row.position_id}, by {row.source}, telling {recorded.telling}: DISAGREES"
    )
    lines = [head]
    for each in disagreed.differences:
        lines += [f"  {each.field}", f"    written {each.written}", f"    again   {each.again}"]
    told = _told(disagreed)
    lines += [f"  {name} {json.dumps(told[name])}" for name in ("row", "view")]
    return "\n".join((*lines, ""))
