-- Whoever claimed an event before a subject in it was forgotten may quote plain text afterwards. To read the
-- event takes the subjects' locks: forget_subject waits for what is kept here, or it was there before.
create or replace function dbkit._error_to_keep(p_position bigint, p_claimed_at timestamptz, p_error text)
returns text
language plpgsql
volatile
as $$
declare
  v_event dbkit.event_store;
begin
  select e.* into v_event from dbkit.event_store e where e.position = p_position;
  perform dbkit._unseal_event_data(v_event.organization_id, v_event.event_type, v_event.event_data);
  if exists (
    select
    from dbkit.event_protected_fields p
    cross join lateral jsonb_array_elements(p.sealed_fields) as f (path)
    join dbkit.event_subject_keys k on k.organization_id = v_event.organization_id
      and k.subject = v_event.event_data #> array(select jsonb_array_elements_text(f.path)) ->> 'subject'
    where p.event_type = v_event.event_type and k.forgotten_at >= p_claimed_at
  ) then
    return 'forgotten';
  end if;
  return left(coalesce(p_error, ''), 2000);
end
$$;
comment on function dbkit._error_to_keep(bigint, timestamptz, text) is
  'What a consumer said of an event that it has claimed, at most 2000 characters; forgotten, when that may
quote somebody who was forgotten since.';
