"""The nightly function, as Lambda loads it: a real database, an archive in a folder or in S3."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from stopward import bootstrap
from stopward.errors import InvalidInput
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.journal import OldJournal, an_old_journal, objects
from tests.builders.lambda_function import a_context, load_app, metrics

JANUARY = "2024-01-15 15:00+00"
EVENT = {"time": "2026-11-23T06:00:00Z"}
CONTEXT = a_context("keep_journal", memory=512)


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "keep_journal") as found:
        yield found


@pytest.fixture
def old(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OldJournal]:
    for name in ("STOPWARD_ARCHIVE_BUCKET", "STOPWARD_ARCHIVE_FOLDER", "STOPWARD_JOURNAL_MONTHS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STOPWARD_ACCOUNT_ID", "main")
    monkeypatch.setenv("STOPWARD_DATABASE_URL", url)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "stopward")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Stopward")
    for found in an_old_journal(url):
        found.decisions(found.position("p1"), first=JANUARY, count=5)
        yield found


def run(event: dict[str, str]) -> dict[str, int]:
    app = load_app("keep_journal")
    try:
        counts: dict[str, int] = app.handler(event, CONTEXT)
    finally:
        app.keeper.journal._functions.close()
    return counts


def test_a_night_is_kept_and_counted(
    old: OldJournal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STOPWARD_ARCHIVE_FOLDER", str(tmp_path))
    counts = run(EVENT)
    assert counts["journal_months_dropped"] == counts["journal_months_archived"] == 1
    assert counts["journal_rows_filed"] == counts["journal_rows_dropped"] == 5
    assert (counts["journal_failures"], counts["journal_months_ahead"]) == (0, 2)
    assert len(objects(tmp_path)) == 1
    emitted = metrics(capsys.readouterr().out)
    assert emitted["JournalMonthsDropped"] == [1.0]
    assert emitted["JournalFailures"] == [0.0]
    assert set(emitted) == {
        "".join(word.capitalize() for word in name.split("_")) for name in counts
    }


def test_an_archive_in_a_bucket(
    old: OldJournal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("STOPWARD_ARCHIVE_BUCKET", "months")
    with mock_aws():
        refused = run(EVENT)
        assert (refused["journal_failures"], refused["journal_months_dropped"]) == (1, 0)
        assert len(old.rows("decisions")) == 5
        (record,) = [each for each in caplog.records if each.message == "journal_kept"]
        assert record.levelname == "ERROR"
        assert "does the bucket exist" in record.__dict__["failed"][0]
        boto3.client("s3").create_bucket(Bucket="months")
        assert run(EVENT)["journal_months_dropped"] == 1
        listed = boto3.client("s3").list_objects_v2(Bucket="months")["Contents"]
    keys = [each["Key"] for each in listed]
    assert [key.rpartition(".")[2] for key in keys] == ["json", "gz"]
    assert all(key.startswith("journal/decisions/2024-01.") for key in keys)
    assert old.archives() == [("decisions", "2024-01", 5, True)]


def test_without_an_archive_nothing_is_dropped(old: OldJournal) -> None:
    assert run(EVENT)["journal_months_dropped"] == 0
    assert len(old.rows("decisions")) == 5


def test_the_setting_says_how_much_stays_and_the_event_which_day_it_is(
    old: OldJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOPWARD_ARCHIVE_FOLDER", str(tmp_path))
    monkeypatch.setenv("STOPWARD_JOURNAL_MONTHS", "36")
    assert run(EVENT)["journal_months_dropped"] == 0
    monkeypatch.setenv("STOPWARD_JOURNAL_MONTHS", "3")
    assert run({"time": "2024-04-30T06:00:00Z"})["journal_months_dropped"] == 0
    assert run({"time": "2024-05-01T06:00:00Z"})["journal_months_dropped"] == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("STOPWARD_ARCHIVE_BUCKET", "s3://months", "STOPWARD_ARCHIVE_BUCKET"),
        ("STOPWARD_JOURNAL_MONTHS", "2", 'STOPWARD_JOURNAL_MONTHS was "2"'),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_the_start(name: str, value: str, says: str) -> None:
    environment = {
        "STOPWARD_ACCOUNT_ID": "main", "STOPWARD_DATABASE_URL": "postgresql://u@127.0.0.1/d"
    }  # fmt: skip
    with pytest.raises(InvalidInput, match=says):
        bootstrap.journal_keeper(environment={**environment, name: value})
    both = {"STOPWARD_ARCHIVE_BUCKET": "months", "STOPWARD_ARCHIVE_FOLDER": "/x"}
    with pytest.raises(InvalidInput, match="not both"):
        bootstrap.journal_keeper(environment={**environment, **both})
