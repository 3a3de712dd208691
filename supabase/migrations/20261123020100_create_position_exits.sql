-- Why: what each rule closed of a trade, and later what it saved or cost; a closed position has its trade.
--      Written when the trade is, from our orders, from what was observed, and the rest from the trade's cause.
--      None of it may refuse a tick: what is not known is null, and says so.
-- Lock: access exclusive on trades for a new column and its filling, a moment. Phase: before deploy.

create function stopward.session_day_of(of_exchange text, moment timestamptz)
returns date
language sql stable
set search_path = ''
as $$
select coalesce(
    (select s.day from stopward.session_at(of_exchange, moment) as s),
    (
        select s.day
        from stopward.market_sessions as s
        where s.exchange = of_exchange and s.opens_at <= moment
        order by s.opens_at desc
        limit 1
    ),
    (moment at time zone 'UTC')::date
)
$$;
comment on function stopward.session_day_of(text, timestamptz) is
'The session a moment belongs to, as a tick has it: the one within four hours, else the last, else the date in UTC.';
revoke execute on function stopward.session_day_of(text, timestamptz) from public;

create function stopward.number_of(given text)
returns numeric
language sql immutable
set search_path = ''
as $$
select case
    when length(given) <= 60 and given ~ '^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?$' then given::numeric
end
$$;
comment on function stopward.number_of(text) is 'The finite number that a text spells; null when it spells none.';
revoke execute on function stopward.number_of(text) from public;

create function stopward.product_of(given numeric[])
returns numeric
language plpgsql immutable strict
set search_path = ''
as $$
declare
    product numeric := 1;
    one numeric;
begin
    foreach one in array given loop
        product := product * one;
    end loop;
    return product;
end
$$;
comment on function stopward.product_of(numeric[]) is 'The exact product; null of no numbers at all.';
revoke execute on function stopward.product_of(numeric[]) from public;

create function stopward.r_of(given numeric)
returns numeric
language sql immutable
set search_path = ''
as $$
select case when abs(given) < 1000000000 then round(given, 9) end
$$;
comment on function stopward.r_of(numeric) is 'A result in R as it is stored, nine places; null when it is no number.';
revoke execute on function stopward.r_of(numeric) from public;

alter table stopward.trades add column session_day date;
comment on column stopward.trades.session_day is 'Session at the exchange in which it closed; null when its time is no time.';

create function stopward.stamp_session_day()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if new.session_day is null and isfinite(new.closed_at) then
        new.session_day := (
            select stopward.session_day_of(a.exchange, new.closed_at)
            from stopward.accounts as a
            where a.id = new.account_id
        );
    end if;
    return new;
end
$$;
comment on function stopward.stamp_session_day() is 'Trigger: say in which session a trade closed.';
revoke execute on function stopward.stamp_session_day() from public;

create trigger trades_stamp_session_day
before insert on stopward.trades
for each row execute function stopward.stamp_session_day();

alter table stopward.trades disable trigger trades_append_only;
update stopward.trades as t
set session_day = stopward.session_day_of(a.exchange, t.closed_at)
from stopward.accounts as a
where t.account_id = a.id and isfinite(t.closed_at);
alter table stopward.trades enable trigger trades_append_only;

create index trades_day_idx on stopward.trades (account_id, session_day);

create function stopward.require_trade()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if
        not exists (
            select from stopward.trades as t
            where t.account_id = new.account_id and t.position_id = new.id
        )
    then
        perform stopward.refuse(
            'positions_closed_has_trade',
            format('position %s of account %s was closed without a trade', new.id, new.account_id),
            'a position is closed by the trade that is written in the same transaction'
        );
    end if;
    return null;
end
$$;
comment on function stopward.require_trade() is 'Trigger: at commit, a closed position has its trade.';
revoke execute on function stopward.require_trade() from public;

