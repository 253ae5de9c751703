create or replace function dbkit._has_broken_seal(
  p_organization_id text,
  p_event_type text,
  p_event_data jsonb
)
returns boolean
language plpgsql
stable
as $$
declare
  v_opened jsonb := dbkit._open_fields(p_organization_id, p_event_type, p_event_data);
begin
  return exists (
    select
    from dbkit.event_protected_fields p
    cross join lateral jsonb_array_elements(p.sealed_fields) as f (path)
    cross join lateral (select array(select jsonb_array_elements_text(f.path)) as keys) as k
    where p.event_type = p_event_type and p_event_data #> k.keys ? '$sealed' and (
      v_opened #> k.keys = '{"$tampered": true}'
      or v_opened #> k.keys = '{"$forgotten": true}' and not exists (
        select from dbkit.event_subject_keys s
        where s.organization_id = p_organization_id and s.subject = p_event_data #> k.keys ->> 'subject'
          and s.forgotten_at is not null))
  );
end
$$;
comment on function dbkit._has_broken_seal(text, text, jsonb) is
  'Whether an encrypted field does not open, though its subject was not forgotten.';
