create or replace function dbkit._partition_runway()
returns table (name text, last_day date)
language sql
stable
as $$
select p.relname::text, max(to_date(right(c.relname, 8), 'YYYYMMDD'))
from pg_catalog.pg_class p
join pg_catalog.pg_inherits i on i.inhparent = p.oid
join pg_catalog.pg_class c on c.oid = i.inhrelid
where p.relnamespace = 'dbkit'::regnamespace and p.relkind = 'p' and c.relname ~ '_[0-9]{8}$'
group by p.relname
$$;
comment on function dbkit._partition_runway() is 'The last day (UTC) of each table partitioned by day.';
