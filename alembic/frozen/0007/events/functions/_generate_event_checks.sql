-- A version that only upcasters name is known, and has no schema that could be broken.
create or replace function dbkit._generate_event_checks()
returns void
language plpgsql
volatile
as $$
declare
  v_types text[];
  v_leaves text[];
begin
  with versions as (
    select k.event_type, k.schema_version, t.json_schema
    from (
      select event_type, schema_version from dbkit.event_types
      union
      select event_type, unnest(array[from_version, to_version]) from dbkit.event_upcasters
    ) as k
    left join dbkit.event_types t using (event_type, schema_version)
  ), compiled as (
    select v.event_type, v.schema_version, v.json_schema, dbkit._json_check(v.json_schema, 'p_event_data') as test
    from versions v
  ), leaves as (
    select c.event_type,
      format(E'    p_schema_version := coalesce(p_schema_version, %s);\n', max(c.schema_version))
      || string_agg(format(E'    if p_schema_version = %s then\n%s      return p_schema_version;\n    end if;\n',
          c.schema_version, case when c.json_schema is not null and c.test <> 'true' then format(
            E'      if (%s) is not true then\n        perform dbkit._raise_invalid_event_data(p_event_type, '
            'p_schema_version, p_event_data);\n      end if;\n', c.test) else '' end),
          '' order by c.schema_version desc)
      || case when count(c.json_schema) > 0
          then E'    perform dbkit._raise_invalid_event_data(p_event_type, p_schema_version, p_event_data);\n'
          else '' end as leaf
    from compiled c
    group by c.event_type
  )
  select coalesce(array_agg(l.event_type order by l.event_type), '{}'),
    coalesce(array_agg(l.leaf order by l.event_type), '{}')
  into v_types, v_leaves
  from leaves l;
  execute format(
    $text$
create or replace function dbkit._check_event_data(p_event_type text, p_schema_version int, p_event_data jsonb)
returns int
language plpgsql
stable
as %L
    $text$, format(E'\nbegin\n%s  return coalesce(p_schema_version, 1);\nend\n',
      dbkit._if_tree('p_event_type', v_types, v_leaves)));
  execute format(
    $text$
create or replace function dbkit._event_schema_version(p_event_type text, p_schema_version int, p_event_data jsonb)
returns int
language sql
stable
as %L
    $text$, case when v_types = '{}' then E'\nselect coalesce(p_schema_version, 1)\n'
      else format(E'\nselect case when p_event_type = any (%L::text[])\n  then dbkit._check_event_data('
        'p_event_type, p_schema_version, p_event_data)\n  else coalesce(p_schema_version, 1) end\n',
        v_types) end);
end
$$;
comment on function dbkit._generate_event_checks() is
  'Writes _check_event_data and _event_schema_version from event_types and event_upcasters. The caller holds
the lock of _lock_registry.';
