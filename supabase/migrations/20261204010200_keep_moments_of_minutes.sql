-- Why: old minutes of closed positions are removed, and the moments of their features shall stay what they were: they cannot be added up
--      anew from what is left. They need not be: a vector and its moments are written in one transaction, and what came of minutes is
--      added to both by api.complete_minutes. Only entry vectors can be put off, with the tick that they belong to.
-- Lock: none. Phase: before deploy.

create or replace function stopward.rebuild_rollups(of_account text)
returns void
language plpgsql
set search_path = ''
as $$
declare
    unbooked text[];
    last text := '';
begin
    perform stopward.hold_account(of_account);
    loop
        unbooked := array(
            select t.position_id
            from stopward.trades as t
            where
                t.account_id = of_account
                and t.position_id > last
                and not exists (
                    select from stopward.position_exits as e
                    where e.account_id = of_account and e.position_id = t.position_id
                )
            order by t.position_id
            limit 1000
        );
        exit when cardinality(unbooked) = 0;
        perform stopward.book_each(of_account, unbooked);
        last := unbooked[cardinality(unbooked)];
    end loop;

    delete from stopward.rule_days as d
    where d.account_id = of_account;
    perform stopward.add_to_rule_days(
        array(select e from stopward.position_exits as e where e.account_id = of_account), 1
    );
    perform stopward.add_moves(
        array(select o from stopward.orders as o where o.account_id = of_account and o.step = 'move')
    );

    delete from stopward.equity_days as d
    where d.account_id = of_account;
    perform stopward.add_to_equity_days(
        array(select t from stopward.trades as t where t.account_id = of_account)
    );

    update stopward.trade_features as f
    set
        outcome_r = t.result_r,
        outcome_won = t.result > 0,
        outcome_at = t.closed_at
    from stopward.trades as t
    where
        f.account_id = of_account
        and f.kind = 'entry'
        and f.outcome_at is null
        and t.account_id = of_account
        and t.position_id = f.position_id;
    delete from stopward.feature_rollups as r
    where r.account_id = of_account and r.kind = 'entry';
    perform stopward.add_to_feature_rollups(
        array(select f from stopward.trade_features as f where f.account_id = of_account and f.kind = 'entry'), true
    );
end
$$;
comment on function stopward.rebuild_rollups(text) is
'Book what is not booked of the closed trades of an account, tell which could not be, and add all sums up anew but the moments of minutes, some of which are removed; ticks wait for it. For the owner of the database.';
comment on table stopward.feature_rollups is
'Moments of one feature over all its vectors, removed ones too, and apart over those of trades that won and of those that lost; kept by a trigger.';
