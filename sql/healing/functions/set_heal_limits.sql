create or replace function dbkit.set_heal_limits(
  p_rule text,
  p_budget_per_hour int default null,
  p_trip_share numeric default null,
  p_trip_min int default null,
  p_batch_size int default null,
  p_enabled boolean default null,
  p_never_trips boolean default false
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_rule dbkit.heal_rules;
begin
  perform dbkit.require_super_admin('setting the limits of a heal rule');
  select * into v_rule from dbkit.heal_rules r where r.rule = p_rule for update;
  if v_rule.rule is null then
    perform dbkit._raise_unknown_heal_rule(p_rule);
  end if;
  v_rule.budget_per_hour := coalesce(p_budget_per_hour, v_rule.budget_per_hour);
  v_rule.trip_share := case when p_never_trips is not true then coalesce(p_trip_share, v_rule.trip_share) end;
  v_rule.trip_min := coalesce(p_trip_min, v_rule.trip_min);
  v_rule.batch_size := coalesce(p_batch_size, v_rule.batch_size);
  v_rule.enabled := coalesce(p_enabled, v_rule.enabled);
  perform dbkit._check_heal_rule(v_rule);
  update dbkit.heal_rules r
  set budget_per_hour = v_rule.budget_per_hour, trip_share = v_rule.trip_share, trip_min = v_rule.trip_min,
    batch_size = v_rule.batch_size, enabled = v_rule.enabled
  where r.rule = p_rule;
end
$$;
comment on function dbkit.set_heal_limits(text, int, numeric, int, int, boolean, boolean) is
  'Changes how much a rule may change, or whether it runs at all; what is NULL stays. p_never_trips takes the
trip away. A run that is under way is waited for.
Needs super_admin. Raises KD003, KD740, KD741.';
grant execute on function dbkit.set_heal_limits(text, int, numeric, int, int, boolean, boolean)
to super_admin;
