"""`make check` fails on what Supabase's linter finds, unless it is explained."""

import psycopg
import pytest

from tests.conftest import ROOT, MakeDatabase
from tests.repo.advisors import EXPLAINED, Explained, Finding, advise, judge

A_FINDING = Finding(name="unindexed", level="WARN", about="stopward.t", detail="no index")
AN_EXPLANATION = Explained(name="unindexed", about=r"stopward\.t", because="three rows")


def test_an_explained_warning_is_a_note() -> None:
    faults, words = judge([A_FINDING], [AN_EXPLANATION])
    assert faults == []
    assert words == [r"unindexed, stopward\.t: 1 explained: three rows"]


@pytest.mark.parametrize(
    ("findings", "explained", "said"),
    [
        ([A_FINDING], [], "WARN unindexed: stopward.t: no index"),
        ([], [AN_EXPLANATION], "nothing is found: take it out"),
        (
            [Finding(name="unindexed", level="ERROR", about="stopward.t", detail="no index")],
            [AN_EXPLANATION],
            "ERROR unindexed",
        ),
        (
            [Finding(name="unindexed", level="INFO", about="stopward.t2", detail="no index")],
            [],
            "INFO unindexed: stopward.t2",
        ),
    ],
)
def test_the_rest_is_a_fault(
    findings: list[Finding], explained: list[Explained], said: str
) -> None:
    faults, _ = judge(findings, explained)
    assert len(faults) == 1
    assert said in faults[0]


def test_a_pattern_covers_whole_names_only() -> None:
    other = Finding(name="unindexed", level="WARN", about="stopward.tables", detail="")
    assert len(judge([A_FINDING, other], [AN_EXPLANATION])[0]) == 1


def test_the_migrations_have_no_fault_and_a_careless_one_has(
    make_database: MakeDatabase, template_database: str
) -> None:
    url = make_database(template=template_database)
    code, findings = advise(url)
    assert code == 0
    assert judge(findings)[0] == []
    with psycopg.connect(url) as connection:
        connection.execute("create table api.careless (id int)")
        connection.execute("create view api.open as select * from stopward.accounts")
        connection.execute("grant select on api.careless, api.open to anon")
        connection.execute("grant usage on schema api to anon")
    code, findings = advise(url)
    assert code != 0
    assert {fault.split(":")[0] for fault in judge(findings)[0]} >= {
        "ERROR rls_disabled_in_public",
        "ERROR security_definer_view",
    }


def test_the_page_tells_each_reason() -> None:
    page = (ROOT / "infra" / "advisors.md").read_text(encoding="utf-8")
    assert [each for each in EXPLAINED if each.name not in page or each.because not in page] == []
