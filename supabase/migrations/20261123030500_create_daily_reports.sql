-- Why: what the day was, in facts, with the page that shows it; told otherwise, it is a new version.
-- Lock: none. Phase: before deploy.

create table stopward.daily_reports (
    account_id text not null,
    session_day date not null,
    version integer not null,
    status text not null,
    facts jsonb not null,
    patterns jsonb not null,
    recommendations jsonb not null,
    commentary text not null,
    commentary_source text not null,
    html_location text,
    html text,
    digest text not null,
    created_at timestamptz not null default now(),
    constraint daily_reports_pkey primary key (account_id, session_day, version),
    constraint daily_reports_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint daily_reports_version_positive check (version > 0),
    constraint daily_reports_status_known check (status in ('draft', 'ready')),
    constraint daily_reports_shapes check (
        jsonb_typeof(facts) = 'object'
        and jsonb_typeof(patterns) = 'array'
        and jsonb_typeof(recommendations) = 'array'
    ),
    constraint daily_reports_source_not_empty check (commentary_source <> ''),
    constraint daily_reports_html_fits check (octet_length(html) <= 4000000)
);
comment on table stopward.daily_reports is 'The report of a session; each version is written once, and the one that was told last counts.';
comment on column stopward.daily_reports.session_day is 'Date at the exchange.';
comment on column stopward.daily_reports.version is 'From 1; a report with other content than the last one is the next one, also where an earlier one had it.';
comment on column stopward.daily_reports.status is 'draft is not told to anybody; ready is.';
comment on column stopward.daily_reports.facts is 'Every figure of the report by its name; commentary refers to these.';
comment on column stopward.daily_reports.patterns is 'What was found in the trades, with support and confidence.';
comment on column stopward.daily_reports.recommendations is 'What the trader may want to change, with the figures behind it.';
comment on column stopward.daily_reports.commentary_source is 'template, or the service that wrote the words.';
comment on column stopward.daily_reports.html_location is 'Where the page lies; null when html holds it, or there is none.';
comment on column stopward.daily_reports.digest is 'Hash of the content: the same told twice in a row is one version.';
comment on column stopward.daily_reports.created_at is 'By the clock of the database (UTC).';
alter table stopward.daily_reports enable row level security;

create trigger daily_reports_append_only
before update or delete on stopward.daily_reports
for each row execute function stopward.refuse_change('daily_reports_append_only');

create function api.put_daily_report(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_day date;
    this_status constant text := coalesce(request ->> 'status', 'ready');
    content constant jsonb := jsonb_build_object(
        'facts', request -> 'facts',
        'patterns', coalesce(nullif(request -> 'patterns', 'null'), '[]'),
        'recommendations', coalesce(nullif(request -> 'recommendations', 'null'), '[]'),
        'commentary', coalesce(request ->> 'commentary', ''),
        'commentary_source', coalesce(request ->> 'commentary_source', 'template'),
        'html_location', request ->> 'html_location',
        'html', request ->> 'html',
        'status', this_status
    );
    this_digest constant text := encode(sha256(convert_to(content::text, 'UTF8')), 'hex');
    this_version integer;
    last_digest text;
begin
    perform stopward.require(
        'put_daily_report', request,
        '{
            "account_id": "text", "session_day": "date", "facts": "object", "patterns": "array?",
            "recommendations": "array?", "commentary": "prose?", "commentary_source": "text?",
            "html_location": "text?", "html": "document?", "status": "text?"
        }'
    );
    this_day := request ->> 'session_day';
    perform stopward.require_account(this_account);
    -- Two that write one day stand in line, so that versions have no gap.
    perform pg_advisory_xact_lock(hashtextextended(format('daily_reports/%s/%s', this_account, this_day), 0));
    -- Only the last one counts: what was told before it and is told again is what is meant now.
    select r.version, r.digest into this_version, last_digest
    from stopward.daily_reports as r
    where r.account_id = this_account and r.session_day = this_day
    order by r.version desc
    limit 1;
    if last_digest = this_digest then
        return jsonb_build_object('version', this_version, 'new', false);
    end if;
    insert into stopward.daily_reports (
        account_id, session_day, version, status, facts, patterns, recommendations, commentary, commentary_source,
        html_location, html, digest
    )
    select
        this_account,
        this_day,
        coalesce(max(r.version), 0) + 1,
        this_status,
        content -> 'facts',
        content -> 'patterns',
        content -> 'recommendations',
        content ->> 'commentary',
        content ->> 'commentary_source',
        content ->> 'html_location',
        content ->> 'html',
        this_digest
    from stopward.daily_reports as r
    where r.account_id = this_account and r.session_day = this_day
    returning version into this_version;
    if this_status = 'ready' then
        perform stopward.tell(
            this_account, 'report_ready', format('%s/%s', this_day, this_version), 'notice',
            format('The report of %s is ready%s', this_day, case when this_version > 1 then ', a new version' else '' end),
            jsonb_build_object(
                'session_day', this_day, 'version', this_version, 'html_location', content ->> 'html_location'
            )
        );
    end if;
    return jsonb_build_object('version', this_version, 'new', true);
end
$$;
comment on function api.put_daily_report(jsonb) is
'Store the report of a session: {account_id, session_day, facts, patterns, recommendations, commentary, commentary_source, html_location, html, status}. Answers {version, new}; the one told last counts, and the same content told twice in a row is one version.';
revoke execute on function api.put_daily_report(jsonb) from public;
grant execute on function api.put_daily_report(jsonb) to service_role, stopward_worker;

create policy daily_reports_select_member on stopward.daily_reports
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy daily_reports_select_worker on stopward.daily_reports
for select to stopward_worker
using (true);

grant select on stopward.daily_reports to authenticated, service_role, stopward_worker;
