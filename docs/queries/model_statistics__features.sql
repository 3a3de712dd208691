-- Which features lie otherwise than in training (over 0.2 is much)?
select
    f.key as feature,
    f.value::double precision as stability_index,
    s.psi_n
from api.model_statistics as s
cross join lateral jsonb_each_text(s.psi) as f
where
    s.account_id = 'demo'
    and s.model_id = 'champion-1'
    and s.session_day = (
        select max(l.session_day)
        from api.model_statistics as l
        where l.account_id = 'demo' and l.model_id = 'champion-1'
    )
order by f.value::double precision desc;
