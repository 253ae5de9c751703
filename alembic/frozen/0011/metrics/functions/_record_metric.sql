-- No check of the caller: for definer functions of the package, whose callers need no right to metrics.
create or replace function dbkit._record_metric(
  p_event_type text,
  p_event_data jsonb,
  p_session_id text default null,
  p_created_at timestamptz default null
)
returns bigint
language plpgsql
volatile
as $$
declare
  v_at timestamptz := coalesce(p_created_at, dbkit.clock());
  v_id bigint;
begin
  if v_at < dbkit._guard_metrics() then
    insert into dbkit.metric_rollup_dirty (minute) values (date_bin('1 minute', v_at, '2000-01-01Z'));
  end if;
  insert into dbkit.runtime_metrics (created_at, organization_id, user_id, session_id, event_type, event_data)
  values (v_at, dbkit.current_organization(), dbkit.context_value('user_id'), p_session_id, p_event_type,
    coalesce(p_event_data, '{}'))
  returning id into v_id;
  return v_id;
end
$$;
comment on function dbkit._record_metric(text, jsonb, text, timestamptz) is
  'What record_metric does, for definer functions of the package: nothing is checked.';
