create or replace function dbkit._write_metrics(
  p_types text[],
  p_data jsonb[],
  p_sessions text[],
  p_times timestamptz[],
  p_reasons text[]
)
returns int
language plpgsql
volatile
as $$
declare
  v_anon boolean := not dbkit.caller_has_role('authenticated');
  v_user text := case when not v_anon then dbkit.context_value('user_id') end;
  v_organization text := dbkit.current_organization();
  v_late timestamptz := dbkit._guard_metrics();
  v_written int;
begin
  insert into dbkit.metric_rollup_dirty (minute)
  select distinct date_bin('1 minute', i.at, '2000-01-01Z')
  from unnest(p_times, p_reasons) as i (at, r)
  where i.r is null and i.at < v_late;
  insert into dbkit.runtime_metrics (created_at, organization_id, user_id, session_id, event_type, event_data)
  select i.at, v_organization, v_user, i.s, i.t, i.d
  from unnest(p_types, p_data, p_sessions, p_times, p_reasons) as i (t, d, s, at, r)
  where i.r is null;
  get diagnostics v_written = row_count;
  return v_written;
end
$$;
comment on function dbkit._write_metrics(text[], jsonb[], text[], timestamptz[], text[]) is
  'Writes what has no reason against it, and marks the minutes of what is late. Returns how many.';
