// What is open, and what the last trades brought: views of Stopward, by supabase-js.
import { createClient } from "@supabase/supabase-js";

const project = createClient(process.env.SUPABASE_URL, process.env.SUPABASE_SECRET_KEY);
const views = project.schema("api");

// Money is asked for as text: a number of JSON would become a float on its way.
const positions = await views
  .from("open_positions")
  .select("symbol, side, quantity::text, stop::text, stop_rule, now_r")
  .eq("account_id", "local")
  .order("symbol")
  .throwOnError();
for (const row of positions.data) {
  console.log(`open ${row.symbol} ${row.side} ${row.quantity} stop ${row.stop}`);
}

const trades = await views
  .from("trade_journal")
  .select("symbol, cause, result::text, result_r", { count: "exact" })
  .eq("account_id", "local")
  .or("result_r.gte.0.5,result_r.lte.-0.5")
  .order("closed_at", { ascending: false })
  .limit(5)
  .throwOnError();
console.log(`${trades.count} trades made or lost half an R or more; the last:`);
for (const row of trades.data) {
  console.log(`closed ${row.symbol} by ${row.cause}: ${row.result}, ${row.result_r.toFixed(2)}R`);
}

const health = await views
  .from("guard_health")
  .select("*")
  .eq("account_id", "local")
  .single()
  .throwOnError();
console.log(`mode ${health.data.mode}, open alarms ${health.data.open_alarms}`);
