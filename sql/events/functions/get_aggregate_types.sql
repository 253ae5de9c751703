create or replace function dbkit.get_aggregate_types()
returns table (
  aggregate_type text,
  applier text,
  applier_version int,
  snapshot_every int,
  is_chained boolean,
  access text,
  registered_at timestamptz,
  registered_by text
)
language plpgsql
stable
as $$
begin
  return query
    select t.aggregate_type, t.applier_signature, t.applier_version, t.snapshot_every, t.is_chained,
      t.access, t.registered_at, t.registered_by
    from dbkit.event_aggregate_types t
    order by t.aggregate_type;
end
$$;
comment on function dbkit.get_aggregate_types() is
  'The aggregate types that have an applier (register_applier) or settings of their own
(configure_aggregate). applier: its signature. snapshot_every: a snapshot is due every so many events, 0
never. access: organization or service.
Nullable: applier.';
grant execute on function dbkit.get_aggregate_types() to authenticated, service_role, super_admin;
