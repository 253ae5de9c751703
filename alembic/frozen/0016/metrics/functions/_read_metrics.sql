-- What costs is asked only of those it can be true of: how deep, if there is a bracket within; how many
-- keys, if there is room for as many; the partition, if it is none of today. A size has 112 bytes for the
-- rest of the row, and for __other__ in the place of a shorter series.
-- p_carefully: times are read one by one, by a slower function that never fails.
create or replace function dbkit._read_metrics(
  p_events jsonb,
  p_service boolean,
  p_carefully boolean,
  out types text[],
  out data jsonb[],
  out sessions text[],
  out times timestamptz[],
  out keys text[],
  out sizes int[],
  out reasons text[]
)
language plpgsql
stable
as $$
declare
  v_set dbkit.metric_settings := (select s from dbkit.metric_settings s);
  v_now timestamptz := dbkit.clock();
  v_today timestamptz := date_trunc('day', v_now, 'UTC');
  v_oldest timestamptz := v_now - v_set.max_age_minutes * interval '1 minute';
begin
  with given as materialized (
    select e.value ->> 'event_type' as event_type,
      coalesce(e.value -> 'event_data', '{}') as event_data,
      coalesce(e.value ->> 'event_data', '{}') as body,
      e.value ->> 'session_id' as session_id,
      case when e.value ->> 'created_at' is null then v_now
        when p_carefully then dbkit._metric_time(e.value ->> 'created_at')
        else (e.value ->> 'created_at')::timestamptz end as created_at,
      e.value, e.n
    from jsonb_array_elements(p_events) with ordinality as e (value, n)
  )
  select array_agg(g.event_type), array_agg(g.event_data), array_agg(g.session_id),
    array_agg(least(g.created_at, v_now)), array_agg(g.series_key), array_agg(octet_length(g.body) + 112),
    array_agg(case
      when jsonb_typeof(g.value) <> 'object' or jsonb_typeof(g.event_data) <> 'object' or g.event_type is null
        or length(g.session_id) > 200 then 'malformed'
      when g.known is null then 'unknown_type'
      when not p_service and not g.anon_may then 'forbidden_type'
      when octet_length(g.body) > v_set.max_event_bytes then 'too_large'
      when octet_length(g.body) > 6 * v_set.max_keys
        and (select count(*) from jsonb_object_keys(g.event_data)) > v_set.max_keys then 'too_many_keys'
      when (strpos(substr(g.body, 2), '{') > 0 or strpos(g.body, '[') > 0)
        and dbkit._json_depth_exceeds(g.event_data, v_set.max_depth) then 'too_deep'
      when g.event_data ? g.value_key and not dbkit._is_metric_value(g.event_data -> g.value_key) then 'bad_value'
      when g.created_at is null then 'bad_time'
      when not p_service and g.created_at < v_oldest then 'too_old'
      when g.created_at < v_today and (not isfinite(g.created_at) or not dbkit._has_metric_day(g.created_at))
        then 'too_old'
    end)
  into types, data, sessions, times, keys, sizes, reasons
  from (
    select i.*, t.event_type as known, t.series_key, t.value_key, t.anon_may
    from given i
    left join dbkit.metric_event_types t on t.event_type = i.event_type collate "C"
    order by i.n
  ) as g;
end
$$;
comment on function dbkit._read_metrics(jsonb, boolean, boolean) is
  'A batch of ingest_metrics as arrays: one element an event, reasons NULL for what may be taken.';
