"""`stopward rules check` and `explain`, without a terminal."""

import pytest

from stopward.errors import InvalidInput
from stopward.local.rules_command import LARGEST_BYTES, check, explained, load, load_demo


def test_a_valid_file_is_told_in_one_line(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('\ufeff[rules]\npreset = "standard"\n[tag.x.rules.breakeven]\n', "utf-8")
    assert check(path) == (
        f"{path}: valid; rules on: 11; overrides: 1; hash: {load(path).hash[:12]}"
    )
    assert explained(path).startswith(f"Rules of {path} ")


def test_the_problems_of_a_file_carry_its_path(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("[rules.breakeven]\narm = -1\n", "utf-8")
    with pytest.raises(InvalidInput, match=r"my\.toml: 1 problem\n  rules\.breakeven\.arm: was -1"):
        check(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (LARGEST_BYTES + 1), "is it a rules file"),
        (b"a = " + b"[" * 5000, "not valid TOML"),
        (b"[rules.breakeven]\narm = " + b"9" * 5000, "not valid TOML"),
        (b"[rules.breakeven]\narm = " + b"9" * 400, r"rules\.breakeven\.arm: was 999"),
    ],
)
def test_what_is_no_rules_file_is_refused(tmp_path, content, words):
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        check(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        check(tmp_path / "none.toml")
    with pytest.raises(InvalidInput, match="cannot be read"):
        check(tmp_path)


def test_the_demos_rules_load():
    assert load_demo().base.breakeven is not None
