-- Why: a model of open positions learns from what was stored while they were open. All minutes of one trade share one outcome, so trades
--      count and not minutes: each teaches by one. Which one must not depend on how long the trade lasts, for that is decided later and
--      goes with how it ends: of trades that soon hit their stop, each minute would be drawn the more often. So an age is drawn, from
--      the position's id alone, and who closed before it teaches nothing: what is learned is how trades end that are open at that age.
-- Lock: none. Phase: before deploy.

create function stopward.taught_from(of_position text, entered_at timestamptz)
returns timestamptz
language sql immutable
set search_path = ''
as $$
select
    entered_at
    + interval '1 minute'
    * (array[5, 10, 15, 20, 30, 45, 60, 90])[1 + get_byte(decode(md5(of_position), 'hex'), 0) % 8]
$$;
comment on function stopward.taught_from(text, timestamptz) is
'When a position is of the age at which it teaches a model of open positions: 5 to 90 minutes after its entry, drawn from its id. It teaches by the first '
'vector of the five minutes from then on, and by none where it closed before.';
revoke execute on function stopward.taught_from(text, timestamptz) from public;
