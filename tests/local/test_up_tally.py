"""What the functions answered and printed, summed over a run."""

import json

from stopward.local.host.invocation import Answered, Failed
from stopward.local.up.tally import Reports


def failed(text: str) -> Failed:
    return Failed(error_type="ValueError", message=text)


def test_counts_of_the_answers_are_summed() -> None:
    reports = Reports()
    for ticks in (2, 3):
        reports.outcome("monitor", Answered(payload=json.dumps({"ticks": ticks})))
    assert (reports.count("ticks"), reports.count("other"), reports.newest()) == (5, 0, "")


def test_the_newest_trouble_is_one_short_line() -> None:
    reports = Reports()
    reports.outcome("monitor", failed("first"))
    reports.outcome("monitor", failed("second\n" + "word " * 100))
    newest = reports.newest()
    assert newest.startswith("2 so far, the newest: monitor")
    assert "second" in newest
    assert len(newest.splitlines()) == 1
    assert len(newest) < 160
    assert "word " * 100 in reports.trouble()[-1]
