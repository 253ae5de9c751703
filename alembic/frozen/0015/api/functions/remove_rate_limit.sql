create or replace function dbkit.remove_rate_limit(p_consumer text, p_call text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('removing a rate limit');
  delete from dbkit.api_rate_limits where consumer = p_consumer and call = p_call;
  if not found then
    return false;
  end if;
  perform pg_notify('dbkit_rate_limits', '');
  return true;
end
$$;
comment on function dbkit.remove_rate_limit(text, text) is
  'Takes a limit away; false when there was none. Notifies dbkit_rate_limits. Needs service_role (KD003).';
grant execute on function dbkit.remove_rate_limit(text, text) to service_role, super_admin;
