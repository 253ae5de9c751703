-- Upcasters go to higher versions only, so one pass in the order of their versions runs any chain. Each
-- is a statement of its own: Postgres checks the right to execute every function of a statement, run or
-- not.
create or replace function dbkit._generate_upcasting()
returns void
language plpgsql
volatile
as $$
declare
  v_types text[];
  v_leaves text[];
  v_newest jsonb;
  v_both text[];
  v_upcast text[];
  v_sealed text[];
begin
  with recursive chains as (
    select event_type, from_version as first_version, to_version from dbkit.event_upcasters
    union
    select c.event_type, c.first_version, u.to_version
    from chains c
    join dbkit.event_upcasters u on u.event_type = c.event_type and u.from_version = c.to_version
  ), ends as (
    select event_type, first_version, max(to_version) as to_version from chains group by 1, 2
  ), maps as (
    select event_type, jsonb_object_agg(first_version, to_version) as versions from ends group by 1
  )
  select coalesce(jsonb_object_agg(event_type, versions), '{}') into v_newest from maps;

  select coalesce(array_agg(l.event_type order by l.event_type), '{}'),
    coalesce(array_agg(l.leaf order by l.event_type), '{}')
  into v_types, v_leaves
  from (
    select u.event_type, string_agg(format(
      E'    if p_schema_version = %s then\n      p_event_data := coalesce(%s(p_event_data), '
      'dbkit._raise_null_result(%L,\n        jsonb_build_object(''event_type'', p_event_type, '
      '''schema_version'', p_schema_version)));\n      p_schema_version := %s;\n    end if;\n',
      u.from_version, left(u.upcaster_signature, -length('(jsonb)')), u.upcaster_signature, u.to_version),
      '' order by u.from_version) || E'    return p_event_data;\n' as leaf
    from dbkit.event_upcasters u
    group by u.event_type
  ) as l;
  execute format(
    $text$
create or replace function dbkit._upcast_event_data(p_event_type text, p_schema_version int, p_event_data jsonb)
returns jsonb
language plpgsql
stable
as %L
    $text$, format(E'\nbegin\n%s  return p_event_data;\nend\n', dbkit._if_tree('p_event_type', v_types, v_leaves)));

  v_sealed := array(select f.event_type from dbkit.event_protected_fields f order by f.event_type);
  v_both := array(select t from unnest(v_types) t where t = any (v_sealed));
  v_upcast := array(select t from unnest(v_types) t where t <> all (v_sealed));
  v_sealed := array(select t from unnest(v_sealed) t where t <> all (v_types));
  execute format(
    $text$
create or replace function dbkit._current_event_data(
  p_organization_id text,
  p_event_type text,
  p_schema_version int,
  p_event_data jsonb
)
returns jsonb
language sql
stable
as %L
    $text$, case when v_both || v_upcast || v_sealed = '{}' then E'\nselect p_event_data\n'
      else E'\nselect case\n'
        || case when v_both <> '{}' then format(E'  when p_event_type = any (%L::text[]) then '
          'dbkit._upcast_event_data(p_event_type, p_schema_version,\n    '
          'dbkit._unseal_event_data(p_organization_id, p_event_type, p_event_data))\n', v_both) else '' end
        || case when v_upcast <> '{}' then format(E'  when p_event_type = any (%L::text[]) then '
          'dbkit._upcast_event_data(p_event_type, p_schema_version, p_event_data)\n', v_upcast) else '' end
        || case when v_sealed <> '{}' then format(E'  when p_event_type = any (%L::text[]) then '
          'dbkit._unseal_event_data(p_organization_id, p_event_type, p_event_data)\n', v_sealed) else '' end
        || E'  else p_event_data end\n' end);
  execute format(
    $text$
create or replace function dbkit._current_schema_version(p_event_type text, p_schema_version int)
returns int
language sql
immutable
as %L
    $text$, case when v_types = '{}' then E'\nselect p_schema_version\n'
      else format(E'\nselect case when p_event_type = any (%L::text[]) then coalesce('
        '(%L::jsonb -> p_event_type ->> p_schema_version::text)::int, p_schema_version)\n'
        '  else p_schema_version end\n', v_types, v_newest) end);
end
$$;
comment on function dbkit._generate_upcasting() is
  'Writes _upcast_event_data, _current_event_data and _current_schema_version from event_upcasters and
event_protected_fields. The caller holds the lock of _lock_registry.';
