create or replace function dbkit._alert_partition_runway(
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb,
  out value double precision,
  out samples bigint
)
language plpgsql
stable
as $$
begin
  if dbkit._is_alert_time_now(p_now) and p_window_minutes > 0 and p_params is not null then
    select min(x.newest - (p_now at time zone 'UTC')::date)::double precision, count(*)
    into value, samples
    from (
      select max(to_date(right(c.relname, 8), 'YYYYMMDD')) as newest
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid
      join pg_catalog.pg_class p on p.oid = i.inhparent
      where p.relnamespace = 'dbkit'::regnamespace and p.relkind = 'p' and c.relname ~ '_20[0-9]{6}$'
      group by p.oid
    ) as x;
  end if;
end
$$;
comment on function dbkit._alert_partition_runway(timestamptz, int, jsonb) is
  'Days for which the table of dbkit that has fewest has partitions ahead; NULL when none has, or for the
past.';
grant execute on function dbkit._alert_partition_runway(timestamptz, int, jsonb) to service_role, super_admin;
