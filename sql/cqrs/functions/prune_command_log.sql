create or replace function dbkit.prune_command_log(
  p_older_than interval default '30 days',
  p_limit int default 10000
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_gone bigint;
begin
  perform dbkit.require_service('pruning the command log');
  if (p_older_than between interval '0' and interval '100 years' and p_limit between 1 and 1000000) is not true then
    perform dbkit.raise_error('KD004', 'p_older_than must be 0 to 100 years, and p_limit 1 to 1000000',
      '{"argument": "p_older_than, p_limit"}');
  end if;
  delete from dbkit.command_log l
  where l.ctid = any (array(
    select o.ctid
    from dbkit.command_log o
    where o.created_at < dbkit.clock() - p_older_than
    limit p_limit
    for update skip locked));
  get diagnostics v_gone = row_count;
  return v_gone;
end
$$;
comment on function dbkit.prune_command_log(interval, int) is
  'Deletes log entries older than an interval (0 to 100 years), at most p_limit (1 to 1000000) at a time;
returns how many. With an entry goes its idempotency key: a command that comes again later is done again.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.prune_command_log(interval, int) to service_role, super_admin;
