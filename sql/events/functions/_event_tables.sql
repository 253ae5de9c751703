create or replace function dbkit._event_tables(p_names text[])
returns table (relation regclass, name text, is_partition boolean)
language plpgsql
stable
as $$
begin
  return query
  with recursive tree as (
    select c.oid, n.name
    from unnest(p_names) as n (name)
    join pg_class c on c.relname = n.name and c.relnamespace = 'dbkit'::regnamespace
    union all
    select i.inhrelid, t.name
    from tree t
    join pg_inherits i on i.inhparent = t.oid
  )
  select t.oid::regclass, t.name, c.relispartition
  from tree t
  join pg_class c on c.oid = t.oid and c.relkind in ('r', 'p')
  order by c.relispartition, t.oid::regclass::text;
end
$$;
comment on function dbkit._event_tables(text[]) is
  'Tables of dbkit with all their partitions, however deep; name is the table''s whose partition it is.';
grant execute on function dbkit._event_tables(text[]) to service_role, super_admin;
