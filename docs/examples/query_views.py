"""What is open, and what the last trades brought: views of Stopward, by supabase-py."""

import os

from supabase import create_client

project = create_client(os.environ["SUPABASE_URL"], os.environ["SUPABASE_SECRET_KEY"])
views = project.schema("api")

# Money is asked for as text: a number of JSON would become a float on its way.
positions = (
    views.table("open_positions")
    .select("symbol, side, quantity::text, stop::text, stop_rule, now_r")
    .eq("account_id", "local")
    .order("symbol")
    .execute()
)
for row in positions.data:
    print(f"open {row['symbol']} {row['side']} {row['quantity']} stop {row['stop']}")

trades = (
    views.table("trade_journal")
    .select("symbol, cause, result::text, result_r", count="exact")
    .eq("account_id", "local")
    .or_("result_r.gte.0.5,result_r.lte.-0.5")
    .order("closed_at", desc=True)
    .limit(5)
    .execute()
)
print(f"{trades.count} trades made or lost half an R or more; the last:")
for row in trades.data:
    print(f"closed {row['symbol']} by {row['cause']}: {row['result']}, {row['result_r']:.2f}R")

health = views.table("guard_health").select("*").eq("account_id", "local").single().execute()
print(f"mode {health.data['mode']}, open alarms {health.data['open_alarms']}")
