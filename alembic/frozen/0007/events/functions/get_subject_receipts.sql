create or replace function dbkit.get_subject_receipts(p_subject text)
returns table (
  receipt_id uuid,
  subject_hash text,
  key_hash text,
  events bigint,
  streams bigint,
  projections text[],
  reason text,
  forgotten_at timestamptz,
  forgotten_by text
)
language plpgsql
stable
as $$
begin
  return query
  select r.receipt_id, encode(r.subject_hash, 'hex'), encode(r.key_hash, 'hex'), r.events, r.streams,
    r.projections, r.reason, r.forgotten_at, r.forgotten_by
  from dbkit.event_subject_receipts r
  where r.organization_id = dbkit.current_organization()
    and r.subject_hash = dbkit._subject_hash(dbkit.current_organization(), p_subject);
end
$$;
comment on function dbkit.get_subject_receipts(text) is
  'The receipt of forgetting a subject of the caller''s organization; no row when they were not forgotten.
Hashes in hex: subject_hash is sha256 of the JSON array [organization, subject], key_hash sha256 of the
destroyed key; projections had to be rebuilt. Needs service_role.';
grant execute on function dbkit.get_subject_receipts(text) to service_role, super_admin;
