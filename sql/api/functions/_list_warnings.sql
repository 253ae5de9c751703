create or replace function dbkit._list_warnings(p_list dbkit.api_lists)
returns text[]
language plpgsql
stable
as $$
declare
  v_source record;
  v_fixed text[];
  v_found text[];
begin
  select c.oid::regclass as id, c.relkind, c.relrowsecurity,
    coalesce(c.reloptions::text[] && array['security_invoker=true', 'security_invoker=on',
      'security_invoker=1', 'security_invoker=yes'], false) as invoker
  into v_source
  from pg_catalog.pg_class c
  where c.oid = to_regclass(p_list.source);
  if v_source.relkind not in ('r', 'p') then
    return array_remove(array[
      'that the key is unique cannot be checked here: rows that share one may be left out between two pages',
      case when v_source.relkind = 'v' and not v_source.invoker
        then 'the view reads with the rights of its owner: make it with (security_invoker = true), or its policies '
          'are not the caller''s' end,
      case when v_source.relkind = 'm'
        then 'row level security does not apply to a materialized view: everybody sees all of its rows' end], null);
  end if;
  if not v_source.relrowsecurity then
    v_fixed := array(select f.key from jsonb_each(p_list.filters) as f where f.value ? 'eq');
  end if;
  select array_agg(format('sorting by %s has no index: create index on %s (%s)', o.key, p_list.source,
    replace(dbkit._list_order_by(o.value, false, ''), '.', '')) order by o.key)
  into v_found
  from jsonb_each(p_list.orders) as o
  where not dbkit._has_list_index(v_source.id, o.value, v_fixed)
    -- The way back along an index is another order only where there are NULLs.
    and not (o.key like '-%' and p_list.orders ? substr(o.key, 2)
      and o.value @? '$[*][2] ? (@ == true)' is false);
  if v_source.relrowsecurity then
    v_found := v_found || array(
      select format('comparing %s is not leakproof: under row level security a cursor behind many rows reads them all', s)
      from unnest(p_list.sorts) as s
      where p_list.column_types -> s ->> 'type' = 'pg_catalog.numeric'
        or p_list.column_types -> s ->> 'type' not like 'pg\_catalog.%');
  end if;
  return coalesce(v_found, '{}');
end
$$;
comment on function dbkit._list_warnings(dbkit.api_lists) is
  'What makes a list slow or unsafe, though it can be registered: orders without an index (with the
statement that makes one), views that pass row level security by.';
