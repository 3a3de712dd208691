"""What a model card asks of one `account` and `model`."""

from typing import LiteralString

REGISTERED: LiteralString = """
    select manifest, alias
    from api.models
    where account_id = %(account)s and model_id = %(model)s
"""
LIVE: LiteralString = """
    select
        s.*,
        n.intercept, n.intercept_low, n.intercept_high, n.brier_skill as nights_skill,
        n.brier_skill_low, n.brier_skill_high, n.recent_skill, n.recent_skill_low,
        n.recent_skill_high, n.psi_n, n.psi_unknown, n.drift, n.more
    from api.model_performance_summary as s
    left join api.model_statistics as n
        on s.account_id = n.account_id
        and s.model_id = n.model_id
        and s.statistics_day = n.session_day
    where s.account_id = %(account)s and s.model_id = %(model)s
"""
STAGE: LiteralString = """
    select stage, weight
    from api.rollout_status
    where account_id = %(account)s and model_id = %(model)s
"""
