"""infra/README.md: its cold starts are those of the budgets and of the benchmark."""

import json

from tests.deploy.import_budgets import BUDGETS
from tests.docs.infra_document import BLOCKS, MEASURED
from tests.docs.pages import page, refreshed

NAME = "infra/README.md"


def test_the_generated_part_is_that_of_the_code() -> None:
    text = page(NAME)
    assert refreshed(text, BLOCKS) == text, "run: python -m tests.docs.infra_document"
    assert text.count("<!-- generated: ") == len(BLOCKS)


def test_what_was_measured_is_what_is_deployed_and_its_peers() -> None:
    document = json.loads(MEASURED.read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in document["milliseconds"]}
    peers = {document[name] for name in ("bare", "packages", "whole")}
    assert rows.keys() - peers <= BUDGETS.keys()
    assert {*peers, "monitor_positions", "check_breakeven"} <= rows.keys()
    beyond = {name for name, row in rows.items() if row["over_busy"] > 0}
    assert beyond == rows.keys() - {document["bare"]}
