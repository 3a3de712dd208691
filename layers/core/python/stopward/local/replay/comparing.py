"""Attribution and comparison told: tables for people, or one JSON document."""

import json
import math
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from stopward.local.replay.telling import plain
from stopward.local.screen.words import UNKNOWN
from stopward.replay.attribution import Attribution, RuleWorth
from stopward.replay.compare import Comparison
from stopward.replay.paired import Interval

FEW_DAYS: Final = 20
"""Under so many days an interval is told to be a rough one. [judgement]"""


def tell_worth(console: Console, worth: Sequence[RuleWorth], *, title: str) -> None:
    """Print what each rule saved and cost."""
    table = Table(title=title, title_justify="left")
    for name in ("rule", "fired", "saved", "cost", "net", "95 % interval", "unknown"):
        table.add_column(name, justify="left" if name == "rule" else "right", no_wrap=True)
    for each in worth:
        table.add_row(
            each.rule,
            f"{each.fired:,}",
            *([UNKNOWN] * 3 if each.net.days == 0 else _sums(each)),
            shown(each.net),
            f"{each.unknown:,}",
        )
    console.print(table)
    days = max((each.net.days for each in worth), default=0)
    for line in _notes(days):
        console.print(line, highlight=False)
    console.print(
        "Each row is the same positions without that rule; rows do not add up, for two rules may "
        "save the same loss.",
        highlight=False,
    )


def tell_attribution(console: Console, found: Attribution) -> None:
    """Print what each rule saved and cost the positions of files."""
    tell_worth(console, found.worth, title="what each rule did, in R after costs")


def tell_comparison(console: Console, found: Comparison, names: tuple[str, ...]) -> None:
    """Print what the second rules change, and the positions that differ most."""
    table = Table(
        title=f"{names[1]} against {names[0]}, in R after costs",
        title_justify="left",
        show_header=False,
    )
    table.add_column("")
    table.add_column("", justify="right")
    rows = (
        ("added", f"{found.net.total:+.2f}"),
        ("95 % interval", shown(found.net)),
        ("positions that come out otherwise", f"{found.changed:,}"),
        ("better", f"{found.better:,}"),
        ("worse", f"{found.worse:,}"),
        ("unknown, for bars end or are missing", f"{found.unknown:,}"),
    )
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if found.most:
        console.print(_most_table(found))
    for line in _notes(found.net.days):
        console.print(line, highlight=False)


def _most_table(found: Comparison) -> Table:
    most = Table(title="differ most", title_justify="left")
    for name in ("position", "first", "R", "second", "R", "added"):
        most.add_column(name, justify="right" if name in ("R", "added") else "left")
    for each in _most(found):
        most.add_row(
            each["position_id"],
            each["first_rule"],
            f"{each['first_r']:+.2f}",
            each["second_rule"],
            f"{each['second_r']:+.2f}",
            f"{each['added_r']:+.2f}",
        )
    return most


def attribution_json(found: Attribution) -> str:
    """Return each rule's figures and what it did to each position; unknown is null."""
    positions = found.results.positions
    document = {
        "rules": [worth_row(each) for each in found.worth],
        "positions": [
            {
                "position_id": position.id,
                "net_r": float(found.results.net_r[row]),
                "saved_r": {rule: float(saved[row]) for rule, saved in found.saved_r.items()},
            }
            for row, position in enumerate(positions)
        ],
    }
    return json.dumps(plain(document), indent=1)


def worth_row(worth: RuleWorth) -> dict[str, Any]:
    """Return one rule's figures as JSON has them; null where nothing is known."""
    is_known = worth.net.days > 0
    return {
        "rule": worth.rule,
        "fired": worth.fired,
        "saved_r": worth.saved if is_known else None,
        "cost_r": worth.cost if is_known else None,
        "net": _interval(worth.net),
        "unknown": worth.unknown,
    }


def comparison_json(found: Comparison, names: tuple[str, ...]) -> str:
    """Return the figures and every position; unknown is null."""
    document = {
        "first": names[0],
        "second": names[1],
        "net": _interval(found.net),
        "changed": found.changed,
        "better": found.better,
        "worse": found.worse,
        "unknown": found.unknown,
        "differ_most": _most(found),
        "positions": [_row(found, row) for row in range(len(found.first))],
    }
    return json.dumps(plain(document), indent=1)


def shown(net: Interval) -> str:
    """Return an interval for people."""
    if math.isnan(net.low):
        return "unknown"
    return f"{net.low:+.2f} to {net.high:+.2f}"


def _sums(worth: RuleWorth) -> tuple[str, ...]:
    return tuple(f"{each:+.2f}" for each in (worth.saved, worth.cost, worth.net.total))


def _interval(net: Interval) -> dict[str, Any]:
    total = net.total if net.days > 0 else None
    return {"total_r": total, "low_r": net.low, "high_r": net.high, "days": net.days}


def _most(found: Comparison) -> list[dict[str, Any]]:
    return [_row(found, row) for row in found.most]


def _row(found: Comparison, row: int) -> dict[str, Any]:
    return {
        "position_id": found.first.positions[row].id,
        "first_rule": found.first.rule(row),
        "first_r": float(found.first.net_r[row]),
        "second_rule": found.second.rule(row),
        "second_r": float(found.second.net_r[row]),
        "added_r": float(found.added_r[row]),
    }


def _notes(days: int) -> tuple[str, ...]:
    if days < 2:
        return ("All positions are of one day: there is no interval.",)
    if days < FEW_DAYS:
        return (f"The interval is of {days} days: a rough one.",)
    return ()
