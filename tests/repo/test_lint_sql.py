"""A migration is left out of linting only while nothing at all changed that was linted."""

from pathlib import Path

import pytest

from tests.repo.lint_sql import MIGRATIONS, Linted, digest_of, read_record, unlinted

RULES, LINTER = b"[sqlfluff]\n", "4.5.0"


@pytest.fixture
def migrations(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"2026112300000{n}_step.sql" for n in range(4)]
    for number, path in enumerate(found):
        path.write_text(f"select {number};\n")
    return found


def recorded(migrations: list[Path], count: int) -> Linted:
    digest = digest_of(migrations[:count], config=RULES, linter=LINTER)
    return Linted(last=migrations[count - 1].name, digest=digest)


def test_what_came_after_the_last_one_is_linted(migrations: list[Path]) -> None:
    for count in (1, 3, 4):
        record = recorded(migrations, count)
        assert unlinted(migrations, record, config=RULES, linter=LINTER) == migrations[count:]


@pytest.mark.parametrize(
    "changed", ["a file", "a name", "a file is gone", "one came between", "the rules", "the linter"]
)
def test_everything_is_linted_when_anything_changed(migrations: list[Path], changed: str) -> None:
    record, config, linter = recorded(migrations, 3), RULES, LINTER
    match changed:
        case "a file":
            migrations[0].write_text("select 0 ;\n")
        case "a name":
            other = migrations[1].with_name("20261123000001_other.sql")
            migrations[1] = migrations[1].rename(other)
        case "a file is gone":
            del migrations[2]
        case "one came between":
            migrations.insert(1, migrations[0].with_name("20261123000000_then.sql"))
            migrations[1].write_text("select 5;\n")
        case "the rules":
            config = RULES + b"dialect = postgres\n"
        case "the linter":
            linter = "4.5.1"
    assert unlinted(migrations, record, config=config, linter=linter) == migrations


def test_the_record_names_a_migration_that_is_there() -> None:
    assert (MIGRATIONS / read_record().last).is_file()
