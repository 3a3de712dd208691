-- Which rules were in force at noon on the 20th, and until when?
select
    rules_hash,
    in_force_from,
    in_force_until,
    rules_toml
from api.settings_history
where
    account_id = 'demo'
    and in_force_from <= '2026-11-20 17:00+00'
    and coalesce(in_force_until, 'infinity') > '2026-11-20 17:00+00';
