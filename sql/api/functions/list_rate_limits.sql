create or replace function dbkit.list_rate_limits()
returns table (
  consumer text,
  call text,
  max_calls int,
  window_seconds int,
  updated_by text,
  updated_at timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('listing rate limits');
  return query
    select l.consumer, l.call, l.max_calls, l.window_seconds, l.updated_by, l.updated_at
    from dbkit.api_rate_limits l
    order by l.consumer, l.call;
end
$$;
comment on function dbkit.list_rate_limits() is
  'The rate limits, by consumer and call. Needs service_role (KD003).';
grant execute on function dbkit.list_rate_limits() to service_role, super_admin;
