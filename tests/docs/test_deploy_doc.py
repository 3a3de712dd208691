"""docs/deploy.md and the template name the same parameters, with the same defaults."""

import re

from tests.builders.cloudwatch import DOCUMENT
from tests.docs.pages import page

ROW = re.compile(r"^\| `(\w+)` \| ([^|]*?) ?\| ", re.MULTILINE)
IN_WORDS = {
    "BrokerUrl": "that of the stage",
    "MarketDataUrl": "Alpaca's",
    "AlarmEmail": "nobody",
    "TrainingImageUri": "none",
    "SupabaseUrl": "",
}
"""Defaults that the page says otherwise than the template writes them."""


def test_each_parameter_stands_on_the_page_with_its_default() -> None:
    told = dict(ROW.findall(page("docs/deploy.md")))
    assert list(told) == sorted(told, key=list(DOCUMENT["Parameters"]).index)
    assert told == {
        name: IN_WORDS.get(name, f"`{row['Default']}`" if "Default" in row else "")
        if not isinstance(row.get("Default"), int)
        else str(row["Default"])
        for name, row in DOCUMENT["Parameters"].items()
    }


def test_the_stack_of_the_page_names_what_has_no_default() -> None:
    text = page("docs/deploy.md")
    needed = [name for name, row in DOCUMENT["Parameters"].items() if "Default" not in row]
    assert needed == ["DatabaseSecretArn", "BrokerSecretArn"]
    assert all(f"\n    {name}=" in text for name in needed)