create constraint trigger positions_closed_has_trade
after insert or update of closed_at on stopward.positions
deferrable initially deferred
for each row when (new.closed_at is not null)
execute function stopward.require_trade();

create table stopward.position_exits (
    account_id text not null,
    position_id text not null,
    rule text not null,
    session_day date,
    fills integer not null,
    quantity numeric(24, 9) not null,
    price numeric(18, 6),
    at timestamptz not null,
    result numeric(18, 6),
    r numeric(18, 9),
    trade_r numeric(18, 9),
    without_r numeric(18, 9),
    saved_r numeric(18, 9) generated always as (trade_r - without_r) stored,
    attributed_at timestamptz,
    attribution_version text,
    doubt text,
    constraint position_exits_pkey primary key (account_id, position_id, rule),
    constraint position_exits_trade_fkey foreign key (account_id, position_id)
    references stopward.trades (account_id, position_id),
    constraint position_exits_quantity_positive check (quantity > 0),
    constraint position_exits_fills_not_negative check (fills >= 0),
    constraint position_exits_attribution_is_dated check (
        (attributed_at is null) = (attribution_version is null)
        and (without_r is null or attributed_at is not null)
    ),
    constraint position_exits_doubt_known check (
        doubt in ('no_fills', 'overfilled', 'entry_changed', 'price_unknown', 'price_of_last_fill')
    ),
    constraint position_exits_numbers_are_numbers check (
        'NaN' not in (
            quantity, coalesce(price, 0), coalesce(result, 0), coalesce(r, 0), coalesce(trade_r, 0),
            coalesce(without_r, 0)
        )
    )
);
create index position_exits_log_idx on stopward.position_exits (account_id, at);
create index position_exits_unattributed_idx
on stopward.position_exits (account_id, session_day) where attributed_at is null;
comment on table stopward.position_exits is
'What one rule closed of one trade, its share of the result, and what the trade would have brought without it.';
comment on column stopward.position_exits.rule is
'The rule that sold, or that put the stop where it filled; stop and target for what rested, by_hand for the trader, guard for one of ours unknown.';
comment on column stopward.position_exits.session_day is 'Session at the exchange in which the trade closed.';
comment on column stopward.position_exits.fills is 'Orders, or observed reductions, that this row sums up.';
comment on column stopward.position_exits.quantity is 'Shares; over the rows of a trade they sum to what was closed.';
comment on column stopward.position_exits.price is 'Mean price in dollars a share; null when it cannot be known.';
comment on column stopward.position_exits.at is 'When the last of it became known (UTC).';
comment on column stopward.position_exits.result is
'Dollars before fees, against the average entry; null when the price is.';
comment on column stopward.position_exits.r is
'The same in R of the whole position, before fees: its share of the trade; null when the price is.';
comment on column stopward.position_exits.trade_r is 'Result of the whole trade in R, after fees; null when it is no number.';
comment on column stopward.position_exits.without_r is
'What the whole trade would have brought without this rule, in R after fees; null is unknown, never zero.';
comment on column stopward.position_exits.saved_r is
'trade_r minus without_r, in R: above zero the rule saved, below it cost; null is unknown.';
comment on column stopward.position_exits.attributed_at is 'When without_r was put (UTC); null before.';
comment on column stopward.position_exits.attribution_version is 'Version of the replay that said it; null before.';
comment on column stopward.position_exits.doubt is
'Why the row may be off: no_fills (taken from the trade), overfilled (orders tell more than was closed), entry_changed (shares were '
'added between exits), price_unknown, price_of_last_fill (the mean is not known); null when the fills add up.';
alter table stopward.position_exits enable row level security;

create trigger position_exits_facts_are_fixed
before update on stopward.position_exits
for each row when (
    (
        old.account_id, old.position_id, old.rule, old.session_day, old.fills, old.quantity, old.price, old.at,
        old.result, old.r, old.trade_r, old.doubt
    ) is distinct from (
        new.account_id, new.position_id, new.rule, new.session_day, new.fills, new.quantity, new.price, new.at,
        new.result, new.r, new.trade_r, new.doubt
    )
)
execute function stopward.refuse_change('position_exits_facts_are_fixed');

