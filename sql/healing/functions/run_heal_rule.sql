create or replace function dbkit.run_heal_rule(p_rule text, p_dry_run boolean default false)
returns jsonb
language plpgsql
volatile
as $$
begin
  return case when p_dry_run then dbkit._preview_heal_rule(p_rule) else dbkit._run_heal_rule(p_rule) end;
end
$$;
comment on function dbkit.run_heal_rule(text, boolean) is
  'Runs a rule once: at most one batch of changes, within the budget of the hour. outcome: healed, nothing,
disabled, switched_off, tripped (too large a share would change: nothing did, see resume_heal_rule),
over_budget, failed (taken back; nothing is raised). more: there may be more to heal now. changes:
[{subject, organization_id, before, after}]. p_dry_run: tells what a run would do, and changes and keeps
nothing.
Returns {rule text, dry_run boolean, run_id bigint?, outcome text, found int?, population bigint?, healed int, budget_left int, more boolean, error text?, changes jsonb}.
Needs service_role. Raises KD003, KD740.';
grant execute on function dbkit.run_heal_rule(text, boolean) to service_role, super_admin;
