-- Calls by name instead of EXECUTE, which would plan a text for every event. A stored signature is
-- quoted and ends in its argument list, so what is before that is the function's name.
create or replace function dbkit._generate_projections()
returns void
language plpgsql
volatile
as $$
declare
  v_keys text;
  v_reducers text;
  v_inline text;
begin
  select string_agg(distinct format(E'  if p_key = %L then\n    return %s(p_event);\n  end if;\n',
    c.key_signature, left(c.key_signature, -length('(dbkit.event_store)'))), '')
  into v_keys
  from dbkit.event_projection_checkpoints c
  where c.key_signature is not null;
  select string_agg(distinct format(E'  if p_reducer = %L then\n    return %s(p_state, p_event);\n  end if;\n',
    c.reducer_signature, left(c.reducer_signature, -length('(jsonb,dbkit.event_store)'))), '')
  into v_reducers
  from dbkit.event_projection_checkpoints c;
  select string_agg(format(
    $text$
  if %s then
    v_key := %s;
    while v_key is not null loop
      v_state := dbkit._lock_projection_row(p_event.organization_id, %L, %s, v_key);
      exit when dbkit._write_projection_row(p_event.organization_id, %L, %s, v_key, v_state is not null,
        %s(v_state, p_event), p_event.position);
    end loop;
  end if;
    $text$,
    case when '*' = any (c.event_types) then 'true'
      else format('p_event.event_type = any (%L::text[])', c.event_types) end,
    case when c.key_signature is null then 'p_event.aggregate_id'
      else left(c.key_signature, -length('(dbkit.event_store)')) || '(p_event)' end,
    d.projection, c.generation, d.projection, c.generation,
    left(c.reducer_signature, -length('(jsonb,dbkit.event_store)'))), '' order by d.projection)
  into v_inline
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  where d.mode = 'inline' and d.is_live;

  execute format(
    $text$
create or replace function dbkit._projection_key(p_key text, p_event dbkit.event_store)
returns text
language plpgsql
stable
as %L
    $text$, format(E'\nbegin\n%s  perform dbkit._raise_not_generated(p_key, p_event);\n  return null;\nend\n', v_keys));
  execute format(
    $text$
create or replace function dbkit._projection_reduce(p_reducer text, p_state jsonb, p_event dbkit.event_store)
returns jsonb
language plpgsql
stable
as %L
    $text$, format(E'\nbegin\n%s  perform dbkit._raise_not_generated(p_reducer, p_event);\n  return p_state;\nend\n', v_reducers));
  execute format(
    $text$
create or replace function dbkit._project_inline(p_event dbkit.event_store)
returns void
language plpgsql
volatile
as %L
    $text$, case when v_inline is null then E'\nbegin\n  if p_event.event_type = any (dbkit._inline_event_types()) then\n'
      '    perform dbkit._raise_not_generated(''inline'', p_event);\n  end if;\nend\n' else format(
      E'\ndeclare\n  v_key text;\n  v_state jsonb;\nbegin%s\nend\n', rtrim(v_inline)) end);
end
$$;
comment on function dbkit._generate_projections() is
  'Writes _projection_key, _projection_reduce and _project_inline from the registered projections.';
