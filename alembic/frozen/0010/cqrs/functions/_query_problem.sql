create or replace function dbkit._query_problem(
  p_event_types text[],
  p_stream_type text,
  p_stream_param text,
  p_projections text[],
  p_ttl_seconds int,
  p_max_entries int,
  p_vary text,
  p_handler regprocedure
)
returns text
language plpgsql
stable
as $$
begin
  return case
    when exists (select from unnest(p_event_types) as t where (length(t) between 1 and 100) is not true)
      or '*' = any (p_event_types) then 'depends_on must name event types of 1 to 100 characters, one by one'
    when (p_stream_type is null) <> (p_stream_param is null)
      then 'stream_type and stream_param belong together'
    when (length(p_stream_type) between 1 and 100 and length(p_stream_param) between 1 and 100) is false
      then 'stream_type and stream_param must have 1 to 100 characters'
    when exists (
      select from unnest(p_projections) as p
      where not exists (select from dbkit.event_projection_definitions d where d.projection = p)
    ) then 'every one of its projections must be registered'
    when coalesce(cardinality(p_event_types), 0) + coalesce(cardinality(p_projections), 0) = 0
      and p_stream_type is null then 'it must say what its answers depend on'
    when p_ttl_seconds between 0 and 86400 is not true then 'the time to live must be 0 to 86400 seconds'
    when p_max_entries between 1 and 1000000 is not true then 'max_entries must be 1 to 1000000'
    when p_vary is null or p_vary not in ('user', 'role', 'organization')
      then 'vary is user, role or organization'
    when p_vary <> 'user' and not exists (
      select from pg_catalog.pg_proc p
      where p.oid = p_handler and p.prosecdef
        and exists (select from unnest(p.proconfig) as c where c like 'search_path=%')
    ) then 'an answer that callers share must not depend on the rights of one: its handler must be '
      'SECURITY DEFINER and set search_path'
    when p_vary <> 'user' and not has_function_privilege(current_user, p_handler, 'execute')
      then format('%s, who owns dbkit, may not execute its handler', current_user)
  end;
end
$$;
comment on function dbkit._query_problem(text[], text, text, text[], int, int, text, regprocedure) is
  'Why a query cannot be registered so; NULL when it can.';
