-- Why: a request is judged at the door: a key that is missing, misspelt or of another kind is named, and
--      nothing of the request is written. Without it a misspelt key is a silent default.
-- Lock: none. Phase: before deploy.

-- A shape is {key: type}. A type is one of PostgreSQL's, or: text (a word or an id, up to 500 characters), prose
-- (up to 100,000), document (up to 1,000,000), object, numbers (an object of numbers), array, rows (an array of
-- objects). A question mark behind it: the key may be null or absent (a list: absent only).

create function stopward.json_kinds(type text)
returns text[]
language sql immutable
set search_path = ''
as $$
select case
    when type like '%[]' or type in ('array', 'rows') then array['array']
    when type like 'numeric%' then array['string', 'number']
    when type in ('integer', 'bigint', 'double precision') then array['number']
    when type = 'numbers' then array['object']
    when type in ('boolean', 'object') then array[type]
    when type = 'jsonb' then array['object', 'array', 'string', 'number', 'boolean']
    else array['string']
end
$$;
comment on function stopward.json_kinds(text) is
'What jsonb_typeof may say of a value of that type: money crosses as text, times as text, floats as numbers.';
revoke execute on function stopward.json_kinds(text) from public;

create function stopward.fits(value jsonb, wanted text)
returns boolean
language plpgsql immutable
set search_path = ''
as $$
declare
    type constant text := rtrim(wanted, '?');
    said text;
begin
    if value is null or jsonb_typeof(value) = 'null' then
        -- A list may be absent; null is none.
        return wanted like '%?' and (value is null or not (wanted like '%[]?' or type in ('rows', 'numbers')));
    elsif jsonb_typeof(value) <> all (stopward.json_kinds(type)) then
        return false;
    elsif jsonb_typeof(value) not in ('array', 'object') then
        said := value #>> '{}';
    end if;
    -- PostgreSQL takes a bare variable for the same type at every call of a statement; what is put together, it reads.
    return case
        when type = 'text' then length(said) between 1 and 500
        when type = 'prose' then length(said) <= 100000
        when type = 'document' then length(said) <= 1000000
        -- What is in rows, stopward.require_rows looks at.
        when type in ('object', 'array', 'rows', 'jsonb') then true
        when type = 'numbers' then not jsonb_path_exists(value, '$.* ? (@.type() != "number" && @.type() != "null")')
        when type = 'text[]' then not jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string")')
        when type = 'double precision[]' then
            not jsonb_path_exists(value, 'strict $[*] ? (@.type() != "number" && @.type() != "null")')
        when type like '%[]' then
            not exists (
                select from jsonb_array_elements(value) as e (value) where not stopward.fits(e.value, rtrim(type, '[]'))
            )
        -- Without a zone it would mean the zone of the connection.
        when type = 'timestamptz' then
            said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+ ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$'
            and pg_input_is_valid(said, type || '')
        when type = 'date' then said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' and pg_input_is_valid(said, type || '')
        -- Neither NaN nor infinity is an amount.
        when type like 'numeric%' then
            said ~ '^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$' and pg_input_is_valid(said, type || '')
        else pg_input_is_valid(said, type || '')
    end;
end
$$;
comment on function stopward.fits(jsonb, text) is 'Whether a value of JSON is of a type of a shape; a null value is an absent key.';
revoke execute on function stopward.fits(jsonb, text) from public;

create function stopward.fault_of(given jsonb, shape jsonb)
returns text
language sql stable
set search_path = ''
as $$
select case
    when given is null or jsonb_typeof(given) <> 'object' then
        format('it was %s, wanted is an object', left(coalesce(given::text, 'null'), 60))
    else (
        select string_agg(f.fault, '; ' order by f.place, f.fault)
        from (
            select
                1 as place,
                case
                    when given -> s.key is null then format('%s is missing, wanted is %s', s.key, s.value)
                    else format('%s was %s, wanted is %s', s.key, left((given -> s.key)::text, 60), s.value)
                end as fault
            from jsonb_each_text(shape) as s
            where not stopward.fits(given -> s.key, s.value)
            union all
            select
                2,
                format(
                    '%s is no key of it, those are %s',
                    left(k.key, 60),
                    (select string_agg(s.key, ', ' order by s.key) from jsonb_object_keys(shape) as s (key))
                )
            from jsonb_object_keys(given) as k (key)
            where not shape ? k.key
        ) as f
    )
