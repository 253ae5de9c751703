create or replace function dbkit.get_heal_ledger(
  p_rule text default null,
  p_subject text default null,
  p_run_id bigint default null,
  p_before_id bigint default null,
  p_limit int default 50
)
returns table (
  ledger_id bigint,
  run_id bigint,
  rule text,
  organization_id text,
  subject text,
  before jsonb,
  after jsonb,
  healed_at timestamptz,
  undone_at timestamptz,
  undone_by text,
  undo_reason text
)
language plpgsql
stable
as $$
begin
  perform dbkit._check_heal_page(p_limit);
  return query
  select l.id, l.run_id, l.rule::text, l.organization_id::text, l.subject::text, l.before, l.after, l.healed_at,
    l.undone_at, l.undone_by, l.undo_reason
  from dbkit.heal_ledger l
  where (p_rule is null or l.rule = p_rule) and (p_subject is null or l.subject = p_subject)
    and (p_run_id is null or l.run_id = p_run_id) and (p_before_id is null or l.id < p_before_id)
  order by l.id desc
  limit p_limit;
end
$$;
comment on function dbkit.get_heal_ledger(text, text, bigint, bigint, int) is
  'What was healed, newest first: of a rule, a subject or a run, p_limit (1 to 1000) at a time; p_before_id:
the last ledger_id of the page before.
Nullable: undone_at, undone_by, undo_reason.
Needs service_role. Raises KD004.';
grant execute on function dbkit.get_heal_ledger(text, text, bigint, bigint, int) to service_role, super_admin;
