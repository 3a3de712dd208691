"""What breaks the rules of models, predictions, features, rollout and training."""

import json

from tests.builders.models import EVIDENCE, a_model
from tests.builders.rules.case import (
    Case,
    Cases,
    after,
    asks,
    asks_again,
    asks_row,
    asks_row_again,
    behind,
    copied,
    sql,
    updated,
    without,
)


def trained(**changes: str) -> Case:
    """Finish a training by hand, with columns that are expressions of SQL."""
    columns = {
        "attempts": "1",
        "started_at": "now()",
        "started_by": "'one'",
        "claimed_until": "now()",
        "trades_at_start": "1",
        "finished_at": "now()",
        "verdict": "'failed'",
        **changes,
    }
    given = ", ".join(f"{name} = {value}" for name, value in columns.items())
    return updated("training_requests", given)


def moved(**changes: str) -> Case:
    """Insert an event of a rollout past the trigger that counts and dates it."""
    columns = {"id": "'fresh'", "number": "9", "evidence": f"'{json.dumps(EVIDENCE)}'", **changes}
    return behind("rollout_events", "rollout_events_check", copied("rollout_events", **columns))


UP = asks("move_rollout")
EXPIRED = asks(
    "register_model", created_at="2020-01-01T00:00:00Z", expires_at="2020-01-02T00:00:00Z"
)

