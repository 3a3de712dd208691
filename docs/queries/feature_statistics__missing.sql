-- Which features are missing too often?
select
    schema_hash,
    name,
    missing_share,
    vectors
from api.feature_statistics
where account_id = 'demo' and missing_share > 0.05
order by missing_share desc;
