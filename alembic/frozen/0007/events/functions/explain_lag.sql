create or replace function dbkit.explain_lag()
returns table (
  mark bigint,
  holds_back bigint,
  pid int,
  prepared_as text,
  role_name text,
  application_name text,
  state text,
  open_since timestamptz,
  query text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_newest bigint := coalesce(pg_sequence_last_value('dbkit.event_position_seq'), 0);
begin
  perform dbkit.require_service('seeing who holds readers back');
  return query
  select ((l.classid::bigint & 65535) << 32) | l.objid::bigint as m,
    greatest(v_newest - (((l.classid::bigint & 65535) << 32) | l.objid::bigint) + 1, 0),
    l.pid, p.gid, coalesce(a.usename, p.owner)::text, a.application_name, a.state,
    coalesce(a.xact_start, p.prepared), a.query
  from pg_locks l
  left join pg_stat_activity a on a.pid = l.pid
  left join pg_locks x
    on l.pid is null and x.pid is null and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock'
    and x.virtualtransaction = l.virtualtransaction
  left join pg_prepared_xacts p on p.transaction = x.transactionid
  where l.locktype = 'advisory' and l.objsubid = 1 and l.classid::bigint >> 16 = 17474
    and l.database = (select oid from pg_database where datname = current_database())
  order by m, l.pid;
end
$$;
comment on function dbkit.explain_lag() is
  'The open transactions that have appended and hold readers by position back, the one that holds most
first; no row when nothing is held back. mark: readers see only positions below it; holds_back: how
many positions that leaves unread. prepared_as: name of a two-phase transaction, which has no pid.
End one with pg_terminate_backend(pid) or rollback prepared; idle_in_transaction_session_timeout ends
forgotten ones. Needs service_role. Raises KD003.
Nullable: pid, prepared_as, application_name, state, query.';
grant execute on function dbkit.explain_lag() to service_role, super_admin;
