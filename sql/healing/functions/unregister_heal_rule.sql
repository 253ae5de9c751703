create or replace function dbkit.unregister_heal_rule(p_rule text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('removing a heal rule');
  delete from dbkit.heal_rules r where r.rule = p_rule;
  if not found then
    perform dbkit._raise_unknown_heal_rule(p_rule);
  end if;
end
$$;
comment on function dbkit.unregister_heal_rule(text) is
  'Removes a rule; a run that is under way is waited for. What it did stays in the ledger, and cannot be
undone by it any more. Needs super_admin. Raises KD003, KD740.';
grant execute on function dbkit.unregister_heal_rule(text) to super_admin;
