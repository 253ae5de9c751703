-- What is matched by the type's series key alone is in the roll-ups; other keys have to be looked up in the
-- events.
create or replace function dbkit.metric_event_count(
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb default '{}',
  out value double precision,
  out samples bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v_from timestamptz;
  v_type text := p_params ->> 'event_type';
  v_match jsonb := coalesce(nullif(p_params -> 'match', 'null'), '{}');
  v_key text;
begin
  perform dbkit.require_service('reading metrics');
  v_from := dbkit._window_start(p_now, p_window_minutes);
  select t.series_key into v_key from dbkit.metric_event_types t where t.event_type = v_type;
  if not found then
    perform dbkit._raise_unknown_metric_type(v_type);
  end if;
  if v_match = '{}' or (v_match - v_key = '{}' and jsonb_typeof(v_match -> v_key) = 'string') then
    samples := (select c.samples from dbkit._metric_counts(v_type, v_from, p_now, left(v_match ->> v_key, 200),
      p_params ->> 'organization') as c);
  else
    samples := (
      select count(*)
      from dbkit.runtime_metrics m
      where m.event_type = v_type and m.created_at >= v_from and m.created_at < p_now
        and m.event_data @> v_match
        and (p_params ->> 'organization' is null or m.organization_id = p_params ->> 'organization'));
  end if;
  value := samples::float8;
end
$$;
comment on function dbkit.metric_event_count(timestamptz, int, jsonb) is
  'How many events of p_params.event_type lie in the window before p_now (which begins with a whole minute),
as value and samples; p_params.match: only those whose event_data contains it; p_params.organization: only
its own. None is 0, not NULL.
Nullable: value. Needs service_role. Raises KD003, KD702.';
grant execute on function dbkit.metric_event_count(timestamptz, int, jsonb) to service_role, super_admin;