create trigger position_exits_never_deleted
before delete on stopward.position_exits
for each row execute function stopward.refuse_change('position_exits_never_deleted');

create function stopward.write_exits(of_account text, of_positions text[])
returns void
language plpgsql
set search_path = ''
as $$
begin
    -- By the hundred: the parts are joined to one another, and lists of thousands make that slow.
    for place in 1..coalesce(cardinality(of_positions), 0) by 100 loop
        with closed as (
            select
                t.position_id,
                t.cause,
                t.closed_at,
                t.session_day,
                p.average_entry,
                p.risk,
                p.initial_quantity,
                p.stop,
                p.stop_rule,
                p.closed_quantity > 0 as is_folded,
                'rebased' = any(p.flags) as is_rebased,
                case t.side when 'long' then 1 else -1 end as sign,
                case when p.closed_quantity > 0 then p.closed_quantity else t.quantity end as quantity,
                -- What all exits brought: the average entry is that of before them, unless shares came in between.
                case
                    when p.closed_quantity > 0
                        then p.average_entry * p.closed_quantity + case t.side when 'long' then 1 else -1 end * p.realised
                    else t.exit_price * t.quantity
                end as proceeds,
                stopward.r_of(case when abs(t.result_r) < 1000000000 then t.result_r::numeric end) as trade_r
            from unnest(of_positions[place:place + 99]) as g (position_id)
            inner join stopward.trades as t on t.account_id = of_account and g.position_id = t.position_id
            inner join stopward.positions as p on p.account_id = of_account and g.position_id = p.id
        ),

        splits as (
            select
                o.position_id,
                o.tick_at,
                stopward.number_of(o.detail ->> 'ratio') as ratio
            from closed as c
            inner join stopward.observations as o
                on o.account_id = of_account and c.position_id = o.position_id and o.kind = 'split'
            where stopward.number_of(o.detail ->> 'ratio') > 0
        ),

        -- A fill that was known before a split counts in new shares.
        fills as (
            select
                c.position_id,
                o.id,
                case
                    when o.step <> 'shrink' then o.rule
                    else coalesce(m.rule, case when c.stop = o.price then c.stop_rule end, 'stop')
                end as rule,
                o.filled_quantity * coalesce(s.ratio, 1) as quantity,
                o.filled_price / coalesce(s.ratio, 1) as price,
                coalesce(e.at, c.closed_at) as at,
                coalesce(e.tick_at, o.tick_at) as tick_at
            from closed as c
            inner join stopward.orders as o
                on o.account_id = of_account and c.position_id = o.position_id
            left join lateral (
                select
                    e.at,
                    e.tick_at
                from stopward.order_events as e
                where e.account_id = of_account and e.order_id = o.id and e.filled_quantity >= o.filled_quantity
                order by e.id
                limit 1
            ) as e on true
            -- A stop that was made smaller for an exit is still the stop of the rule that put it there.
            left join lateral (
                select m.rule
                from stopward.orders as m
                where
                    o.step = 'shrink'
                    and m.account_id = of_account
                    and m.position_id = c.position_id
                    and m.step in ('arm', 'move')
                    and m.price = o.price
                    and m.tick_at <= o.tick_at
                order by m.tick_at desc, m.id
                limit 1
            ) as m on true
            left join lateral (
                select stopward.product_of(array_agg(s.ratio)) as ratio
                from splits as s
                where s.position_id = c.position_id and s.tick_at >= coalesce(e.tick_at, o.tick_at)
            ) as s on true
            where o.filled_quantity > 0 and o.step <> 'release'
        ),

        -- What a tick saw leave, by the cause of its last fill.
        observed as (
            select
                c.position_id,
                o.cause as rule,
                sum(n.quantity * coalesce(s.ratio, 1)) as quantity,
                case
                    when bool_and(n.price is not null)
                        then sum(n.price * n.quantity) / nullif(sum(n.quantity * coalesce(s.ratio, 1)), 0)
                end as price,
                max(o.observed_at) as at,
                min(o.tick_at) as tick_at,
                count(*)::integer as fills
            from closed as c
            inner join stopward.observations as o
                on o.account_id = of_account and c.position_id = o.position_id and o.kind = 'reduced'
            cross join lateral (
                select
                    stopward.number_of(o.detail ->> 'quantity') as quantity,
                    stopward.number_of(o.detail ->> 'price') as price
            ) as n
            left join lateral (
                select stopward.product_of(array_agg(s.ratio)) as ratio
                from splits as s
                where s.position_id = c.position_id and s.tick_at >= o.tick_at
            ) as s on true
            where n.quantity > 0
            group by c.position_id, o.cause
        ),

        sums as (
            select
                f.position_id,
                f.rule,
                sum(f.quantity) as quantity
            from fills as f
            group by f.position_id, f.rule
        ),

        firsts as (
            select
                e.position_id,
                min(e.tick_at) as exit_at,
                sum(e.filled) as filled
            from (
                select
                    f.position_id,
                    f.tick_at,
                    f.quantity as filled
                from fills as f
                union all
                select
                    o.position_id,
                    o.tick_at,
                    0
                from observed as o
            ) as e
            group by e.position_id
        ),

        additions as (
            select
                c.position_id,
                max(a.tick_at) as last_at
            from closed as c
            inner join stopward.observations as a
                on a.account_id = of_account and c.position_id = a.position_id and a.kind = 'added'
            where c.is_rebased
            group by c.position_id
        ),

        known as (
            select
                c.*,
                coalesce(f.filled, 0) as filled,
                -- Orders that tell more than was closed ran into an exit that was not ours: that one counts first.
                case
                    when f.filled >= c.quantity and c.cause in ('by_hand', 'stop', 'target') and s.rule is null
                        then least(coalesce(o.quantity, 0), c.quantity)
                    else 0
                end as reserved,
                -- An average that shares changed between two exits says nothing of what each brought.
                c.is_rebased and not coalesce(a.last_at < f.exit_at, false) as is_mixed
            from closed as c
            left join firsts as f on c.position_id = f.position_id
            left join sums as s on c.position_id = s.position_id and c.cause = s.rule
            left join observed as o on c.position_id = o.position_id and c.cause = o.rule
            left join additions as a on c.position_id = a.position_id
        ),

        -- The fills of our orders, earliest first, up to what was closed.
        counted as (
            select
                f.position_id,
                f.rule,
                f.price,
                f.at,
                greatest(least(f.quantity, k.quantity - k.reserved - f.before), 0) as quantity
            from (
                select
                    f.*,
                    coalesce(
                        sum(f.quantity) over (
                            partition by f.position_id
                            order by f.tick_at, f.at, f.id
                            rows between unbounded preceding and 1 preceding
                        ),
                        0
                    ) as before
                from fills as f
            ) as f
            inner join known as k on f.position_id = k.position_id
        ),

        -- The rest: first what the trade's cause was seen to take, then other causes seen, then the trade's cause.
        rests as (
            select
                k.position_id,
                k.quantity - coalesce(sum(n.quantity), 0) as quantity
            from known as k
            left join counted as n on k.position_id = n.position_id
            group by k.position_id, k.quantity
        ),

        unexplained as (
            select
                o.position_id,
                o.rule,
                o.price,
                o.at,
                o.fills,
                greatest(o.quantity - coalesce(s.quantity, 0), 0) as quantity,
                o.rule = k.cause as is_cause
            from observed as o
            inner join known as k on o.position_id = k.position_id
            left join sums as s on o.position_id = s.position_id and o.rule = s.rule
        ),

        given_out as (
            select
                u.position_id,
                u.rule,
                u.price,
                u.at,
                u.fills,
                greatest(least(u.quantity, r.quantity - u.before), 0) as quantity
            from (
                select
                    u.*,
                    coalesce(
                        sum(u.quantity) over (
                            partition by u.position_id
                            order by u.is_cause desc, u.at desc, u.rule
                            rows between unbounded preceding and 1 preceding
                        ),
                        0
                    ) as before
                from unexplained as u
            ) as u
            inner join rests as r on u.position_id = r.position_id
        ),

        -- Less than a millionth of the position is the rounding of a split.
        remainders as (
            select
                g.position_id,
                g.rule,
                g.price,
                g.at,
                g.fills,
                g.quantity
            from given_out as g
            inner join known as k on g.position_id = k.position_id
            where g.quantity * 1000000 > k.quantity
            union all
            select
                k.position_id,
                k.cause,
                null,
                k.closed_at,
                0,
                r.quantity - coalesce(g.quantity, 0)
            from rests as r
            inner join known as k on r.position_id = k.position_id
            left join (
                select
                    g.position_id,
                    sum(g.quantity) as quantity
                from given_out as g
                group by g.position_id
            ) as g on r.position_id = g.position_id
            where (r.quantity - coalesce(g.quantity, 0)) * 1000000 > k.quantity
        ),

        parts as (
            select
                n.position_id,
                n.rule,
                n.quantity,
                n.price,
                n.at,
                1 as fills,
                n.price is null as is_unpriced,
                false as is_guessed
            from counted as n
            where n.quantity > 0
            union all
            select
                r.position_id,
                r.rule,
                r.quantity,
                r.price,
                r.at,
                r.fills,
                true,
                true
            from remainders as r
        ),

        -- One rule whose price nobody told has what is left of the proceeds; of several, each has the price last seen.
        rules as (
            select
                p.position_id,
                p.rule,
                sum(p.quantity) as quantity,
                sum(p.fills)::integer as fills,
                max(p.at) as at,
                bool_or(p.is_guessed) as is_guessed,
                bool_or(p.is_unpriced) as is_unpriced,
                case when bool_and(p.price is not null) then sum(p.price * p.quantity) end as seen_value
            from parts as p
            group by p.position_id, p.rule
        ),

        open_values as (
            select
                r.position_id,
                count(*) filter (where r.is_unpriced) as unpriced,
                count(*) filter (where r.is_unpriced and r.seen_value is null) as unseen,
                sum(r.seen_value) filter (where not r.is_unpriced) as priced_value,
                sum(r.seen_value) as seen_value
            from rules as r
            group by r.position_id
        ),

        valued as (
            select
                r.*,
                k.average_entry,
                k.risk,
                k.initial_quantity,
                k.sign,
                k.session_day,
                k.trade_r,
                k.is_folded,
                k.is_mixed,
                k.reserved > 0 or k.filled > k.quantity * 1.000001 as is_overfilled,
                -- The largest takes what rounding leaves, so that the rows sum to what was closed.
                k.quantity - sum(round(r.quantity, 9)) over (partition by r.position_id) as rounding,
                row_number() over (partition by r.position_id order by r.quantity desc, r.rule) as place,
                case
                    when not r.is_unpriced then r.seen_value
                    when not k.is_mixed and v.unpriced = 1 then k.proceeds - coalesce(v.priced_value, 0)
                    when r.seen_value is not null then r.seen_value
                    when not k.is_mixed and v.unseen = 1 then k.proceeds - coalesce(v.seen_value, 0)
                end as value,
                r.is_unpriced and r.seen_value is not null and (k.is_mixed or v.unpriced > 1) as is_last_price,
                v.unpriced > 1 as is_shared
            from rules as r
            inner join known as k on r.position_id = k.position_id
            inner join open_values as v on r.position_id = v.position_id
        ),

        -- A remainder that is less than no price at all was no remainder.
        sound as (
            select
                v.*,
                case when v.value > 0 and v.value < 100000000000 * v.quantity then v.value end as sure_value
            from valued as v
        )

        insert into stopward.position_exits (
            account_id, position_id, rule, session_day, fills, quantity, price, at, result, r, trade_r, doubt
        )
        select
            of_account,
            s.position_id,
            s.rule,
            s.session_day,
            s.fills,
            n.quantity,
            round(s.sure_value / s.quantity, 6),
            s.at,
            case when abs(n.result) < 100000000000 then round(n.result, 6) end,
            case when abs(n.result) < 100000000000 then stopward.r_of(n.result / (s.risk * s.initial_quantity)) end,
            s.trade_r,
            case
                when not s.is_folded then 'no_fills'
                when s.is_overfilled then 'overfilled'
                when s.sure_value is null then 'price_unknown'
                when s.is_mixed then 'entry_changed'
                when s.is_last_price or (s.is_unpriced and s.is_shared) then 'price_of_last_fill'
            end
        from sound as s
        cross join lateral (
            select
                s.sign * (s.sure_value - s.average_entry * s.quantity) as result,
                round(s.quantity, 9) + case s.place when 1 then s.rounding else 0 end as quantity
        ) as n
        where n.quantity > 0
        order by s.position_id, s.rule
        on conflict on constraint position_exits_pkey do nothing;
    end loop;
