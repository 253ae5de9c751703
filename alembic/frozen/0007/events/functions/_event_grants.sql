create or replace function dbkit._event_grants()
returns table (relation regclass, grantee text, privilege text)
language plpgsql
stable
as $$
begin
  return query
  select t.relation, coalesce(r.rolname, 'public')::text, a.privilege_type
  from dbkit._event_tables('{event_store,event_streams,event_snapshots,event_snapshot_requests,event_projections,'
    'event_projection_checkpoints,event_subject_keys,event_subject_streams,event_subject_receipts}') as t
  join pg_class c on c.oid = t.relation
  cross join lateral (
    select x.grantee, x.privilege_type from aclexplode(c.relacl) as x
    union all
    select x.grantee, x.privilege_type
    from pg_attribute b cross join lateral aclexplode(b.attacl) as x
    where b.attrelid = c.oid
  ) as a
  left join pg_roles r on r.oid = a.grantee
  where a.grantee <> c.relowner
    and (a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
      or t.name = 'event_subject_keys');
end
$$;
comment on function dbkit._event_grants() is
  'Rights that nobody but the owner may have: to write the tables of the event store, and any on the keys.';
