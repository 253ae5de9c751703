create or replace function dbkit._resolve_group_letters(p_group text, p_positions bigint[])
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.event_dead_letters d
  set status = 'resolved', resolved_at = dbkit.clock(), resolved_by = dbkit.caller_role()
  where d.source = 'group' and d.source_name = p_group and d.status = 'requeued'
    and d.position = any (p_positions);
end
$$;
comment on function dbkit._resolve_group_letters(text, bigint[]) is
  'Requeued dead letters whose events a group has acknowledged are resolved.';
