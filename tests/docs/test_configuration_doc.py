"""docs/configuration.md and the settings say the same."""

import re

import pytest
from pydantic_core import PydanticUndefined

from stopward.settings import PREFIX, Settings
from tests.docs.pages import page, section

NAME = "docs/configuration.md"
HEADINGS = re.findall(r"^## (.+)$", page(NAME), re.MULTILINE)


def test_each_setting_has_a_heading_in_the_order_of_the_code():
    assert list(Settings.model_fields) == HEADINGS


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_each_heading_says_variable_default_allowed_meaning_and_when(name):
    said = section(NAME, f"## {name}")
    assert f"- Variable: `{PREFIX}{name.upper()}`" in said
    for word in ("Default", "Allowed", "Meaning", "When to change"):
        assert f"\n- {word}: " in f"\n{said}"


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_the_default_that_is_told_is_the_default(name):
    default = Settings.model_fields[name].default
    line = re.search(r"^- Default: (.*)$", section(NAME, f"## {name}"), re.MULTILINE)
    assert line is not None
    if default is PydanticUndefined:
        assert line[1].startswith("none")
    elif default == "":
        assert line[1].startswith("empty")
    else:
        shown = f"{default:g}" if isinstance(default, float) else default
        assert line[1].startswith(f"`{shown}`")


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_the_bounds_that_are_told_are_the_bounds(name):
    allowed = re.search(r"- Allowed: (.*?)(?=^- )", section(NAME, f"## {name}"), re.S | re.M)
    assert allowed is not None
    for bound in Settings.model_fields[name].metadata:
        for limit in ("ge", "le"):
            if (number := getattr(bound, limit, None)) is not None:
                assert re.search(rf"\b{number:g}\b", allowed[1]), f"{limit} is {number:g}"
