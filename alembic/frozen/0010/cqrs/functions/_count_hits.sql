-- One of about 100 hits comes here and counts for all: a read that always wrote would cost more than it
-- saves. It takes the lock of _keep_answer, so that nobody waits for the row.
create or replace function dbkit._count_hits(
  p_query text,
  p_vary text,
  p_params_hash bytea,
  p_caller_role text,
  p_user_id text
)
returns void
language plpgsql
volatile
as $$
declare
  v_organization_id constant text := dbkit._event_organization();
begin
  if not current_setting('transaction_read_only')::boolean
    and pg_try_advisory_xact_lock(1684171377, hashtext(v_organization_id || p_query
      || case when p_vary = 'user' then p_user_id else '' end || encode(p_params_hash, 'hex')))
  then
    update dbkit.query_cache c
    set hits = c.hits + 100
    where c.organization_id = v_organization_id and c.query = p_query and c.params_hash = p_params_hash
      and c.caller_role = case when p_vary = 'organization' then '' else p_caller_role end
      and c.user_id = case when p_vary = 'user' then p_user_id else '' end;
  end if;
end
$$;
comment on function dbkit._count_hits(text, text, bytea, text, text) is 'Counts 100 hits of a cached answer.';