end
$$;
comment on function stopward.write_exits(text, text[]) is
'Write what each rule closed of the trades of these positions, once; over a trade the quantities sum to what was closed.';
revoke execute on function stopward.write_exits(text, text[]) from public;

create function stopward.tell_unbooked(of_account text, task text, error text)
returns void
language plpgsql
set search_path = ''
as $$
begin
    raise warning 'stopward: % of account % were not booked: %', task, of_account, error;
    perform stopward.tell(
        of_account,
        'alarm',
        'unbooked:' || task,
        'warning',
        format('%s of closed trades could not be booked; stopward.rebuild_rollups books them', task),
        jsonb_build_object('task', task, 'error', error)
    );
end
$$;
comment on function stopward.tell_unbooked(text, text, text) is
'Tell that bookkeeping failed, once for each task; the tick that it belonged to goes on.';
revoke execute on function stopward.tell_unbooked(text, text, text) from public;

create function stopward.book_each(of_account text, of_positions text[])
returns void
language plpgsql
set search_path = ''
as $$
declare
    this_position text;
begin
    -- Together it is quick; when one of them cannot be booked, the others still can.
    begin
        perform stopward.write_exits(of_account, of_positions);
        return;
    exception
        when others then
            null;
    end;
    foreach this_position in array of_positions loop
        begin
            perform stopward.write_exits(of_account, array[this_position]);
        exception
            when others then
                perform stopward.tell_unbooked(of_account, 'exits', format('position %s: %s', this_position, sqlerrm));
        end;
    end loop;
