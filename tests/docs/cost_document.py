"""The generated parts of docs/cost.md: `python -m tests.docs.cost_document`."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.cost import FIGURES, PRICES, SIZES, Cost, Model, Stack, read
from stopward.local.host.template import FunctionDefinition, read_template
from tests.docs.pages import ROOT, refreshed

PAGE = ROOT / "docs" / "cost.md"
TOLD = {
    "accounts": "accounts",
    "positions": "positions of each",
    "minutes": "minutes of the session",
    "pulses_due": "pulses that were due",
    "messages_doubled": "messages sent twice on purpose",
    "orders_sent": "orders that the guards sent",
    "stops_moved": "stops moved",
    "exits": "exits and partial exits",
    "trades_closed": "trades closed",
    "shares_held": "shares held at the end",
    "shares_stopped": "of these under a resting stop",
    "slower": "times slower than the clock on the wall",
    "age_median_seconds": "median age of a tick at its start, in seconds of the run",
    "age_99_percent_seconds": "99 % were younger than",
    "age_longest_seconds": "the oldest",
    "tick_cpu_ms": "milliseconds of a processor for one tick",
    "tick_database_cpu_ms": "milliseconds of a processor of the database for it",
    "tick_broker_requests": "requests to the broker for it",
    "tick_log_bytes": "bytes printed for it",
    "snapshot_bytes": "bytes of the answer that it begins with",
    "messages_an_invocation": "messages an invocation",
    "journal_bytes_an_account_minute": "bytes of journal an account and minute",
    "dispatch_cpu_seconds": "seconds of a processor to dispatch a minute",
}
"""Figures of the load run that the page shows, in its words."""


def the_stack() -> Stack:
    """Return what the template gives."""
    one, fleet = by_title("one"), by_title("fleet")
    return Stack(
        tick_megabytes=fleet["tick_accounts"].memory_mb,
        dispatch_megabytes=fleet["dispatch_ticks"].memory_mb,
        guard_megabytes=one["monitor_positions"].memory_mb,
        pulse_seconds=float(one["monitor_positions"].environment["STOPWARD_PULSE_SECONDS"]),
    )


def by_title(accounts: str) -> Mapping[str, FunctionDefinition]:
    """Return the functions of a kind of stack."""
    found = read_template(ROOT / "template.yaml", parameters={"Accounts": accounts})
    return {each.title: each for each in found}


def the_model() -> Model:
    """Return the model of the figures and prices that are stored."""
    return Model(read(FIGURES), read(PRICES), the_stack())


def columns(model: Model) -> list[tuple[str, Cost]]:
    """Return the stacks that the page compares, each with its head."""
    fleets = [(f"a fleet of {size:,}", model.fleet(size)) for size in SIZES]
    return [("one account", model.one()), *fleets]


def costs() -> Iterator[str]:
    """Yield the table of a month's dollars."""
    shown = columns(the_model())
    yield f"| dollars a month | {' | '.join(head for head, _ in shown)} |"
    yield f"| --- |{' ---: |' * len(shown)}"
    for item in shown[0][1].dollars:
        yield f"| {item} | {' | '.join(money(cost.dollars[item]) for _, cost in shown)} |"
    yield f"| **in all** | {' | '.join(f'**{money(cost.total)}**' for _, cost in shown)} |"
    each = (money(cost.total / cost.accounts) for _, cost in shown)
    yield f"| an account | {' | '.join(each)} |"


def amounts() -> Iterator[str]:
    """Yield the table of what is paid for."""
    shown = columns(the_model())
    rows = {
        "ticks": lambda c: f"{c.ticks:,.0f}",
        "milliseconds of Lambda a tick": lambda c: f"{c.tick_ms:,.0f}",
        "ticks under way at once": lambda c: f"{c.concurrent:,.1f}",
        "GB-seconds": lambda c: f"{c.gb_seconds:,.0f}",
        "invocations": lambda c: f"{c.requests:,.0f}",
        "requests to SQS": lambda c: f"{c.queue_requests:,.0f}",
        "secrets read": lambda c: f"{c.secret_reads:,.0f}",
        "GB of log": lambda c: f"{c.log_gigabytes:,.1f}",
        "busy processors of the database": lambda c: f"{c.database_cores:,.2f}",
        "size of Supabase": lambda c: c.compute or "none is large enough",
        "GB of journal kept": lambda c: f"{c.disk_gigabytes:,.1f}",
        "GB out of the database": lambda c: f"{c.egress_gigabytes:,.1f}",
    }
    yield f"| a month | {' | '.join(head for head, _ in shown)} |"
    yield f"| --- |{' ---: |' * len(shown)}"
    for name, of in rows.items():
        yield f"| {name} | {' | '.join(of(cost) for _, cost in shown)} |"


def measured() -> Iterator[str]:
    """Yield what the load run measured."""
    figures = read(FIGURES)
    yield "| | |"
    yield "| --- | ---: |"
    for name, words in TOLD.items():
        value = figures[name]
        yield f"| {words} | {value:,} |"


def sizes() -> Iterator[str]:
    """Yield how many accounts a size of Supabase serves."""
    model, prices = the_model(), read(PRICES)
    yield "| size | dollars a month | accounts | connections | clients of the pooler |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for size in prices["supabase_compute"]["sizes"]:
        yield (
            f"| {size['name']} | {size['dollars']:,} | {model.most_accounts(size):,} "
            f"| {size['connections']} | {size['pooler_clients']:,} |"
        )


def inputs() -> Iterator[str]:
    """Yield prices and assumptions, each with where it is from."""
    prices: Mapping[str, Any] = read(PRICES)
    yield f"Read on {prices['read_on']}, for {prices['region']}, in dollars, without free tiers."
    yield ""
    yield "| price | dollars | source |"
    yield "| --- | ---: | --- |"
    for name, each in prices["prices"].items():
        yield f"| {name.replace('_', ' ')} | {each['dollars']:.10f}".rstrip("0").rstrip(".") + (
            f" | {each['source']} |"
        )
    yield ""
    yield "| assumed | value | because |"
    yield "| --- | ---: | --- |"
    for name, each in prices["assumed"].items():
        yield f"| {name.replace('_', ' ')} | {each['value']} | {each['because']} |"


def money(dollars: float) -> str:
    """Return dollars, with cents below a hundred."""
    return f"{dollars:,.0f}" if dollars >= 100 else f"{dollars:,.2f}"


BLOCKS = {
    "costs": costs, "amounts": amounts, "measured": measured, "sizes": sizes, "inputs": inputs,
}  # fmt: skip


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8"), BLOCKS), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is as the figures and prices say\n")


if __name__ == "__main__":
    main()
