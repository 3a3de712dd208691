-- Why: what a model says of what is open is for people to see too, how old it is, and whether a rule may go by it.
-- Lock: none. Phase: before deploy.

create view api.position_scores with (security_invoker = true) as
select
    s.account_id,
    s.position_id,
    p.symbol,
    p.side,
    s.model_id,
    s.at,
    s.probability,
    s.threshold,
    s.binds,
    p.closed_at is null as is_open
from stopward.position_scores as s
inner join stopward.positions as p on s.account_id = p.account_id and s.position_id = p.id;
comment on view api.position_scores is
'What a model last said of each position that it was asked about: the probability that the trade ends with a gain, as of at; binds where a rule may go by it.';

grant select on api.position_scores to authenticated, service_role, stopward_worker;
