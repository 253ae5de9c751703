-- What is being computed meanwhile carries the old revision, so it is not used when it is stored later.
create or replace function dbkit.flush_query_cache(p_query text default null)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_gone bigint;
begin
  perform dbkit.require_service('flushing cached answers');
  perform dbkit._lock_registry();
  update dbkit.query_definitions d set revision = gen_random_uuid() where p_query is null or d.query = p_query;
  if not found and p_query is not null then
    perform dbkit._raise_unknown_query(p_query);
  end if;
  delete from dbkit.query_cache c where p_query is null or c.query = p_query;
  get diagnostics v_gone = row_count;
  perform dbkit._generate_queries();
  return v_gone;
end
$$;
comment on function dbkit.flush_query_cache(text) is
  'Drops the cached answers of a query, or of all when none is named; returns how many. Call it after a
change inside a handler, or of data that it reads and no event tells of.
Needs service_role. Raises KD003, KD004 (not READ COMMITTED), KD606.';
grant execute on function dbkit.flush_query_cache(text) to service_role, super_admin;
