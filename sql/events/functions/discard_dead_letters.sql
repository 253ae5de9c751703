create or replace function dbkit.discard_dead_letters(p_dead_letter_ids bigint[], p_reason text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_discarded int;
begin
  perform dbkit.require_service('discarding dead letters');
  if (length(trim(p_reason)) between 1 and 500) is not true then
    perform dbkit.raise_error('KD004', 'a reason has 1 to 500 characters', '{"argument": "p_reason"}');
  end if;
  perform dbkit._require_open_letters(p_dead_letter_ids);
  perform
  from dbkit.event_dead_letters l
  where l.dead_letter_id = any (p_dead_letter_ids)
  order by l.dead_letter_id
  for update;
  perform dbkit._require_open_letters(p_dead_letter_ids);
  update dbkit.event_dead_letters l
  set status = 'discarded', resolved_at = dbkit.clock(), resolved_by = dbkit.caller_role(),
    detail = l.detail || jsonb_build_object('discarded_because', p_reason)
  where l.dead_letter_id = any (p_dead_letter_ids) and l.organization_id = dbkit.current_organization()
    and l.status = 'open';
  get diagnostics v_discarded = row_count;
  return v_discarded;
end
$$;
comment on function dbkit.discard_dead_letters(bigint[], text) is
  'Closes open dead letters of the caller''s organization, 1 to 10000, all or none: nobody is told of
these events any more. p_reason: 1 to 500 characters, kept in detail.discarded_because. How many it were.
Needs service_role. Raises KD003, KD004, KD525.';
grant execute on function dbkit.discard_dead_letters(bigint[], text) to service_role, super_admin;
