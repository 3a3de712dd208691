"""What linters of templates say, and which of it is as it should be: the one place for skips."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.deploy.command import run
from tests.repo.advisors import Explained, Finding, judge

TEMPLATES = ("template.yaml", "infra/sweep.yaml")
CHECKOV = (
    "--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "--output", "json",
)  # fmt: skip
IGNORED = "ignore_checks: [W3002]"
"""What infra/sweep.yaml tells cfn-lint to leave out, so that `make check` is silent about it."""

EXPLAINED: Sequence[Explained] = (
    Explained(
        name="CKV_AWS_117",
        about=r".*: AWS::(Serverless|Lambda)::Function\..*",
        because=(
            "nothing that a function calls is in a VPC; one would need a gateway to reach the "
            "broker, and a gateway that fails would leave positions alone"
        ),
    ),
    Explained(
        name="CKV_AWS_158",
        about=r".*: AWS::Logs::LogGroup\..*",
        because=(
            "CloudWatch encrypts logs with a key of its own; they hold no secret and no account "
            "number, and a customer's key costs each month and can be lost"
        ),
    ),
    Explained(
        name="CKV_AWS_173",
        about=r"template\.yaml: AWS::Serverless::Function\..*",
        because=(
            "Lambda encrypts variables with a key of its own; secrets are named in them by ARN, "
            "never held"
        ),
    ),
    Explained(
        name="CKV_AWS_18",
        about=r".*: AWS::S3::Bucket\.(Archive|Sweep)Bucket",
        because="only one role reads and writes it; CloudTrail knows who asked",
    ),
    Explained(
        name="CKV_AWS_21",
        about=r"infra/sweep\.yaml: AWS::S3::Bucket\.SweepBucket",
        because="an object is written once, never over another, and can be made again",
    ),
    Explained(
        name="CKV_AWS_115",
        about=(
            r"infra/sweep\.yaml: AWS::Lambda::Function\.ReplayShard"
            r"|template\.yaml: AWS::Serverless::Function\.(TickAccounts|Predict)"
        ),
        because=(
            "the state machine, the event source and who asks say how many run at once; a "
            "reservation would take from the account all the time"
        ),
    ),
    Explained(
        name="CKV_AWS_116",
        about=r"infra/sweep\.yaml: AWS::Lambda::Function\.ReplayShard",
        because="it is only invoked synchronously, and the state machine keeps what failed",
    ),
    Explained(
        name="CKV_AWS_27",
        about=r"template\.yaml: AWS::SQS::Queue\.(DeadLetters|Ticks)",
        because=(
            "SQS encrypts them with a key of its own (SqsManagedSseEnabled), which checkov does "
            "not look at"
        ),
    ),
    Explained(
        name="CKV_AWS_26",
        about=r"template\.yaml: AWS::SNS::Topic\.Alarms",
        because=(
            "CloudWatch may not use the AWS-managed key, so no alarm would be told; what is told "
            "holds no secret, and a customer's key costs each month and can be lost"
        ),
    ),
    Explained(
        name="W3002",
        about=r"infra/sweep\.yaml",
        because="the state machine's definition is a file beside it: the stack is packaged first",
    ),
)


def lint(root: Path, *, tools: Path, scratch: Path) -> tuple[list[str], list[str]]:
    """Return a line for each fault of the templates below `root`, and one for each explanation."""
    faults = []
    valid = run([tools / "sam", "validate", "--lint", "--template-file", "template.yaml"], at=root)
    if valid.returncode != 0:
        faults.append(f"sam validate --lint: {valid.stdout}{valid.stderr}")
    found = (*cfn_lint(root, tools=tools, scratch=scratch), *checkov(root, tools=tools))
    wrong, words = judge(found, EXPLAINED)
    return faults + wrong, words


def cfn_lint(root: Path, *, tools: Path, scratch: Path) -> tuple[Finding, ...]:
    """Return what cfn-lint finds in all templates, that too which they tell it to leave out."""
    bare = scratch / "bare"
    for name in TEMPLATES:
        text = (root / name).read_text(encoding="utf-8")
        (bare / name).parent.mkdir(parents=True, exist_ok=True)
        (bare / name).write_text(text.replace(IGNORED, "ignore_checks: []"), encoding="utf-8")
    done = run([tools / "cfn-lint", "--format", "json", *TEMPLATES], at=bare)
    return read_cfn_lint(done.stdout)


def read_cfn_lint(printed: str) -> tuple[Finding, ...]:
    """Return the findings that cfn-lint printed as JSON."""
    return tuple(
        Finding(
            name=each["Rule"]["Id"],
            level="WARN",
            about=each["Filename"],
            detail=f"line {each['Location']['Start']['LineNumber']}: {each['Message']}",
        )
        for each in json.loads(printed)
    )


def checkov(root: Path, *, tools: Path) -> tuple[Finding, ...]:
    """Return what checkov finds in all templates. Raises SystemExit when it reads none."""
    files = [word for name in TEMPLATES for word in ("--file", name)]
    done = run([tools / "checkov", *CHECKOV, *files], at=root)
    try:
        return read_checkov(done.stdout)
    except (ValueError, KeyError) as error:
        raise SystemExit(f"checkov gave no findings: {done.stdout}{done.stderr}") from error


def read_checkov(printed: str) -> tuple[Finding, ...]:
    """Return the findings that checkov printed as JSON; ValueError when a file was not understood.

    A skip that stands in a template is one too: they belong into EXPLAINED.
    """
    results = json.loads(printed)["results"]
    if results.get("parsing_errors"):
        raise ValueError(f"checkov cannot read {results['parsing_errors']}")
    return tuple(
        Finding(
            name=each["check_id"],
            level="WARN",
            about=f"{each['file_path'].lstrip('/')}: {each['resource']}",
            detail=each["check_name"],
        )
        for each in (*results["failed_checks"], *results.get("skipped_checks", ()))
    )
