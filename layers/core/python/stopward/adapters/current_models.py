"""Models that have a role, over schema api."""

from typing import Any, cast

from stopward.adapters import rows
from stopward.adapters.functions import Functions
from stopward.domain.current_model import CurrentModel
from stopward.domain.identity import AccountId


def current_models(functions: Functions, account_id: AccountId) -> tuple[CurrentModel, ...]:
    """Return the models of an account that have a role, with the weight that each may have now."""
    answer = functions.call("current_models", "request", {"account_id": account_id})
    return tuple(rows.read(CurrentModel, each) for each in cast("Any", answer["models"]))