end
$$;
comment on function stopward.book_each(text, text[]) is
'Write what each rule closed of these trades; tells which could not be booked, and books the others.';
revoke execute on function stopward.book_each(text, text[]) from public;

create function stopward.book_exits()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    batch record;
begin
    for batch in
        select
            c.account_id,
            array_agg(c.position_id order by c.position_id) as positions
        from closed as c
        group by c.account_id
        order by c.account_id
    loop
        -- Bookkeeping may fail; the tick that found the position closed may not.
        perform stopward.book_each(batch.account_id, batch.positions);
    end loop;
    return null;
end
$$;
comment on function stopward.book_exits() is 'Trigger: write what each rule closed of the trades just written.';
revoke execute on function stopward.book_exits() from public;

create trigger trades_book_exits
after insert on stopward.trades
referencing new table as closed
for each statement execute function stopward.book_exits();

create function stopward.hold_account(of_account text)
returns void
language plpgsql
set search_path = ''
as $$
begin
    -- Ticks lock this row before any other, so whoever holds it meets none half way.
    perform from stopward.leases as l where l.account_id = of_account for update;
end
$$;
comment on function stopward.hold_account(text) is
'Hold off the ticks of an account until this transaction ends; it must be short.';
revoke execute on function stopward.hold_account(text) from public;

