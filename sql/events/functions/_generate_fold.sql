create or replace function dbkit._generate_fold()
returns void
language plpgsql
volatile
as $$
declare
  v_types text[];
  v_leaves text[];
  v_changed text[] := array(
    select event_type from dbkit.event_upcasters union select event_type from dbkit.event_protected_fields order by 1);
begin
  select coalesce(array_agg(t.aggregate_type order by t.aggregate_type), '{}'),
    coalesce(array_agg(format(
      E'    return coalesce(%s(coalesce(p_state, p_start), p_event), dbkit._raise_null_result(%L,\n      '
      'jsonb_build_object(''aggregate_type'', p_event.aggregate_type, ''aggregate_id'', p_event.aggregate_id, '
      '''version'', p_event.version)));\n',
      left(t.applier_signature, -length('(jsonb,dbkit.event_store)')), t.applier_signature)
      order by t.aggregate_type), '{}')
  into v_types, v_leaves
  from dbkit.event_aggregate_types t
  where t.applier_signature is not null;
  execute format(
    $text$
create or replace function dbkit._fold_event(p_state jsonb, p_start jsonb, p_event dbkit.event_store)
returns jsonb
language plpgsql
stable
as %L
    $text$, format(E'\nbegin\n%s%s  return dbkit._raise_no_applier(p_event.aggregate_type);\nend\n',
      case when v_changed = '{}' then '' else format(
        E'  if p_event.event_type = any (%L::text[]) then\n    p_event.event_data := dbkit._current_event_data('
        'p_event.organization_id, p_event.event_type,\n      p_event.schema_version, p_event.event_data);\n'
        '    p_event.schema_version := dbkit._current_schema_version(p_event.event_type, p_event.schema_version);\n'
        '  end if;\n', v_changed) end,
      dbkit._if_tree('p_event.aggregate_type', v_types, v_leaves)));
end
$$;
comment on function dbkit._generate_fold() is
  'Writes _fold_event from event_aggregate_types. Runs after _generate_upcasting. The caller holds the lock
of _lock_registry.';
