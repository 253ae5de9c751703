create or replace function dbkit._register_projection(
  p_projection text,
  p_reducer text,
  p_event_types text[] default '{*}',
  p_mode text default 'async',
  p_key text default null,
  p_description text default '',
  p_access text default null
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_reducer text;
  v_key text;
  v_types text[];
  v_definition dbkit.event_projection_definitions;
  v_is_new boolean;
begin
  perform dbkit._lock_registry();
  p_access := coalesce(p_access, (
    select d.access from dbkit.event_projection_definitions d where d.projection = p_projection), 'organization');
  perform dbkit._check_projection(p_projection, p_event_types, p_mode, p_access);
  v_reducer := dbkit._pure_function(p_projection, 'reducer', p_reducer, '(jsonb,dbkit.event_store)', 'jsonb');
  if p_key is not null then
    v_key := dbkit._pure_function(p_projection, 'key', p_key, '(dbkit.event_store)', 'text');
  end if;
  v_types := case when '*' = any (p_event_types) then '{*}'
    else array(select distinct t from unnest(p_event_types) t order by t) end;
  select d.* into v_definition
  from dbkit.event_projection_definitions d
  where d.projection = p_projection
  for update;
  v_is_new := v_definition.projection is null;
  insert into dbkit.event_projection_definitions as d (projection, mode, reducer_signature, key_signature,
    event_types, description, access, registered_at, registered_by)
  values (p_projection, p_mode, v_reducer, v_key, v_types, coalesce(p_description, ''), p_access, dbkit.clock(),
    dbkit.caller_role())
  on conflict (projection) do update
  set mode = excluded.mode, reducer_signature = excluded.reducer_signature,
    key_signature = excluded.key_signature, event_types = excluded.event_types,
    description = excluded.description, access = excluded.access, registered_at = excluded.registered_at,
    registered_by = excluded.registered_by;
  if v_is_new then
    insert into dbkit.event_projection_checkpoints (projection, generation, reducer_signature, key_signature,
      event_types, updated_at)
    values (p_projection, 1, v_reducer, v_key, v_types, dbkit.clock());
  elsif (v_definition.reducer_signature, v_definition.key_signature, v_definition.event_types)
    is distinct from (v_reducer, v_key, v_types)
  then
    perform dbkit._begin_rebuild(p_projection);
  end if;
  perform dbkit._generate_event_functions();
  if v_is_new and p_mode = 'inline' then
    perform dbkit._go_live_if_empty(p_projection);
  end if;
  v_definition := dbkit._require_projection(p_projection);
  return jsonb_build_object('projection', p_projection, 'mode', v_definition.mode,
    'is_live', v_definition.is_live, 'rebuilding', v_definition.shadow_generation is not null);
end
$$;
comment on function dbkit._register_projection(text, text, text[], text, text, text, text) is
  'What register_projection does after it checked the caller; migrations call it for the shipped ones.';
