-- Not SECURITY DEFINER, as nothing that calls a registered function is: it has the rights of whoever
-- evaluates, not of the owner. The block is what isolates a bad rule; a function that only reads needs no
-- transaction id for it.
create or replace function dbkit._measure_alert_rule(
  p_rule dbkit.alert_rules,
  p_now timestamptz,
  out value double precision,
  out samples bigint,
  out error text
)
language plpgsql
stable
as $$
declare
  v_source dbkit.alert_metric_sources;
  v_params jsonb;
  v_window jsonb;
  v_long record;
  v_short record;
  v_burn double precision;
begin
  select m.*
  into v_source
  from dbkit.alert_metric_sources m
  where m.metric_type = p_rule.metric_type;
  -- The default organization is the installation itself, and sees all.
  if v_source.function_signature like 'dbkit.metric\_%' then
    p_now := dbkit._rolled_metric_time(p_now);
  end if;
  v_params := v_source.params || case when p_rule.organization_id <> 'default'
    then jsonb_build_object('organization', p_rule.organization_id) else '{}' end || p_rule.metric_params;
  if p_rule.burn_rate is null then
    select m.value, m.samples
    into value, samples
    from dbkit._measure_alert(v_source.function_signature, p_now, p_rule.window_minutes, v_params) as m;
    return;
  end if;
  for v_window in select w.item from jsonb_array_elements(p_rule.burn_rate -> 'windows') as w (item) loop
    select m.value, m.samples
    into v_long
    from dbkit._measure_alert(v_source.function_signature, p_now, (v_window ->> 'long_minutes')::int,
      v_params) as m;
    select m.value, m.samples
    into v_short
    from dbkit._measure_alert(v_source.function_signature, p_now, (v_window ->> 'short_minutes')::int,
      v_params) as m;
    v_burn := case when v_long.value is not null and v_short.value is not null then
      least(v_long.value, v_short.value) / ((v_window ->> 'factor')::double precision
        * (100 - (p_rule.burn_rate ->> 'objective')::double precision)) end;
    if value is null or v_burn > value then
      value := coalesce(v_burn, value);
      samples := v_long.samples;
    end if;
  end loop;
exception
  when query_canceled or assert_failure or others then
    value := null;
    samples := null;
    error := left(format('%s: %s', sqlstate, sqlerrm), 1000);
end
$$;
comment on function dbkit._measure_alert_rule(dbkit.alert_rules, timestamptz) is
  'What a rule compares with its threshold, at a time; NULL: no data. error: SQLSTATE and message of a metric
that cannot be measured, also of one that statement_timeout ended.';
grant execute on function dbkit._measure_alert_rule(dbkit.alert_rules, timestamptz)
to service_role, super_admin;