CASES: Cases = {
    "feature_schemas_names_are_names": copied(
        "feature_schemas", schema_hash="'fresh'", names="'{}'"
    ),
    "model_aliases_account_fkey": copied("model_aliases", account_id="'nobody'", model_id="null"),
    "model_aliases_one_role": copied("model_aliases", alias="'challenger'"),
    "model_performance_ten_bins": copied("model_performance", bin_n="'{1}'"),
    # It is there for a foreign key to refer to.
    "models_kind_of_id": without("models", "models_pkey", copied("models")),
    "predictions_decision_follows": copied("predictions", signal_id="'fresh'", decision="'veto'"),
    "predictions_decision_known": copied(
        "predictions", decision="'bogus'", probability="t.threshold"
    ),
    "predictions_outcome_is_number": copied(
        "predictions",
        outcome_r="'NaN'",
        outcome_won="true",
        resolved_at="now()",
        resolved_day="'2026-11-23'",
    ),
    "predictions_position_fkey": copied(
        "predictions", signal_id="'fresh'", position_id="'nothing'"
    ),
    "predictions_vector_before_score": copied(
        "predictions", signal_id="'fresh'", vector="'{1, 2}'", vector_at="t.at + interval '1 hour'"
    ),
    "predictions_vector_is_numbers": copied(
        "predictions", signal_id="'fresh'", vector="'{NaN, 1}'", vector_at="t.at"
    ),
    "position_scores_times_plausible": copied("position_scores", at="'1999-12-31'"),
    "trigger position_scores_never_older": updated("position_scores", "at = at - interval '1 s'"),
    "predictions_weight_leaves_control": copied("predictions", weight="0.75", arm="'model'"),
    "rollout_events_cooldown_follows": moved(
        kind="'demotion'", from_stage="'pilot'", weight_from="0.1"
    ),
    "rollout_events_model_fkey": copied("rollout_events", id="'fresh'", model_id="'nothing'"),
    "rollout_events_times_plausible": moved(
        kind="'demotion'",
        from_stage="'pilot'",
        weight_from="0.1",
        cooldown_until="'2300-01-01'",
    ),
    "rollout_events_one_chain": moved(number="t.number"),
    "rollout_events_one_step_up": moved(
        kind="'promotion'", to_stage="'expansion'", weight_to="0.3"
    ),
    "trade_features_outcome_is_number": copied(
        "trade_features", outcome_r="'NaN'", outcome_won="true", outcome_at="now()"
    ),
    "trade_features_vector_is_numbers": copied("trade_features", vector="'{NaN, 1}'"),
    "training_requests_model_fkey": trained(verdict="'published'", model_id="'nothing'"),
    "training_requests_published_has_model": trained(verdict="'published'"),
    "training_requests_verdict_known": trained(verdict="'bogus'"),
    "trigger training_requests_finished_is_final": after(trained(), trained(numbers="'{}'")),
    "check_predictions predictions_before_outcome": copied(
        "predictions", signal_id="'fresh'", position_id="%(closed)s"
    ),
    "check_predictions predictions_schema_matches": copied(
        "predictions", signal_id="'fresh'", schema_hash="'other'"
    ),
    "check_predictions predictions_model_serves": copied(
        "predictions", signal_id="'fresh'", at="now() + interval '1 year'"
    ),
    "check_predictions predictions_threshold_of_model": copied(
        "predictions", signal_id="'fresh'", threshold="0.55"
    ),
    "read_open_positions read_open_positions_request": asks("read_open_positions", results=1001),
    "require_all put_position_scores_request": asks_row(
        "put_position_scores", "scores", at="yesterday"
    ),
    "read_outcomes read_outcomes_request": asks("read_outcomes", limit=0),
    "check_weights predictions_weight_of_rollout": copied(
        "predictions", signal_id="'fresh'", weight="0.5", arm="'control'"
    ),
    "check_rollout rollout_enters_at_the_least": asks("move_rollout", weight="0.15"),
    "check_rollout rollout_events_promotion_has_evidence": asks("move_rollout", evidence={"n": 1}),
    "check_rollout rollout_one_rise_a_session": after(
        UP, asks("move_rollout", id="e2", weight="0.15", expected_stage="pilot")
    ),
    "check_rollout rollout_continues": copied(
        "rollout_events", id="'fresh'", from_stage="'pilot'", weight_from="0.1"
    ),
    "check_rollout rollout_one_step_up": asks("move_rollout", to_stage="expansion", weight="0.3"),
    "check_rollout rollout_small_steps": after(
        UP, asks("move_rollout", id="e2", weight="0.2", expected_stage="pilot")
    ),
    "check_rollout rollout_model_serves": after(EXPIRED, asks("move_rollout", model_id="m2")),
    "check_rollout rollout_entry_models_only": after(
        asks("register_model", kind="open"), asks("move_rollout", model_id="m2")
    ),
    "check_rollout rollout_champion_only": after(
        asks("register_model"), asks("move_rollout", model_id="m2")
    ),
    "check_rollout rollout_cooldown": after(
        UP,
        asks("move_rollout", id="e2", to_stage="shadow", weight="0", expected_stage="pilot"),
        asks("move_rollout", id="e3"),
    ),
    "claim_training claim_training_request": asks("claim_training", seconds=0.5),
    "complete_minutes complete_minutes_request": asks("complete_minutes", limit=10_001),
    "conclude_training conclude_training_request": asks("conclude_training", verdict="failed"),
    "conclude_training training_requests_finished_is_final": asks_again(
        "conclude_training",
        models=[a_model("open-late", kind="open")],
        numbers={"open": {"verdict": "published"}},
    ),
    "prolong_training prolong_training_request": asks("prolong_training", seconds=0.5),
    "prolong_training stale_fence": asks("prolong_training", fence=99),
    "read_training_rows read_training_rows_request": asks("read_training_rows", limit=1001),
    "finish_training training_requests_known": asks("finish_training", id="nothing"),
    "finish_training stale_fence": asks("finish_training", fence=99),
    "finish_training training_requests_finished_is_final": asks_again(
        "finish_training", verdict="failed"
    ),
    "link_signal predictions_before_outcome": after(
        copied("predictions", signal_id="'fresh'", position_id="null"),
        sql("""
            select api.link_signal(jsonb_build_object(
                'account_id', %(account)s, 'signal_id', 'fresh', 'position_id', %(closed)s
            ))
            """),
    ),
    "move_rollout rollout_events_weight_fits_stage": asks("move_rollout", weight="0.25"),
    "move_rollout rollout_events_append_only": asks_again("move_rollout", weight="0.15"),
    "move_rollout rollout_continues": asks("move_rollout", expected_stage="expansion"),
    "put_feature_schema feature_schemas_names_are_names": asks(
        "put_feature_schema", names=["one", "one"]
    ),
    "put_feature_schema feature_schemas_append_only": asks_again(
        "put_feature_schema", names=["one", "three"]
    ),
    "put_features put_features_batch": asks("put_features", features=[{}] * 1001),
    "put_features trade_features_written_once": asks_row_again(
        "put_features", "features", values=["2.5", None]
    ),
    "put_position_scores position_scores_are_logged": asks_row(
        "put_position_scores", "scores", signal_id="nothing"
    ),
    "put_position_scores put_position_scores_request": asks(
        "put_position_scores", scores=[{}] * 1001
    ),
    "put_predictions predictions_vector_fits_schema": asks_row(
        "put_predictions", "predictions", vector=["1"]
    ),
    "put_predictions put_predictions_request": asks("put_predictions", predictions=[{}] * 1001),
    "refuse_features features_position_known": asks_row(
        "put_features", "features", position_id="nothing"
    ),
    "refuse_features features_schema_known": asks_row(
        "put_features", "features", schema_hash="nothing"
    ),
    "refuse_features features_fit_schema": asks_row("put_features", "features", values=["1"]),
    "refuse_features put_features_request": asks_row("put_features", "features", kind="bogus"),
    "register_model models_append_only": asks_again("register_model", trades=201),
    "require_all put_features_request": asks_row("put_features", "features", at="yesterday"),
    "require_all put_predictions_request": asks_row("put_predictions", "predictions", at="now"),
    "set_alias set_alias_request": asks("set_alias", expected=...),
    "set_alias model_aliases_expected": asks("set_alias", expected="m9"),
    "set_alias model_aliases_model_serves": asks("set_alias", model_id="nothing"),
    "trim_minutes trim_minutes_bounds": asks("trim_minutes", keep_days=29),
    "vector_of features_are_numbers": asks_row("put_features", "features", values=["x", None]),
    "vector_of features_are_float32": asks_row("put_features", "features", values=["1e39", None]),
}
