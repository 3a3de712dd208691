-- Which features differ most between trades that won and trades that lost?
select
    name,
    vectors,
    missing_share,
    mean,
    sd,
    won_mean,
    lost_mean,
    standardised_difference,
    outcome_correlation
from api.feature_statistics
where account_id = 'demo' and kind = 'entry'
order by abs(standardised_difference) desc nulls last
limit 20;
