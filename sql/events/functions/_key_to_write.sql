-- Locks in the order that forget_subject has too: first the subject's lock, then the row of its key. The
-- row's lock refuses a destroyed key under REPEATABLE READ as well, where the row looks as before (40001).
create or replace function dbkit._key_to_write(p_organization_id text, p_subject text)
returns bytea
language plpgsql
volatile
as $$
declare
  v_key bytea;
begin
  perform dbkit._hold_subject(p_organization_id, p_subject, false);
  loop
    select k.key
    into v_key
    from dbkit.event_subject_keys k
    where k.organization_id = p_organization_id and k.subject = p_subject
    for share;
    exit when found;
    insert into dbkit.event_subject_keys (organization_id, subject, key, created_at)
    values (p_organization_id, p_subject, dbkit._new_subject_key(), dbkit.clock())
    on conflict do nothing;
  end loop;
  if v_key is null then
    perform dbkit.raise_error('KD514', 'the subject of the event was forgotten',
      (select jsonb_build_object('receipt_id', r.receipt_id, 'forgotten_at', r.forgotten_at)
      from dbkit.event_subject_receipts r
      where r.organization_id = p_organization_id
        and r.subject_hash = dbkit._subject_hash(p_organization_id, p_subject)),
      'Nothing more is stored of them under this name; a person who comes back needs a new one.');
  end if;
  return v_key;
end
$$;
comment on function dbkit._key_to_write(text, text) is
  'The subject''s key, made when there was none, and held until the transaction ends. Raises KD514.';
