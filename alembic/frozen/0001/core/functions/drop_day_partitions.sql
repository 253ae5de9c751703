create or replace function dbkit.drop_day_partitions(p_table regclass, p_keep_days int)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_first text;
  v_partition record;
  v_dropped int := 0;
begin
  perform dbkit.require_service('dropping partitions');
  if p_keep_days is null or p_keep_days not between 1 and 100000 then
    perform dbkit.raise_error('KD004', 'p_keep_days must be between 1 and 100000',
      jsonb_build_object('argument', 'p_keep_days', 'value', p_keep_days));
  end if;
  v_first := to_char((dbkit.clock() at time zone 'UTC')::date - p_keep_days, 'YYYYMMDD');
  for v_partition in
    select c.relname
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = p_table
      and c.relnamespace = 'dbkit'::regnamespace
      and c.relname ~ '_[0-9]{8}$'
      and right(c.relname, 8) < v_first
    order by c.relname
  loop
    execute format('drop table dbkit.%I', v_partition.relname);
    v_dropped := v_dropped + 1;
  end loop;
  return v_dropped;
end
$$;
comment on function dbkit.drop_day_partitions(regclass, int) is
  'Drops the day partitions of a table of dbkit that are older than p_keep_days days. Returns how many.
Waits at most 2 s for a lock (55P03), so that writers do not queue behind it; call it again then.';
grant execute on function dbkit.drop_day_partitions(regclass, int) to service_role, super_admin;
