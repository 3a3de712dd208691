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
    kind constant text := coalesce(jsonb_typeof(value), 'null');
    said constant text := case when kind in ('string', 'number') then value #>> '{}' end;
begin
    if kind = 'array' and type like '%[]' and type not in ('text[]', 'double precision[]') then
        -- Apart from what follows, which is quick because it needs no query.
        return not exists (
            select from jsonb_array_elements(value) as e (value) where not stopward.fits(e.value, rtrim(type, '[]'))
        );
    end if;
    -- PostgreSQL takes a bare variable for the same type at every call of a statement; what is put together, it reads.
    return case
        -- A list may be absent; null is none.
        when kind = 'null' then
            wanted like '%?' and (value is null or not (wanted like '%[]?' or type in ('rows', 'numbers')))
        when type = 'text' then kind = 'string' and length(said) between 1 and 500
        when type in ('prose', 'document') then
            kind = 'string' and length(said) <= case type when 'prose' then 100000 else 1000000 end
        -- Without a zone it would mean the zone of the connection.
        when type = 'timestamptz' then
            kind = 'string'
            and said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+ ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$'
            and pg_input_is_valid(said, type || '')
        when type = 'date' then
            kind = 'string' and said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' and pg_input_is_valid(said, type || '')
        when type in ('integer', 'bigint', 'double precision') then
            kind = 'number' and pg_input_is_valid(said, type || '')
        -- Neither NaN nor infinity is an amount.
        when type like 'numeric%' and type not like '%]' then
            kind in ('string', 'number')
            and said ~ '^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$'
            and pg_input_is_valid(said, type || '')
        when type in ('boolean', 'object') then kind = type
        -- What is in rows, stopward.require_rows looks at.
        when type in ('rows', 'array') then kind = 'array'
        when type = 'text[]' then
            kind = 'array' and not jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string")')
        when type = 'double precision[]' then
            kind = 'array'
            and not jsonb_path_exists(value, 'strict $[*] ? (@.type() != "number" && @.type() != "null")')
        when type = 'numbers' then
            kind = 'object' and not jsonb_path_exists(value, '$.* ? (@.type() != "number" && @.type() != "null")')
        when type = 'jsonb' then true
        when type like '%[]' then false
        else kind = 'string' and pg_input_is_valid(said, type || '')
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
    fault text;
begin
    -- Every tick passes here three times: words are looked for when something is wrong.
    if
        jsonb_typeof(request) = 'object'
        and request - array(select k.key from jsonb_object_keys(shape) as k (key)) = '{}'
        and not exists (
            select from jsonb_each_text(shape) as s where not stopward.fits(request -> s.key, s.value)
        )
    then
        return true;
    end if;
    fault := stopward.fault_of(request, shape);
    perform stopward.refuse(
        function_name || '_request', format('%s: %s', function_name, fault), 'nothing was written'
    );
    return false;
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
language sql immutable
set search_path = ''
as $$
select (
    '$[*] ? (@.type() != "object" || '
    || string_agg(
        format(
            '!(%s%s%s)',
            (
                select string_agg(format('@.%s.type() == "%s"', to_jsonb(s.key), k.kind), ' || ')
                from unnest(stopward.json_kinds(rtrim(s.value, '?'))) as k (kind)
            ),
            -- As stopward.fits has it: "tomorrow" is a time to PostgreSQL, and so is one of any zone.
            case
                when s.value like 'timestamptz%' then
                    format(
                        ' && @.%s like_regex "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+ ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"',
                        to_jsonb(s.key)
                    )
            end,
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
where s.value !~ '^(numeric|date|integer|bigint|boolean|text\[\])'
$$;
comment on function stopward.shape_path(jsonb) is
'Path to the rows in which a text, a time, a float or a list of a shape is missing or of another kind.';
revoke execute on function stopward.shape_path(jsonb) from public;

create function stopward.require_rows(
    function_name text, key text, given jsonb, shape jsonb, path jsonpath default null
)
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
    keys := array(select k.key from jsonb_object_keys(shape) as k (key));
    if
        jsonb_path_exists(given, coalesce(path, stopward.shape_path(shape)))
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
comment on function stopward.require_rows(text, text, jsonb, jsonb, jsonpath) is
'Refuse rows that have a key too many, or a text, a time, a float or a list of another kind: quick, for it is asked at every '
'tick. path: the shape''s own, for whoever keeps it.';
revoke execute on function stopward.require_rows(text, text, jsonb, jsonb, jsonpath) from public;

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
