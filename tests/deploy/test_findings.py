"""What linters print is read right, and every skip has its reason on the page."""

import json

import pytest

from tests.deploy.findings import EXPLAINED, IGNORED, read_cfn_lint, read_checkov
from tests.docs.pages import ROOT, page
from tests.repo.advisors import Finding, judge

FAILED = {
    "check_id": "CKV_AWS_18",
    "file_path": "/template.yaml",
    "resource": "AWS::S3::Bucket.ArchiveBucket",
    "check_name": "Ensure the S3 bucket has access logging enabled",
}
OTHER = {**FAILED, "check_id": "CKV_AWS_53", "resource": "AWS::S3::Bucket.Open"}


def printed(**results: object) -> str:
    return json.dumps({"results": {"failed_checks": [], "parsing_errors": [], **results}})


def test_what_checkov_fails_is_a_finding() -> None:
    (found,) = read_checkov(printed(failed_checks=[FAILED]))
    assert (found.name, found.about) == (
        "CKV_AWS_18", "template.yaml: AWS::S3::Bucket.ArchiveBucket",
    )  # fmt: skip


def test_a_skip_in_a_template_counts_as_a_finding_too() -> None:
    assert len(read_checkov(printed(failed_checks=[FAILED], skipped_checks=[OTHER]))) == 2


def test_a_file_that_checkov_cannot_read_is_no_success() -> None:
    with pytest.raises(ValueError, match="cannot read"):
        read_checkov(printed(parsing_errors=["/template.yaml"]))


def test_what_is_not_explained_is_a_fault_and_so_is_a_reason_for_nothing() -> None:
    faults, _ = judge(read_checkov(printed(failed_checks=[OTHER])), EXPLAINED)
    assert [fault for fault in faults if "CKV_AWS_53" in fault]
    assert len([fault for fault in faults if "take it out" in fault]) == len(EXPLAINED)


def test_what_cfn_lint_prints_is_read() -> None:
    said = {
        "Rule": {"Id": "W3002"},
        "Filename": "infra/sweep.yaml",
        "Location": {"Start": {"LineNumber": 7}},
        "Message": "needs package",
    }
    assert read_cfn_lint(json.dumps([said])) == (
        Finding(
            name="W3002", level="WARN", about="infra/sweep.yaml", detail="line 7: needs package"
        ),
    )


def test_what_a_template_tells_cfn_lint_to_leave_out_is_found_all_the_same() -> None:
    assert (ROOT / "infra" / "sweep.yaml").read_text(encoding="utf-8").count("ignore_checks") == 1
    assert IGNORED in (ROOT / "infra" / "sweep.yaml").read_text(encoding="utf-8")
    assert "ignore_checks" not in (ROOT / "template.yaml").read_text(encoding="utf-8")


def test_the_page_tells_each_reason() -> None:
    text = page("infra/README.md")
    assert [each.name for each in EXPLAINED if each.because not in text] == []
    assert [each.name for each in EXPLAINED if f"`{each.name}`" not in text] == []
