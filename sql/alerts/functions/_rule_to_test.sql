create or replace function dbkit._rule_to_test(p_name text, p_changes jsonb)
returns dbkit.alert_rules
language plpgsql
stable
as $$
declare
  v_rule dbkit.alert_rules;
  v_wrong text;
begin
  select r.*
  into v_rule
  from dbkit.alert_rules r
  where r.organization_id = dbkit.current_organization() and r.name = p_name;
  if v_rule.id is null then
    perform dbkit._raise_unknown_alert_rule(p_name);
  elsif (jsonb_typeof(p_changes) = 'object') is not true then
    perform dbkit._raise_invalid_alert_rule('p_changes', 'must be a JSON object');
  end if;
  select k.name
  into v_wrong
  from jsonb_object_keys(p_changes) as k (name)
  where k.name <> all ('{metric_type,metric_params,condition,threshold,window_minutes,for_minutes,
    keep_firing_minutes,cooldown_minutes,min_samples,no_data,burn_rate}'::text[])
  limit 1;
  if v_wrong is not null then
    perform dbkit._raise_invalid_alert_rule('p_changes', format('has a key that is no setting to try: %s',
      v_wrong));
  end if;
  begin
    v_rule := jsonb_populate_record(v_rule, p_changes);
  exception when data_exception then
    perform dbkit._raise_invalid_alert_rule('p_changes', 'has a value of another type: ' || sqlerrm);
  end;
  if jsonb_typeof(v_rule.burn_rate) = 'null' then
    v_rule.burn_rate := null;
  end if;
  perform dbkit._check_alert_rule(v_rule);
  return v_rule;
end
$$;
comment on function dbkit._rule_to_test(text, jsonb) is
  'A rule of the caller''s organization with changes that are not stored. Raises KD720, KD721, KD723.';
grant execute on function dbkit._rule_to_test(text, jsonb) to service_role, super_admin;
