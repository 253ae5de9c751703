create or replace function dbkit._event_table_bytes()
returns bigint
language plpgsql
stable
as $$
begin
  return (
    select sum(pg_total_relation_size(t.relation))::bigint
    from dbkit._event_tables('{event_store,event_streams,event_snapshots,event_projections}') as t);
end
$$;
comment on function dbkit._event_table_bytes() is
  'Bytes of event_store, event_streams, event_snapshots and event_projections with indexes and partitions.';
grant execute on function dbkit._event_table_bytes() to service_role, super_admin;
