"""docs/model-serving.md: its request is scored, its answers have the shape that is told."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from stopward.adapters.signals import UnusableRequest, read_request, refusal
from stopward.domain.features import ENTRY as FEATURES
from stopward.domain.identity import AccountId
from stopward.domain.scoring.occlusion import MOVED
from stopward.services.answers import document
from stopward.settings import Settings
from tests.builders.opened_models import ENTRY
from tests.builders.scoring import a_scoring, sent
from tests.docs.pages import ROOT, blocks, page, refreshed
from tests.docs.serving_document import BLOCKS

NAME = "docs/model-serving.md"
REQUEST, ANSWER, REFUSAL = (json.loads(text) for text in blocks(NAME, "json"))
MAIN = AccountId("main")


def asked(**changes: float | None) -> dict[str, Any]:
    """Return the request of the page, with its hash and with the features that it leaves out."""
    features = {**sent()["features"], **REQUEST["features"], **changes}
    return {**REQUEST, "schema_hash": ENTRY, "features": features}


def read(told: object) -> Any:
    now = datetime.fromisoformat(ANSWER["at"])
    return read_request(told, account_id=MAIN, any_account=False, now=now)


def shape(told: object) -> object:
    """Return the names of a document, level by level, and the kinds of its values."""
    if isinstance(told, dict):
        return {name: shape(value) for name, value in told.items()}
    if isinstance(told, list):
        return [shape(told[0])]
    return type(told).__name__


def test_the_generated_parts_are_those_of_the_code() -> None:
    text = page(NAME)
    assert refreshed(text, BLOCKS) == text, "run: python -m tests.docs.serving_document"
    assert text.count("<!-- generated: ") == len(BLOCKS)


def test_the_request_that_is_shown_is_scored_and_answered_as_shown(tmp_path: Path) -> None:
    request = read(asked())
    scoring, _ = a_scoring(tmp_path)
    told = document(scoring.score(request.account_id, request.signals))
    assert shape(told) == shape(ANSWER)
    assert told["scores"][0]["signal_id"] == ANSWER["scores"][0]["signal_id"]


def test_the_answer_that_is_shown_agrees_with_itself() -> None:
    (scored,) = ANSWER["scores"]
    score = scored["score"]
    assert (scored["decision"] == "take") == (score["probability"] > score["threshold"])
    (moved,) = score["moved"]
    assert moved["value"] == REQUEST["features"][moved["feature"]]


def test_the_refusal_that_is_shown_is_what_that_request_gets() -> None:
    try:
        read({"signals": [asked(), {**asked(rsi=61.5), "signal_id": "second"}]})
    except UnusableRequest as error:
        found = refusal(error)
    assert found == REFUSAL


def test_the_numbers_are_those_of_the_code() -> None:
    text = " ".join((ROOT / NAME).read_text(encoding="utf-8").split())
    assert f"STOPWARD_MODEL_REFRESH_SECONDS` ({_default('model_refresh_seconds'):g})" in text
    assert MOVED == 5
    assert set(REQUEST["features"]) <= {feature.name for feature in FEATURES}


def _default(name: str) -> float:
    return float(Settings.model_fields[name].default)
