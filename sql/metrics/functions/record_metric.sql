-- The caller's transaction carries the event: it is there when the caller commits, and no sooner. What other
-- functions would say of caller, clock and context is asked here, and types are part of the plan
-- (_metric_value_key): a call of a function costs a tenth of the insert, a statement that reads a table a
-- third. Each function named in an expression costs its look-up in every transaction, whether it is called
-- or not: hence the usual role first, and by itself. Whatever is not as usual goes the slow way.
create or replace function dbkit.record_metric(
  p_event_type text,
  p_event_data jsonb default '{}',
  p_session_id text default null,
  p_created_at timestamptz default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_service boolean := current_setting('role') = 'service_role';
  v_key text;
  v_id bigint;
begin
  if not v_service then
    v_service := pg_has_role(case current_setting('role') when 'none' then session_user::text
      else current_setting('role') end, 'service_role', 'usage');
  end if;
  if v_service and p_created_at is null
    and coalesce(current_setting('dbkit.clock', true), '') = ''
    and coalesce(current_setting('request.jwt.claims', true), '') = ''
    and jsonb_typeof(p_event_data) = 'object' and pg_column_size(p_event_data) <= 65536
    and (p_session_id is null or length(p_session_id) <= 200)
  then
    v_key := dbkit._metric_value_key(p_event_type);
    if coalesce(dbkit._is_metric_value(p_event_data -> v_key), v_key is not null)
      and clock_timestamp() < dbkit._metric_runway()
      and pg_advisory_xact_lock_shared(7010, floor(date_part('epoch', clock_timestamp()) / 10)::int) is not null
    then
      insert into dbkit.runtime_metrics (created_at, organization_id, user_id, session_id, event_type, event_data)
      values (clock_timestamp(), coalesce(nullif(current_setting('dbkit.organization_id', true), ''), 'default'),
        nullif(current_setting('dbkit.user_id', true), ''), p_session_id, p_event_type, p_event_data)
      returning id into v_id;
      return v_id;
    end if;
  end if;
  return dbkit._record_checked_metric(p_event_type, p_event_data, p_session_id, p_created_at);
end
$$;
comment on function dbkit.record_metric(text, jsonb, text, timestamptz) is
  'Records one event, as part of the caller''s transaction, and returns its id. p_created_at: when it
happened, if not now (the day must have a partition). Accounts may record what clients may send, within
their quota.
Nullable: p_session_id, p_created_at.
Raises KD003 (the type is the service''s), KD701 (malformed), KD702 (unknown type), KD704 (quota).';
grant execute on function dbkit.record_metric(text, jsonb, text, timestamptz)
to authenticated, service_role, super_admin;
