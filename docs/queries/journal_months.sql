-- Which months of the journal are here, how large are they, and where are the older ones?
select table_name, month, state, rows_estimate, bytes, archived_at, dropped_at, location
from api.journal_months
order by table_name, month desc;
