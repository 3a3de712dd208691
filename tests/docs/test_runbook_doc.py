"""docs/runbook.md has an answer to every alarm and every exit code that the code can give."""

import ast
import io
import re
import shlex

import psycopg
import pytest

from stopward.local import cli
from stopward.local.exit_code import ExitCode
from tests.docs.pages import PAGES, ROOT, blocks, page, section

NAME = "docs/runbook.md"
PACKAGE = ROOT / "layers/core/python/stopward"
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def texts(node: ast.expr, function: ast.AST) -> set[str]:
    """Return the texts that an expression can be: a constant, a choice of two, or a local name."""
    match node:
        case ast.Constant(value=str() as text):
            return {text}
        case ast.IfExp(body=body, orelse=orelse):
            return texts(body, function) | texts(orelse, function)
        case ast.Name(id=name):
            values = [
                step.value
                for step in ast.walk(function)
                if isinstance(step, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == name for t in step.targets)
            ]
            return {text for value in values for text in texts(value, function)}
        case _:
            return set()


def kinds_in(source: str, *, name: str) -> set[str]:
    """Return the kinds of the alarms that a module makes; refuses one that it cannot read."""
    found: set[str] = set()
    tree = ast.parse(source)
    for function in (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)):
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            if not (isinstance(call.func, ast.Name) and call.func.id == "Alarm"):
                continue
            kind = next((word.value for word in call.keywords if word.arg == "kind"), None)
            known = set() if kind is None else texts(kind, function)
            assert known, f"{name}, line {call.lineno}: the alarm's kind cannot be read"
            found |= known
    return found


def alarm_kinds() -> set[str]:
    return {
        kind
        for path in sorted(PACKAGE.rglob("*.py"))
        for kind in kinds_in(path.read_text(encoding="utf-8"), name=str(path.relative_to(PACKAGE)))
    }


def documented() -> list[str]:
    return re.findall(r"^### (.+)$", section(NAME, "## Alarms"), re.MULTILINE)


def test_each_kind_of_alarm_has_a_heading_and_no_heading_is_left_over():
    assert alarm_kinds() == set(documented())
    assert len(documented()) == len(set(documented()))


@pytest.mark.parametrize("kind", documented())
def test_each_alarm_tells_what_is_seen_what_it_means_and_what_to_do(kind):
    said = f"\n{section(NAME, f'### {kind}')}"
    for word in ("You see", "It means", "By itself", "You"):
        assert f"\n- {word}: " in said


def test_the_collector_reads_constants_choices_and_names():
    source = """
def give_up(error):
    kind = "rules" if isinstance(error, ValueError) else "broker"
    return [Alarm(kind=kind), Alarm(kind="plain")]
"""
    assert kinds_in(source, name="sample") == {"rules", "broker", "plain"}
    with pytest.raises(AssertionError, match="cannot be read"):
        kinds_in("def f(k):\n    return Alarm(kind=k)\n", name="sample")


def test_each_degraded_mode_is_proved_by_a_test_that_there_is():
    proofs = re.findall(r"\| `(\w+)` \|$", section(NAME, "## Degraded modes"), re.MULTILINE)
    rows = section(NAME, "## Degraded modes").count("\n| ")
    assert len(proofs) == rows - 2  # head and line
    sources = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)\(", sources, re.MULTILINE))
    assert set(proofs) <= tests
    degraded = (ROOT / "tests/faults/test_degraded.py").read_text(encoding="utf-8")
    assert set(re.findall(r"^def (test_\w+)\(", degraded, re.MULTILINE)) <= set(proofs)


@pytest.mark.parametrize(
    ("name", "heading"),
    [(NAME, "## Exit codes of the command line"), ("README.md", "## Your own data")],
)
def test_the_exit_codes_are_those_of_the_command_line(name, heading):
    codes = re.findall(r"^\| (\d+) \|", section(name, heading), re.MULTILINE)
    assert [int(code) for code in codes] == [int(code) for code in ExitCode]


def test_the_sql_of_the_runbook_runs_as_the_guard(make_database, template_database):
    url = make_database(template=template_database)
    statements = [
        statement.strip()
        for block in blocks(NAME, "sql")
        for statement in block.split(";")
        if statement.strip()
    ]
    assert len(statements) == 3
    with psycopg.connect(url, autocommit=True, options="-c role=stopward_worker") as connection:
        for statement in statements:
            assert connection.execute(statement.encode()).description


def test_the_commands_that_make_an_account_ready_do(
    make_database, template_database, tmp_path, monkeypatch, capsys
):
    url = make_database(template=template_database)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("main\n"))
    (tmp_path / "my.toml").write_text('[rules]\npreset = "standard"\n', encoding="utf-8")
    (block,) = [code for code in blocks(NAME, "") if code.startswith("stopward account open")]
    lines = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    assert len(lines) == 5
    for words in lines:
        keyless = ["--nyse"] if words[0] == "sessions" else []
        assert cli.main([*words, *keyless, "--database-url", url]) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    assert "mode guard from the next tick on" in said.out
    assert said.err.splitlines()[-1].endswith("go on: ")  # nothing is lacking any more
    with psycopg.connect(url, options="-c role=stopward_worker") as connection:
        found = connection.execute("select id, mode from stopward.accounts").fetchall()
    assert found == [("main", "guard")]


@pytest.mark.parametrize("name", PAGES)
def test_the_functions_and_views_of_the_api_that_a_page_names_exist(name):
    schema = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "supabase/migrations").glob("*.sql")
    )
    made = set(re.findall(r"create (?:or replace )?(?:view|function) (api\.\w+)", schema))
    assert set(re.findall(r"(?<![\w./-])api\.[a-z_]+\b(?!\.\w+\.|\.markets)", page(name))) <= made
