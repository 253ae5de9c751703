create or replace function dbkit.get_recent_errors(p_limit int default 50, p_hours int default 24)
returns table (
  id bigint,
  created_at timestamptz,
  error_type text,
  message text,
  url text,
  session_id text,
  user_id text,
  organization_id text,
  event_data jsonb,
  fingerprint text,
  occurrences bigint,
  first_seen timestamptz,
  last_seen timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading errors');
  perform dbkit._check_hours(p_hours);
  if p_limit between 1 and 1000 is not true then
    perform dbkit.raise_error('KD004', 'p_limit must be between 1 and 1000',
      jsonb_build_object('argument', 'p_limit', 'value', p_limit));
  end if;
  return query
  with recent as materialized (
    select m.*, dbkit._error_fingerprint(m.event_data ->> 'error_type', m.event_data ->> 'message') as mark
    from dbkit.runtime_metrics m
    where m.event_type = 'error' and m.created_at > dbkit.clock() - p_hours * interval '1 hour'
    order by m.created_at desc, m.id desc
    limit 10000
  ),
  marks as (
    select r.mark, count(*) as number, min(r.created_at) as first_at, max(r.created_at) as last_at
    from recent r
    group by r.mark
  )
  select r.id, r.created_at, r.event_data ->> 'error_type', left(r.event_data ->> 'message', 2000),
    coalesce(r.event_data ->> 'url', r.event_data ->> 'page'), r.session_id, r.user_id,
    r.organization_id::text, r.event_data, r.mark, k.number, k.first_at, k.last_at
  from recent r
  join marks k using (mark)
  order by r.created_at desc, r.id desc
  limit p_limit;
end
$$;
comment on function dbkit.get_recent_errors(int, int) is
  'The newest error events of the last p_hours, newest first. fingerprint is the same for errors that differ
in numbers, ids and quoted text only; occurrences, first_seen and last_seen count these among the newest
10,000 errors of the while. What clients sent is as they sent it: escape it wherever it is shown.
Nullable: error_type, message, url, session_id, user_id.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.get_recent_errors(int, int) to service_role, super_admin;
