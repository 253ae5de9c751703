-- VOLATILE, and the order matters: newest position, then marks, and only then (in a statement of its
-- own, with a snapshot of its own) the events. The newest is that of an event and not of the sequence:
-- numbers that were drawn and rolled back are not on disk, and after a crash they are drawn again.
-- SECURITY DEFINER, so that it is the newest of all organizations.
create or replace function dbkit.safe_position()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_newest bigint;
  v_lowest_mark bigint;
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    perform dbkit.raise_error('KD507',
      'events are read by position in READ COMMITTED transactions only: another one could miss some',
      jsonb_build_object('transaction_isolation', current_setting('transaction_isolation')),
      'Begin the transaction with isolation level read committed.');
  elsif pg_is_in_recovery() then
    perform dbkit.raise_error('KD507', 'events are read by position on the primary only',
      '{"in_recovery": true}', 'Connect to the primary; get_events reads on a replica too.');
  end if;
  v_newest := coalesce((select max(e.position) from dbkit.event_store e), 0);
  select min(((l.classid::bigint & 65535) << 32) | l.objid::bigint)
  into v_lowest_mark
  from pg_locks l
  where l.locktype = 'advisory' and l.objsubid = 1 and l.classid::bigint >> 16 = 17474
    and l.database = (select oid from pg_database where datname = current_database());
  return least(v_newest, v_lowest_mark - 1);
end
$$;
comment on function dbkit.safe_position() is
  'Every event up to this position that will ever be there is committed and can be read now.
Raises KD507 in another isolation level than READ COMMITTED, and on a replica.';
grant execute on function dbkit.safe_position() to authenticated, service_role, super_admin;
