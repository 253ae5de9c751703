create or replace function dbkit._require_open_letters(p_dead_letter_ids bigint[])
returns void
language plpgsql
volatile
as $$
declare
  v_missing bigint[];
begin
  if (cardinality(p_dead_letter_ids) between 1 and 10000) is not true then
    perform dbkit.raise_error('KD004', 'p_dead_letter_ids must be 1 to 10000 ids',
      '{"argument": "p_dead_letter_ids"}',
      'What stops a projection has no id: run_projection tries it again, and nothing can skip it.');
  end if;
  v_missing := array(
    select i.id
    from unnest(p_dead_letter_ids) as i (id)
    where not exists (
      select from dbkit.event_dead_letters l
      where l.dead_letter_id = i.id and l.organization_id = dbkit.current_organization()
        and l.status = 'open'));
  if v_missing <> '{}' then
    perform dbkit.raise_error('KD525', format('the organization %s has no open dead letters %s',
      dbkit.current_organization(), v_missing), jsonb_build_object('dead_letter_ids', v_missing),
      'get_dead_letters lists them; somebody else may have been quicker.');
  end if;
end
$$;
comment on function dbkit._require_open_letters(bigint[]) is
  'Raises KD525 unless all of these are open letters of the caller''s organization.';
