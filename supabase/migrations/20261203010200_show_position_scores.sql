-- Why: what a model says of what is open is for people to see too, how old it is, and whether a rule may go by it. It looks at
--      the key once for each position that is open, whatever the planner believes of how many there are.
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
    s.binds
from stopward.positions as p
inner join lateral (
    select
        k.account_id,
        k.position_id,
        k.model_id,
        k.at,
        k.probability,
        k.threshold,
        k.binds
    from stopward.position_scores as k
    where p.account_id = k.account_id and p.id = k.position_id
    order by k.at
    limit 1
) as s on true
where p.closed_at is null;
comment on view api.position_scores is
'What a model last said of each open position that it was asked about: the probability that the trade ends with a gain, as of at; binds where a rule may go by it.';

grant select on api.position_scores to authenticated, service_role, stopward_worker;