end
$$;
comment on function stopward.fault_of(jsonb, jsonb) is 'What is wrong with an object of a shape, in words; null when nothing is.';
revoke execute on function stopward.fault_of(jsonb, jsonb) from public;

create function stopward.require(function_name text, request jsonb, shape jsonb)
returns boolean
language plpgsql stable
set search_path = ''
as $$
declare
    fault constant text := stopward.fault_of(request, shape);
begin
    if fault is not null then
        perform stopward.refuse(
            function_name || '_request', format('%s: %s', function_name, fault), 'nothing was written'
        );
    end if;
    return true;
end
$$;
comment on function stopward.require(text, jsonb, jsonb) is
'Refuse a request that is not of a shape {key: type}, by the rule <function>_request, and say what is wrong with it. '
'It answers true, so that it can be the first declaration of a function whose declarations read the request.';
revoke execute on function stopward.require(text, jsonb, jsonb) from public;

create function stopward.fault_of_rows(given jsonb, shape jsonb)
returns text
language sql stable
set search_path = ''
as $$
select format('[%s]: %s', g.place - 1, f.fault)
from jsonb_array_elements(given) with ordinality as g (value, place)
cross join lateral stopward.fault_of(g.value, shape) as f (fault)
where f.fault is not null
order by g.place
limit 1
$$;
comment on function stopward.fault_of_rows(jsonb, jsonb) is
'What is wrong with the first row that is not of a shape, and its place; null when all are.';
revoke execute on function stopward.fault_of_rows(jsonb, jsonb) from public;

create function stopward.shape_path(shape jsonb)
returns jsonpath
language sql stable
set search_path = ''
as $$
select (
    '$[*] ? (@.type() != "object" || '
    || string_agg(
        format(
            '!(%s%s)',
            (
                select string_agg(format('@.%s.type() == "%s"', to_jsonb(s.key), k.kind), ' || ')
                from unnest(stopward.json_kinds(rtrim(s.value, '?'))) as k (kind)
            ),
            case
                when s.value like '%?' then
                    format(' || @.%s.type() == "null" || !exists(@.%s)', to_jsonb(s.key), to_jsonb(s.key))
            end
        ),
        ' || '
    )
    || ')'
)::jsonpath
from jsonb_each_text(shape) as s
-- PostgreSQL takes anything for a text or a jsonb; the rest it refuses by itself when it is stored.
where s.value !~ '^(numeric|timestamptz|date|integer|bigint|boolean|text\[\])'
$$;
comment on function stopward.shape_path(jsonb) is
'Path to the rows in which a text, a float or a list of a shape is missing or of another kind.';
revoke execute on function stopward.shape_path(jsonb) from public;

create function stopward.require_rows(function_name text, key text, given jsonb, shape jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
    keys text[];
begin
    if given is null or given = '[]' then
        return;
    end if;
    -- Thousands of rows pass here every tick: keys, and the kinds that storing them would not refuse.
    keys := array(select jsonb_object_keys(shape));
    if
        jsonb_path_exists(given, stopward.shape_path(shape))
        or exists (select from jsonb_array_elements(given) as g (value) where g.value - keys <> '{}')
    then
        perform stopward.refuse(
            function_name || '_request',
            format('%s: %s%s', function_name, key, stopward.fault_of_rows(given, shape)),
            'nothing was written'
        );
    end if;
end
$$;
comment on function stopward.require_rows(text, text, jsonb, jsonb) is
'Refuse rows that have a key too many, or a text, a float or a list of another kind: quick, for it is asked at every tick.';
revoke execute on function stopward.require_rows(text, text, jsonb, jsonb) from public;

create function stopward.require_all(function_name text, key text, given jsonb, shape jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
    fault constant text := stopward.fault_of_rows(given, shape);
begin
    if fault is not null then
        perform stopward.refuse(
            function_name || '_request', format('%s: %s%s', function_name, key, fault), 'nothing was written'
        );
    end if;
end
$$;
comment on function stopward.require_all(text, text, jsonb, jsonb) is
'Refuse rows that are not of a shape, value by value: for hundreds of rows, not for those of every tick.';
revoke execute on function stopward.require_all(text, text, jsonb, jsonb) from public;
