-- One trigger name for a table and all its partitions: a row trigger's clone has its parent's name.
create or replace function dbkit._event_guards()
returns table (relation regclass, guard text, problem text)
language plpgsql
stable
as $$
begin
  return query
  select t.relation, g.trigger_name,
    case when r.tgname is null then 'guard_missing' when r.tgenabled <> 'A' then 'guard_disabled' end
  from (values
    ('event_store', 'event_store_is_immutable', 27), ('event_store', 'event_store_is_not_truncated', 34),
    ('event_streams', 'event_streams_are_not_deleted', 11),
    ('event_streams', 'event_streams_is_not_truncated', 34),
    ('event_subject_receipts', 'event_subject_receipts_are_immutable', 27),
    ('event_subject_receipts', 'event_subject_receipts_is_not_truncated', 34)
  ) as g (name, trigger_name, tgtype)
  join dbkit._event_tables('{event_store,event_streams,event_subject_receipts}') as t on t.name = g.name
  left join pg_trigger r on r.tgrelid = t.relation and r.tgname = g.trigger_name and r.tgtype = g.tgtype
    and r.tgqual is null and r.tgattr = '' and r.tgfoid = 'dbkit._refuse_event_change()'::regprocedure
  union all
  select t.relation, 'row security',
    case when not (c.relrowsecurity and c.relforcerowsecurity) then 'row_security_off' end
  from dbkit._event_tables('{event_store,event_streams,event_snapshots,event_snapshot_requests,'
    'event_projections,event_subject_keys,event_subject_streams,event_subject_receipts}') as t
  join pg_class c on c.oid = t.relation;
end
$$;
comment on function dbkit._event_guards() is
  'The triggers and the row security that each table of the event store must have; problem NULL where it
has it. tgtype is the catalog''s: 11 before delete of a row, 27 before update or delete of a row, 34
before truncate.';