create function api.put_attribution(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'put_attribution', request,
        '{
            "account_id": "text", "at": "timestamptz?", "attributions": "jsonb?"
        }'
    );
    this_account constant text := request ->> 'account_id';
    this_moment constant timestamptz := coalesce((request ->> 'at')::timestamptz, now());
    odd text;
    asked integer;
    changed integer;
begin
    perform stopward.require_account(this_account);
    if jsonb_typeof(request -> 'attributions') is distinct from 'array' then
        perform stopward.refuse(
            'put_attribution_request',
            'attributions is no list',
            'send {account_id, attributions: [{position_id, rule, without_r, version}]}'
        );
    end if;
    asked := jsonb_array_length(request -> 'attributions');
    if asked > 1000 then
        perform stopward.refuse(
            'put_attribution_batch', format('%s attributions in one call', asked), 'send at most 1000: ticks wait for it'
        );
    end if;
    select g.value::text into odd
    from jsonb_array_elements(request -> 'attributions') as g (value)
    where
        coalesce(g.value ->> 'version', '') = ''
        or (
            g.value ->> 'without_r' is not null
            and stopward.r_of(stopward.number_of(g.value ->> 'without_r')) is null
        )
    limit 1;
    if odd is not null then
        perform stopward.refuse(
            'attribution_is_number',
            format('attribution %s', odd),
            'without_r is a number in R, or null when unknown; version names the replay'
        );
    end if;
    select string_agg(distinct format('%s of %s', g.rule, g.position_id), ', ') into odd
    from jsonb_to_recordset(request -> 'attributions') as g (position_id text, rule text)
    left join stopward.position_exits as e
        on e.account_id = this_account and g.position_id = e.position_id and g.rule = e.rule
    where e.rule is null;
    if odd is not null then
        perform stopward.refuse(
            'attribution_exit_known',
            format('no exit by %s', odd),
            'only what a rule closed can be attributed to it'
        );
    end if;
    if
        asked <> (
            select count(distinct (g.position_id, g.rule))
            from jsonb_to_recordset(request -> 'attributions') as g (position_id text, rule text)
        )
    then
        perform stopward.refuse('attribution_once', 'an exit is named twice', 'name each exit once in a call');
    end if;

    perform stopward.hold_account(this_account);
    update stopward.position_exits as e
    set
        without_r = g.without_r,
        attributed_at = this_moment,
        attribution_version = g.version
    from (
        select
            g.position_id,
            g.rule,
            g.version,
            stopward.r_of(stopward.number_of(g.without_r)) as without_r
        from jsonb_to_recordset(request -> 'attributions') as g (
            position_id text, rule text, without_r text, version text
        )
    ) as g
    where
        e.account_id = this_account
        and e.position_id = g.position_id
        and e.rule = g.rule
        and (e.without_r, e.attribution_version) is distinct from (g.without_r, g.version);
    get diagnostics changed = row_count;
    return jsonb_build_object('count', asked, 'changed', changed);
end
$$;
comment on function api.put_attribution(jsonb) is
'Store what trades would have brought without a rule: {account_id, at, attributions: [{position_id, rule, without_r, version}]}, without_r in R '
'after fees, null when unknown. At most 1000 a call. Answers {count, changed}; the last word counts.';
revoke execute on function api.put_attribution(jsonb) from public;
grant execute on function api.put_attribution(jsonb) to service_role, stopward_worker;

create policy position_exits_select_member on stopward.position_exits
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy position_exits_select_worker on stopward.position_exits
for select to stopward_worker
using (true);

grant select on stopward.position_exits to authenticated, service_role, stopward_worker;
