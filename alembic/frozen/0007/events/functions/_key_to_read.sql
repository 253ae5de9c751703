-- VOLATILE on purpose, though reads call it: the key must be looked up with a snapshot taken after the
-- lock, else a long statement goes on reading a subject that was forgotten meanwhile.
create or replace function dbkit._key_to_read(p_organization_id text, p_subject text)
returns bytea
language plpgsql
volatile
as $$
begin
  perform dbkit._hold_subject(p_organization_id, p_subject, false);
  return (
    select k.key from dbkit.event_subject_keys k
    where k.organization_id = p_organization_id and k.subject = p_subject);
end
$$;
comment on function dbkit._key_to_read(text, text) is
  'The subject''s key; NULL when it was destroyed or never was.';
