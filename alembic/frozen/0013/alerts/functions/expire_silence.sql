create or replace function dbkit.expire_silence(p_silence_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
begin
  perform dbkit.require_service('ending a silence');
  update dbkit.alert_silences s
  set ends_at = greatest(v_now, s.starts_at),
    expired_by = coalesce(dbkit.context_value('user_id'), dbkit.caller_role())
  where s.id = p_silence_id and s.organization_id = dbkit.current_organization() and s.ends_at > v_now;
  if not found then
    perform dbkit.raise_error('KD727', format('there is no silence %s', coalesce(p_silence_id::text, 'NULL')),
      jsonb_build_object('silence_id', p_silence_id), 'dbkit.get_silences() lists those that last.');
  end if;
end
$$;
comment on function dbkit.expire_silence(bigint) is
  'Ends a silence of the caller''s organization now, or before it began.
Needs service_role. Raises KD003, KD727.';
grant execute on function dbkit.expire_silence(bigint) to service_role, super_admin;
