-- Why: what every account shares: how symbols trade, when, and how much is usual.
-- Lock: none. Phase: before deploy.

create table stopward.instruments (
    symbol text not null,
    tick numeric(18, 6),
    fractionable boolean not null default true,
    constraint instruments_pkey primary key (symbol),
    constraint instruments_symbol_not_empty check (symbol <> ''),
    constraint instruments_tick_positive check (tick > 0 and tick <> 'NaN')
);
comment on table stopward.instruments is 'How a symbol trades; a symbol without a row follows the US equity rule.';
comment on column stopward.instruments.tick is
'Smallest price step in dollars; null is the US equity rule, 0.01 from one dollar and 0.0001 below.';
alter table stopward.instruments enable row level security;

create table stopward.market_sessions (
    exchange text not null,
    day date not null,
    opens_at timestamptz not null,
    closes_at timestamptz not null,
    constraint market_sessions_pkey primary key (exchange, day),
    constraint market_sessions_open_before_close check (opens_at < closes_at)
);
create index market_sessions_opens_idx on stopward.market_sessions (exchange, opens_at);
comment on table stopward.market_sessions is 'One trading day of one exchange; half days close early.';
comment on column stopward.market_sessions.day is 'Date at the exchange.';
comment on column stopward.market_sessions.opens_at is 'Start of the regular session (UTC).';
comment on column stopward.market_sessions.closes_at is 'End of the regular session (UTC).';
alter table stopward.market_sessions enable row level security;

create table stopward.usual_volumes (
    symbol text not null,
    minute integer not null,
    volume double precision not null,
    constraint usual_volumes_pkey primary key (symbol, minute),
    constraint usual_volumes_minute_in_day check (minute between 0 and 1439),
    constraint usual_volumes_volume_is_number check (volume >= 0 and volume < 'Infinity')
);
comment on table stopward.usual_volumes is 'Mean volume of each minute of the session, for relative volume.';
comment on column stopward.usual_volumes.minute is 'Whole minutes from the open to the start of the bar; 0 is the first bar.';
comment on column stopward.usual_volumes.volume is 'Shares (or contracts) in that minute, a mean over sessions.';
alter table stopward.usual_volumes enable row level security;

create policy instruments_select_all on stopward.instruments
for select to authenticated, stopward_worker
using (true);

create policy market_sessions_select_all on stopward.market_sessions
for select to authenticated, stopward_worker
using (true);

create policy usual_volumes_select_all on stopward.usual_volumes
for select to authenticated, stopward_worker
using (true);

grant select on
stopward.instruments, stopward.market_sessions, stopward.usual_volumes
to authenticated, service_role, stopward_worker;
